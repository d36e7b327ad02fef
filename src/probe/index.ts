export { encodeFrame, FrameReader } from './frames.js';
export { CutShortError, type Outcome, runOnce } from './outcome.js';
export {
  fieldsOf,
  folderOf,
  type LoadedPlugin,
  loadPlugin,
  loadPlugins,
  type PluginCatalog,
  type PluginFolder,
} from './plugin-loader.js';
export { Probes, type ProbesSettings } from './probes.js';
export {
  type HostStatus,
  type LastResult,
  TASK_STATES,
  type TaskState,
  type TaskStatus,
  taskState,
} from './status.js';
export { readOptions, type Task } from './task.js';
