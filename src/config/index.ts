export type { LoadDependencies } from './compile.js';
export type { Config, LoggingOptions } from './config.js';
export { readDataDirectory } from './data-directory.js';
export { ConfigError } from './error.js';
export { loadConfig } from './load.js';
export { readConfig, readConfigApart, readConfigWatched, readPlugins } from './reader.js';
export { Reloader, type ReloadResult } from './reloader.js';
export { loadRelabelRules } from './rules.js';
export { configText } from './shown.js';
export {
  catalogMessage,
  type FolderCatalog,
  faultMessagesOf,
  messagesOf,
  type ReadConfig,
  type ReaderMessage,
  readConfigOf,
} from './transfer.js';
