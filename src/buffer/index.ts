export type {
  BlockBuffer,
  BufferEnd,
  BufferSetUp,
  Lane,
  Lease,
  PendingStats,
  Routes,
} from './block-buffer.js';
export { openBuffer } from './buffer.js';
export { type DirectoryLock, lockDirectory, lockWhenWritable } from './lock.js';
export type { BufferOptions } from './options.js';
