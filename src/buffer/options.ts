/** The `buffer` section, compiled. */
export interface BufferOptions {
  /** The longest that a sample may exist in memory alone; 0 = write-through. */
  commitIntervalMs: number;
  /** On disk, over all destinations. */
  maxSizeBytes: number;
  /** Older blocks are dropped; 0 = none. */
  maxAgeMs: number;
  /** Bytes of blocks that are in RAM only; at the limit they are committed at once. */
  maxMemoryBytes: number;
  onFull: 'drop_oldest' | 'drop_newest';
  synchronous: 'normal' | 'full';
}
