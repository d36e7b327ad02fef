import { renameSync, rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { Block } from '../model/index.js';
import { makeDirectory, makePrivateFile } from './directory.js';

const FILE = 'buffer.db';
const VERSION = 1;
const SIDE_FILES = ['', '-wal', '-shm'];
/** Pages given back in one go: a few milliseconds each. */
const VACUUM_PAGES = 4096;
/** Room that a block needs beside its bytes: its row, and those that say who has it pending. */
const ROW_BYTES = 512;

const SCHEMA = `
CREATE TABLE block (
  id INTEGER PRIMARY KEY, route TEXT NOT NULL, format TEXT NOT NULL, codec TEXT NOT NULL,
  samples INTEGER NOT NULL, min_ts INTEGER NOT NULL, max_ts INTEGER NOT NULL, bytes BLOB NOT NULL
);
CREATE TABLE pending (
  destination TEXT NOT NULL, block INTEGER NOT NULL, attempts INTEGER NOT NULL,
  PRIMARY KEY (destination, block)
) WITHOUT ROWID;
CREATE INDEX pending_block ON pending (block);
`;

/** A block and who still has to get it: destination -> requests that failed. */
export interface StoredBlock {
  id: number;
  block: Block;
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
}

/** How a commit goes about the limit. */
interface WriteLimits {
  /** Bytes of the file in use, at most. */
  maxBytes: number;
  /** drop_oldest: stored blocks make room. drop_newest: what does not fit is not written. */
  onFull: 'drop_oldest' | 'drop_newest';
  /** Blocks that are being sent: never dropped. */
  keep: ReadonlySet<number>;
}

/** The blocks on disk. Asynchronous, so that it can move to a worker. Every method throws what SQLite throws, and then has changed nothing. */
export interface Store {
  /** What is stored, by destination. */
  counts(): Promise<Map<string, StoredCounts>>;
  /** The highest id in use; 0 when nothing is stored. */
  lastId(): Promise<number>;
  /** Writes the blocks, in order, in one transaction. Gives what had to go for them, and the ids that did not fit. */
  write(
    blocks: readonly StoredBlock[],
    limits: WriteLimits,
  ): Promise<{ dropped: Removed[]; left: Set<number> }>;
  /** The oldest or newest block of a destination that is not in `except`. */
  find(
    destination: string,
    end: 'oldest' | 'newest',
    except: ReadonlySet<number>,
  ): Promise<Found | undefined>;
  /** The oldest timestamp of the destination's oldest block, ms. */
  oldestMs(destination: string): Promise<number | undefined>;
  /** The destination no longer needs the block, which goes when nobody does. A no-op when it is not stored. */
  remove(destination: string, id: number): Promise<void>;
  /** Drops blocks whose newest sample is older than `limitMs`, from the oldest on, up to the first that is not. */
  dropOlder(limitMs: number, keep: ReadonlySet<number>): Promise<Removed[]>;
  /** Counts a failed request. */
  countAttempt(destination: string, id: number): Promise<void>;
  /** Gives free pages back to the file system, up to 16 MiB at a time. A no-op while blocks are stored: they will need the pages again. */
  shrink(): Promise<void>;
  /** Bytes of the file that are in use. */
  usedBytes(): Promise<number>;
  close(): Promise<void>;
}

/** How a store is opened; tests put faults in its place. */
export type OpenStore = (directory: string, synchronous: 'normal' | 'full') => Promise<Store>;

/** One block, counted. */
export function countsOf({ samples, bytes }: Block): StoredCounts {
  return { blocks: 1, samples, bytes: bytes.length };
}

/** Whether an error comes from the disk or the file system, and not from a mistake of ours. */
export function isDiskFault(error: unknown): boolean {
  return error instanceof Database.SqliteError || (error as NodeJS.ErrnoException).syscall !== undefined;
}

/** Whether an error says that the file itself is broken, not the disk under it or the moment. */
export function isCorrupt(error: unknown): boolean {
  return (
    error instanceof Database.SqliteError && /^SQLITE_(CORRUPT|NOTADB|ERROR|MISMATCH|SCHEMA)/.test(error.code)
  );
}

/** Renames the file and those beside it to names that end in `suffix`; gives the new path. */
export function setAside(directory: string, suffix: string): string {
  const path = `${directory}/${FILE}`;
  for (const side of SIDE_FILES) {
    try {
      renameSync(`${path}${side}`, `${path}.${suffix}${side}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return `${path}.${suffix}`;
}

/** Removes the file and those beside it. */
export function removeFiles(directory: string): void {
  for (const side of SIDE_FILES) rmSync(`${directory}/${FILE}${side}`, { force: true });
}

/** Opens the store of a data directory, or makes it. */
export const openSqliteStore: OpenStore = async (directory, synchronous) => {
  makeDirectory(directory);
  const database = new Database(makePrivateFile(directory, FILE), { timeout: 1000 });
  try {
    // Before the first table, and before the WAL writes the header: afterwards it has no effect.
    database.pragma('auto_vacuum = INCREMENTAL');
    database.pragma('journal_mode = WAL');
    database.pragma(`synchronous = ${synchronous === 'full' ? 'FULL' : 'NORMAL'}`);
    database.pragma(`journal_size_limit = ${4 * 2 ** 20}`);
    const version = database.pragma('user_version', { simple: true });
    if (version === 0) makeTables(database);
    else if (version !== VERSION)
      throw new Database.SqliteError(
        `it has version ${version}, this Sentinel knows ${VERSION}`,
        'SQLITE_SCHEMA',
      );
    return new SqliteStore(database);
  } catch (error) {
    database.close();
    throw error;
  }
};

function makeTables(database: Database.Database): void {
  database.transaction(() => {
    database.exec(SCHEMA);
    database.pragma(`user_version = ${VERSION}`);
  })();
}

interface BlockRow {
  id: number;
  attempts: number;
  route: string;
  format: Block['format'];
  codec: Block['codec'];
  samples: number;
  minMs: number;
  maxMs: number;
  bytes: Uint8Array;
}

class SqliteStore implements Store {
  readonly #database: Database.Database;
  readonly #sql;
  readonly #write;
  readonly #remove;
  readonly #dropOlder;

  constructor(database: Database.Database) {
    this.#database = database;
    this.#sql = statements(database);
    this.#write = database.transaction(this.#writeNow.bind(this));
    this.#remove = database.transaction(this.#removeNow.bind(this));
    this.#dropOlder = database.transaction(this.#dropOlderNow.bind(this));
  }

  async counts(): Promise<Map<string, StoredCounts>> {
    const rows = this.#sql.counts.all();
    return new Map(rows.map(({ destination, ...counts }) => [destination, counts]));
  }

  async lastId(): Promise<number> {
    return this.#sql.lastId.get()?.id ?? 0;
  }

  async write(blocks: readonly StoredBlock[], limits: WriteLimits) {
    return this.#write(blocks, limits);
  }

  async find(destination: string, end: 'oldest' | 'newest', except: ReadonlySet<number>) {
    const ids = end === 'oldest' ? this.#sql.oldestIds : this.#sql.newestIds;
    const next = ids.all(destination, except.size + 1).find(({ id }) => !except.has(id));
    const row = next === undefined ? undefined : this.#sql.read.get(destination, next.id);
    return row === undefined ? undefined : { id: row.id, attempts: row.attempts, block: blockOf(row) };
  }

  async oldestMs(destination: string): Promise<number | undefined> {
    return this.#sql.oldestMs.get(destination)?.ms;
  }

  async remove(destination: string, id: number): Promise<void> {
    this.#remove(destination, id);
  }

  async dropOlder(limitMs: number, keep: ReadonlySet<number>): Promise<Removed[]> {
    return this.#dropOlder(limitMs, keep);
  }

  async countAttempt(destination: string, id: number): Promise<void> {
    this.#sql.countAttempt.run(destination, id);
  }

  async shrink(): Promise<void> {
    if (this.#sql.nextId.get(-1) !== undefined) return;
    if (Number(this.#database.pragma('freelist_count', { simple: true })) > 0)
      this.#database.pragma(`incremental_vacuum(${VACUUM_PAGES})`);
  }

  async usedBytes(): Promise<number> {
    return this.#usedBytes();
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  #writeNow(blocks: readonly StoredBlock[], limits: WriteLimits): { dropped: Removed[]; left: Set<number> } {
    const dropped: Removed[] = [];
    const left = new Set<number>();
    let freeBytes = limits.maxBytes - this.#usedBytes();
    let room = blocks.reduce((sum, { block }) => sum + block.bytes.length + ROW_BYTES, 0);
    if (limits.onFull === 'drop_oldest' && room > freeBytes) {
      for (const id of this.#candidates(limits.keep)) {
        if (room <= freeBytes) break;
        dropped.push(...this.#dropBlock(id));
        freeBytes = limits.maxBytes - this.#usedBytes();
      }
    }
    const ordered = limits.onFull === 'drop_oldest' ? [...blocks] : [...blocks].reverse();
    for (const { id, block } of ordered) {
      if (room <= freeBytes) break;
      left.add(id);
      room -= block.bytes.length + ROW_BYTES;
    }
    for (const entry of blocks) if (!left.has(entry.id)) this.#insert(entry);
    return { dropped, left };
  }

  #insert({ id, block, owners }: StoredBlock): void {
    const { route, format, codec, samples, minMs, maxMs, bytes } = block;
    this.#sql.insertBlock.run(id, route, format, codec, samples, Math.floor(minMs), Math.ceil(maxMs), bytes);
    for (const [destination, attempts] of owners) this.#sql.insertPending.run(destination, id, attempts);
  }

  #removeNow(destination: string, id: number): void {
    this.#sql.deletePending.run(destination, id);
    this.#sql.deleteUnowned.run(id, id);
  }

  #dropOlderNow(limitMs: number, keep: ReadonlySet<number>): Removed[] {
    const removed: Removed[] = [];
    for (const id of this.#candidates(keep)) {
      if (this.#sql.newestSample.get(id)!.ms >= limitMs) break;
      removed.push(...this.#dropBlock(id));
    }
    return removed;
  }

  /** Ids from the oldest on, but those in `keep`; each is read when the one before has been dealt with. */
  *#candidates(keep: ReadonlySet<number>): Generator<number> {
    for (let row = this.#sql.nextId.get(-1); row !== undefined; row = this.#sql.nextId.get(row.id)) {
      if (!keep.has(row.id)) yield row.id;
    }
  }

  #dropBlock(id: number): Removed[] {
    const size = this.#sql.size.get(id)!;
    const owners = this.#sql.owners.all(id);
    this.#sql.deletePendings.run(id);
    this.#sql.deleteUnowned.run(id, id);
    return owners.map(({ destination }) => ({ destination, id, ...size }));
  }

  #usedBytes(): number {
    const pages = (name: string) => Number(this.#database.pragma(name, { simple: true }));
    return (pages('page_count') - pages('freelist_count')) * pages('page_size');
  }
}

function blockOf(row: BlockRow): Block {
  const { route, format, codec, samples, minMs, maxMs, bytes } = row;
  return { route, format, codec, samples, minMs, maxMs, bornMs: -Infinity, bytes };
}

function statements(database: Database.Database) {
  const sql = <Parameters extends unknown[], Row = unknown>(text: string) =>
    database.prepare<Parameters, Row>(text);
  return {
    counts: sql<[], { destination: string } & StoredCounts>(
      `SELECT destination, count(*) AS blocks, sum(samples) AS samples, sum(length(bytes)) AS bytes
       FROM pending JOIN block ON block.id = pending.block GROUP BY destination`,
    ),
    lastId: sql<[], { id: number | null }>('SELECT max(id) AS id FROM block'),
    nextId: sql<[number], { id: number }>('SELECT id FROM block WHERE id > ? ORDER BY id LIMIT 1'),
    oldestIds: sql<[string, number], { id: number }>(
      'SELECT block AS id FROM pending WHERE destination = ? ORDER BY block LIMIT ?',
    ),
    newestIds: sql<[string, number], { id: number }>(
      'SELECT block AS id FROM pending WHERE destination = ? ORDER BY block DESC LIMIT ?',
    ),
    oldestMs: sql<[string], { ms: number }>(
      'SELECT min_ts AS ms FROM pending JOIN block ON block.id = pending.block WHERE destination = ? ORDER BY pending.block LIMIT 1',
    ),
    newestSample: sql<[number], { ms: number }>('SELECT max_ts AS ms FROM block WHERE id = ?'),
    read: sql<[string, number], BlockRow>(
      `SELECT id, attempts, route, format, codec, samples, min_ts AS minMs, max_ts AS maxMs, bytes
       FROM pending JOIN block ON block.id = pending.block WHERE destination = ? AND pending.block = ?`,
    ),
    size: sql<[number], { samples: number; bytes: number }>(
      'SELECT samples, length(bytes) AS bytes FROM block WHERE id = ?',
    ),
    owners: sql<[number], { destination: string }>('SELECT destination FROM pending WHERE block = ?'),
    insertBlock: sql<[number, string, string, string, number, number, number, Uint8Array]>(
      'INSERT INTO block VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    ),
    insertPending: sql<[string, number, number]>('INSERT INTO pending VALUES (?, ?, ?)'),
    countAttempt: sql<[string, number]>(
      'UPDATE pending SET attempts = attempts + 1 WHERE destination = ? AND block = ?',
    ),
    deletePending: sql<[string, number]>('DELETE FROM pending WHERE destination = ? AND block = ?'),
    deletePendings: sql<[number]>('DELETE FROM pending WHERE block = ?'),
    deleteUnowned: sql<[number, number]>(
      'DELETE FROM block WHERE id = ? AND NOT EXISTS (SELECT 1 FROM pending WHERE block = ?)',
    ),
  };
}
