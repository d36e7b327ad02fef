export type { Config, LoggingOptions } from './config.js';
export { loadConfig } from './temporary.js';
