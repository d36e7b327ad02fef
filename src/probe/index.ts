export { encodeFrame, FrameReader } from './frames.js';
export { rssBytes } from './host-child.js';
export { CutShortError, type Outcome, runOnce } from './outcome.js';
export {
  fieldsOf,
  folderOf,
  type ImportWatch,
  type LoadedPlugin,
  loadFolders,
  loadPlugin,
  loadPlugins,
  type PluginCatalog,
  type PluginFolder,
  type PluginProblem,
} from './plugin-loader.js';
export { Probes } from './probes.js';
export type { ProbesSettings } from './settings.js';
export {
  type HostStatus,
  type LastResult,
  TASK_STATES,
  type TaskState,
  type TaskStatus,
  taskState,
} from './status.js';
export { readOptions, type Task } from './task.js';
