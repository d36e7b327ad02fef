export type { Config, LoggingOptions } from './config.js';
