export type { BufferOptions } from './options.js';
