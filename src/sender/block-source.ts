import type { Block } from '../model/index.js';

/** A block that this destination alone is sending, until it says what became of it. */
export interface PendingBlock {
  readonly destination: string;
  readonly id: number;
  /** Requests for it that failed before. */
  readonly attempts: number;
  readonly block: Block;
}

/** What is pending for a destination. */
interface PendingStats {
  blocks: number;
  samples: number;
  /** Compressed. */
  bytes: number;
  /** Oldest timestamp of the oldest block, ms; `undefined` when nothing is pending. */
  oldestMs: number | undefined;
  /** Samples given up since start, for any reason. */
  droppedSamples: number;
}

/** Where blocks come from, and where the sender says what became of them: the buffer. */
export interface BlockSource {
  /** Hands a block out, the oldest or the freshest; `undefined` when there is none. */
  take(destination: string, end: 'oldest' | 'fresh'): Promise<PendingBlock | undefined>;
  /** The receiver has it. */
  ack(block: PendingBlock): Promise<void>;
  /** The receiver may take it later: it keeps its place. */
  release(block: PendingBlock): Promise<void>;
  /** The receiver will never take it. */
  drop(block: PendingBlock, reason: 'refused'): Promise<void>;
  /** Writes everything that is in memory only. */
  commit(): Promise<void>;
  /** What is pending for a destination. */
  stats(destination: string): PendingStats;
  /** Calls back after each new block. */
  onPush(listener: () => void): () => void;
}
