import type { Boot, Clock, Logger, Metrics } from '../lib/index.js';
import type { Block, Taken } from '../model/index.js';
import type { ShiftBlock } from './boot-time.js';
import type { BufferOptions } from './options.js';
import type { OpenStore } from './store.js';

/** A block that a destination is sending: its until `ack`, `release` or `drop`. */
export interface Lease {
  readonly destination: string;
  readonly id: number;
  /** Requests for it that failed before. */
  readonly attempts: number;
  readonly block: Block;
  /** As the buffer keeps it: before its times were corrected. */
  readonly kept: Block;
}

/** Which end of what is pending: `oldest` keeps the order, `fresh` gives the newest first. */
export type Lane = 'oldest' | 'fresh';

/** What is pending for a destination. */
export interface PendingStats {
  blocks: number;
  samples: number;
  bytes: number;
  /** Oldest timestamp of the oldest block, ms; `undefined` when nothing is pending. */
  oldestMs: number | undefined;
  /** Samples given up since start, for any reason. */
  droppedSamples: number;
}

/**
 * Keeps every block until each destination of its route has acknowledged it, or a limit dropped it, which is counted. Blocks younger than the
 * commit interval live in memory alone; older ones in SQLite. What it is told is done in the order in which it was told.
 */
export interface BlockBuffer {
  /** Takes a block for the destinations of its route. `refused` only after `close`. Never waits for the disk. */
  push(block: Block): Taken;
  /** Hands a block out that nobody else of this destination has; `undefined` when there is none. */
  take(destination: string, lane: Lane): Promise<Lease | undefined>;
  /** The receiver has it. */
  ack(lease: Lease): Promise<void>;
  /** The receiver may take it later: it keeps its place. */
  release(lease: Lease): Promise<void>;
  /** The receiver will never take it. */
  drop(lease: Lease, reason: 'refused'): Promise<void>;
  /** Writes everything that is in memory only. Settles also when the disk fails or has not answered for 5 s: it is tried again later. */
  commit(): Promise<void>;
  /** Settles when all that was taken so far is committed, delivered or dropped. */
  safe(): Promise<void>;
  /** What is pending for a destination. */
  stats(destination: string): PendingStats;
  /** Calls back after each `push`, and when a disk that failed works again; gives the function that ends it. */
  onPush(listener: () => void): () => void;
  /**
   * From now on blocks go where these routes say. What is queued stays, also for a destination that no route names any longer; its queue goes
   * when it is empty. Blocks of a route that is gone must have been pushed before.
   */
  setRoutes(routes: Routes): void;
  /** From now on these limits count. */
  setOptions(options: BufferOptions): void;
  /**
   * The clock was set; all that was stamped before must have been pushed. Gives by how many ms, if it is still the first minutes of the agent in this
   * boot, else 0. By more than a minute, what came in in them goes out with its times moved: also after a restart, and in a later boot.
   */
  shiftUnsent(): number;
  /** Samples that exist in memory alone, over all destinations. */
  unsavedSamples(): number;
  /** Commits, closes the file, and refuses blocks from now on. What cannot be committed, or not within that time, is lost, counted and logged. */
  close(withinMs?: number): Promise<BufferEnd>;
}

/** What became of a buffer that was closed. */
export interface BufferEnd {
  /** Over all destinations. */
  lostSamples: number;
  /** The disk has not answered: a thread is inside one of its calls, so this process cannot end before it does. Whatever guards the directory must stay. */
  isStalled: boolean;
}

/** Names of the destinations of each route. */
export type Routes = ReadonlyMap<string, readonly string[]>;

/** What a buffer needs. */
export interface BufferSetUp {
  /** `sentinel.data_dir`; made when it is not there. Must be locked by this process. */
  directory: string;
  options: BufferOptions;
  routes: Routes;
  clock: Clock;
  boot: Boot;
  /** Moves the times of a block that the clock was wrong for. */
  shiftBlock: ShiftBlock;
  log: Logger;
  metrics: Metrics;
  /** Tests put a store with faults in. */
  openStore?: OpenStore;
}
