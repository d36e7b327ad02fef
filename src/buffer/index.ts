export {
  type BlockBuffer,
  type BufferSetUp,
  type Lane,
  type Lease,
  openBuffer,
  type PendingStats,
  type Routes,
} from './buffer.js';
export { type DirectoryLock, lockDirectory } from './lock.js';
export type { BufferOptions } from './options.js';
