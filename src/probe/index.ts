export { encodeFrame, FrameReader } from './frames.js';
export { CutShortError, type Outcome, runOnce } from './outcome.js';
export {
  fieldsOf,
  type LoadedPlugin,
  loadPlugin,
  loadPlugins,
  type PluginCatalog,
  type PluginFolder,
} from './plugin-loader.js';
export { Probes } from './probes.js';
export type { LastResult, TaskStatus } from './status.js';
export { readOptions, type Task } from './task.js';
