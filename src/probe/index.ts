export { CutShortError, type Outcome, runOnce } from './outcome.js';
export { fieldsOf, type LoadedPlugin, loadPlugin, loadPlugins, type PluginCatalog } from './plugin-loader.js';
export { Probes } from './probes.js';
export {
  type HostStatus,
  type LastResult,
  TASK_STATES,
  type TaskState,
  type TaskStatus,
  taskState,
} from './status.js';
export { readOptions, type Task } from './task.js';
