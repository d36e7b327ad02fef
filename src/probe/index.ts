export { CutShortError, type Outcome, runOnce } from './outcome.js';
export { fieldsOf, type LoadedPlugin, loadPlugin, loadPlugins, type PluginCatalog } from './plugin-loader.js';
export { Probes } from './probes.js';
export type { LastResult, TaskStatus } from './status.js';
export { readOptions, type Task } from './task.js';
