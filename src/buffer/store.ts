import type { Block } from '../model/index.js';
import type { Stamp } from './boot-time.js';

/** A block and who still has to get it: destination -> requests that failed. */
export interface StoredBlock {
  id: number;
  block: Block;
  stamp?: Stamp | undefined;
  owners: ReadonlyMap<string, number>;
}

/** What one destination lost or settled: one block of it. */
export interface Removed {
  destination: string;
  id: number;
  samples: number;
  bytes: number;
}

/** What is stored for a destination. */
export interface StoredCounts {
  blocks: number;
  samples: number;
  bytes: number;
}

/** A block of one destination, read again. */
export interface Found {
  id: number;
  attempts: number;
  block: Block;
  stamp?: Stamp | undefined;
}

/** How a commit goes about the limit. */
export interface WriteLimits {
  /** Bytes of the file in use, at most. */
  maxBytes: number;
  /** drop_oldest: stored blocks make room. drop_newest: what does not fit is not written. */
  onFull: 'drop_oldest' | 'drop_newest';
  /** Blocks that are being sent: never dropped. */
  keep: ReadonlySet<number>;
}

/** What had to go for a commit, and the ids that did not fit. */
export interface Written {
  dropped: Removed[];
  left: ReadonlySet<number>;
}

/** What became of a file that was broken. */
export interface Salvage {
  /** Why it was given up. */
  cause: string;
  /** Where it is now. */
  path: string;
  keptBlocks: number;
  keptSamples: number;
  /** Blocks that somebody had pending and that could not be read, or for which there was no room. */
  lostBlocks: number;
  /** Their samples, by destination. */
  lostSamples: ReadonlyMap<string, number>;
  /** Whether what is lost is known exactly; it is not where the lists of what is pending are broken too. */
  isExact: boolean;
}

/** What a file holds when it is opened. */
export interface Contents {
  /** By destination. */
  counts: ReadonlyMap<string, StoredCounts>;
  /** The highest id in use; 0 when nothing is stored. */
  lastId: number;
  /** Set when the file was broken and this one holds what could be read of it. */
  salvage: Salvage | undefined;
  /** The boots that blocks with a stamp are of, and the uptime at which the first minutes of each end. */
  boots: ReadonlyMap<string, number>;
}

/** What is shown of a file. */
export interface Look {
  /** Bytes of the file that are in use. */
  usedBytes: number;
  /** Bytes written since it was opened, its journal included. */
  writtenBytes: number;
  /** The oldest timestamp of the oldest block, ms, of each destination that has one. */
  oldestMs: ReadonlyMap<string, number>;
}

/** The blocks on disk. Asynchronous, because it lives in a worker. Every method rejects with what SQLite throws, and then has changed nothing. */
export interface Store {
  /** Looks through the whole file. */
  contents(): Promise<Contents>;
  /** Writes the blocks, in order, in one transaction. */
  write(blocks: readonly StoredBlock[], limits: WriteLimits): Promise<Written>;
  /** The oldest or newest block of a destination that is not in `except`. Blocks whose checksum is wrong are removed on the way, and given. */
  find(
    destination: string,
    end: 'oldest' | 'newest',
    except: ReadonlySet<number>,
  ): Promise<{ found: Found | undefined; broken: Removed[] }>;
  /** The destination no longer needs the block, which goes when nobody does. A no-op when it is not stored. */
  remove(destination: string, id: number): Promise<void>;
  /** Drops blocks whose newest sample is older than `limitMs`, from the oldest on, up to the first that is not. */
  dropOlder(limitMs: number, keep: ReadonlySet<number>): Promise<Removed[]>;
  /** Counts a failed request. */
  countAttempt(destination: string, id: number): Promise<void>;
  /** The clock says now that this boot began at `startMs`: what its blocks are to be moved by is written, safe from a power cut as well. */
  shift(boot: string, startMs: number): Promise<void>;
  /** Writes a page, to see whether it can. */
  probe(): Promise<void>;
  /** Gives free pages back to the file system, up to 16 MiB at a time; whether there are more. A no-op while blocks are stored: they will need the pages again. */
  shrink(): Promise<boolean>;
  look(destinations: readonly string[]): Promise<Look>;
  /** Closes the file; gives the bytes written since it was opened. */
  close(): Promise<number>;
}

/** How the file of a data directory is opened. */
export interface OpenOptions {
  directory: string;
  synchronous: 'normal' | 'full';
  /** Wall clock, for the name of a file that is set aside. */
  nowMs: number;
  /** Set when the file is known to be broken, and how. */
  broken: string | undefined;
  /** By destination: blocks that it no longer needs, whatever the file says, so that they are not lost with it. */
  settled: ReadonlyMap<string, ReadonlySet<number>>;
}

/** Opens the store of a data directory, or makes it; tests put faults in its place. A broken file is set aside, with what can be read of it kept. */
export type OpenStore = (options: OpenOptions) => Promise<Store>;

/** One block, counted. */
export function countsOf({ samples, bytes }: Block): StoredCounts {
  return { blocks: 1, samples, bytes: bytes.length };
}
