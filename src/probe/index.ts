export { HOST_METRICS, outcomeSamples, resultOfThrow } from './outcome.js';
export { fieldsOf, type LoadedPlugin, loadPlugin, loadPlugins, type PluginCatalog } from './plugin-loader.js';
export { type OnceOptions, type OnceResult, runOnce } from './run-once.js';
export type { LastResult, TaskStatus } from './status.js';
export { type ReadOptions, readOptions, type Task } from './task.js';
