import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import Database from 'better-sqlite3';
import type { Block } from '../model/index.js';
import { makeDirectory, makePrivateFile } from './directory.js';
import { PAGE_BYTES } from './pages.js';
import { STAMP_SCHEMA, StampTable } from './stamp-table.js';
import type {
  Contents,
  Found,
  Look,
  Removed,
  Salvage,
  Store,
  StoredBlock,
  StoredCounts,
  WriteLimits,
  Written,
} from './store.js';

/** Stands in the header of the file, as `user_version`. */
const VERSION = 3;
/** Bytes given back in one go: tens of milliseconds each. */
const VACUUM_BYTES = 16 * 2 ** 20;
/** Bytes of the journal that are moved to the file in one go. */
const JOURNAL_BYTES = 4 * 2 ** 20;
/** Room that a block needs beside its bytes: its row, and those that say who has it pending. */
const ROW_BYTES = 512;
/** Pages that are kept in memory; better-sqlite3's own default is 16 MB. */
const CACHE_KIB = 1024;

const SCHEMA = `
CREATE TABLE block (
  id INTEGER PRIMARY KEY, route TEXT NOT NULL, format TEXT NOT NULL, codec TEXT NOT NULL,
  samples INTEGER NOT NULL, min_ts INTEGER NOT NULL, max_ts INTEGER NOT NULL,
  destinations TEXT NOT NULL, crc INTEGER NOT NULL, bytes BLOB NOT NULL
);
CREATE TABLE pending (
  destination TEXT NOT NULL, block INTEGER NOT NULL, attempts INTEGER NOT NULL, samples INTEGER NOT NULL,
  PRIMARY KEY (destination, block)
) WITHOUT ROWID;
CREATE INDEX pending_block ON pending (block, samples);
`;

/**
 * A block, with those who had it pending when it was written: the table `pending` counts, but it may get lost. That one and its index also have the number of
 * samples: of a block that gets lost, it is still known how many were in it.
 */
export const INTO_BLOCK = 'INTO block VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)';
export const INTO_PENDING = 'INTO pending VALUES (?, ?, ?, ?)';

/** Opens a file of a data directory, or makes it. */
export function openDatabase(
  directory: string,
  name: string,
  synchronous: 'normal' | 'full',
): Database.Database {
  makeDirectory(directory);
  const database = new Database(makePrivateFile(directory, name), { timeout: 1000 });
  try {
    // Nobody else reads it while an agent runs; so the journal's index needs no file of its own, which would be written too.
    database.pragma('locking_mode = EXCLUSIVE');
    // Before the first table, and before the WAL writes the header: afterwards it has no effect.
    database.pragma(`page_size = ${PAGE_BYTES}`);
    database.pragma('auto_vacuum = INCREMENTAL');
    database.pragma('journal_mode = WAL');
    database.pragma(`synchronous = ${synchronous === 'full' ? 'FULL' : 'NORMAL'}`);
    database.pragma(`journal_size_limit = ${JOURNAL_BYTES}`);
    database.pragma(`wal_autocheckpoint = ${JOURNAL_BYTES / PAGE_BYTES}`);
    database.pragma(`cache_size = -${CACHE_KIB}`);
    const version = database.pragma('user_version', { simple: true });
    if (version === 0) makeTables(database);
    else if (version === VERSION) database.exec(STAMP_SCHEMA);
    else
      throw new Database.SqliteError(
        `it has version ${version}, this Sentinel knows ${VERSION}`,
        'SQLITE_SCHEMA',
      );
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function makeTables(database: Database.Database): void {
  database.transaction(() => {
    database.exec(SCHEMA + STAMP_SCHEMA);
    database.pragma(`user_version = ${VERSION}`);
  })();
}

/** Bytes that this thread has written so far, to whatever; `undefined` where the kernel does not count them. */
export function threadWrittenBytes(): number | undefined {
  try {
    return Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/thread-self/io', 'latin1'))?.[1]);
  } catch {
    return undefined;
  }
}

/** The checksum of a block, over its bytes and what is said of it: SQLite has none, and a receiver would take wrong values for right ones. */
export function checksumOf(id: number, block: Omit<Block, 'bornMs'>, destinations: string): number {
  const { route, format, codec, samples, minMs, maxMs, bytes } = block;
  return crc32(bytes, crc32([id, route, format, codec, samples, minMs, maxMs, destinations].join('\n')));
}

/** Names of destinations as one text; no name has a line feed. */
export const joinNames = (names: Iterable<string>): string => [...names].join('\n');

interface BlockRow {
  id: number;
  attempts: number;
  route: string;
  format: Block['format'];
  codec: Block['codec'];
  samples: number;
  minMs: number;
  maxMs: number;
  destinations: string;
  crc: number;
  bytes: Uint8Array;
}

/** The blocks in an SQLite file. */
export class SqliteStore implements Store {
  readonly #database: Database.Database;
  readonly #salvage: Salvage | undefined;
  readonly #sql;
  readonly #stamps: StampTable;
  readonly #write;
  readonly #remove;
  readonly #dropOlder;
  #writtenBytes: number;

  /** `writtenBytes`: what opening the file wrote. */
  constructor(database: Database.Database, salvage: Salvage | undefined, writtenBytes: number) {
    this.#database = database;
    this.#salvage = salvage;
    this.#writtenBytes = writtenBytes;
    this.#sql = statements(database);
    this.#stamps = new StampTable(database);
    this.#write = database.transaction(this.#writeNow.bind(this));
    this.#remove = database.transaction(this.#removeNow.bind(this));
    this.#dropOlder = database.transaction(this.#dropOlderNow.bind(this));
  }

  async contents(): Promise<Contents> {
    const rows = this.#sql.counts.all();
    if (rows.some(({ blocks, found }) => found < blocks))
      throw new Database.SqliteError('blocks are missing', 'SQLITE_CORRUPT');
    return {
      counts: new Map(rows.map(({ destination, found: _, ...counts }) => [destination, counts])),
      lastId: this.#sql.lastId.get()?.id ?? 0,
      salvage: this.#salvage,
      boots: this.#stamps.ends(),
    };
  }

  async write(blocks: readonly StoredBlock[], limits: WriteLimits): Promise<Written> {
    const bytes = blocks.reduce((sum, { block }) => sum + block.bytes.length, 0);
    return this.#counted(() => this.#write(blocks, limits), bytes);
  }

  async find(destination: string, end: 'oldest' | 'newest', except: ReadonlySet<number>) {
    const broken: Removed[] = [];
    for (;;) {
      const row = this.#next(destination, end, except);
      if (row === undefined) return { found: undefined, broken };
      const stamp = this.#stamps.get(row.id);
      const found: Found = { id: row.id, attempts: row.attempts, block: blockOf(row), stamp };
      if (checksumOf(row.id, found.block, row.destinations) === row.crc) return { found, broken };
      broken.push(...this.#counted(() => this.#dropBlock(row.id)));
    }
  }

  async remove(destination: string, id: number): Promise<void> {
    this.#counted(() => this.#remove(destination, id));
  }

  async dropOlder(limitMs: number, keep: ReadonlySet<number>): Promise<Removed[]> {
    return this.#counted(() => this.#dropOlder(limitMs, keep));
  }

  async countAttempt(destination: string, id: number): Promise<void> {
    this.#counted(() => this.#sql.countAttempt.run(destination, id));
  }

  async shift(boot: string, startMs: number): Promise<void> {
    const synchronous = this.#number('synchronous');
    this.#database.pragma('synchronous = FULL');
    try {
      this.#counted(() => this.#stamps.shift(boot, startMs));
    } finally {
      this.#database.pragma(`synchronous = ${synchronous}`);
    }
  }

  async probe(): Promise<void> {
    this.#counted(() => this.#database.pragma(`user_version = ${VERSION}`));
  }

  async shrink(): Promise<boolean> {
    if (this.#sql.nextId.get(-1) !== undefined) return false;
    const free = () => this.#number('freelist_count');
    if (free() === 0) return false;
    this.#counted(() => this.#database.pragma(`incremental_vacuum(${VACUUM_BYTES / PAGE_BYTES})`));
    return free() > 0;
  }

  async look(destinations: readonly string[]): Promise<Look> {
    const times = destinations.map((name) => [name, this.#sql.oldestMs.get(name)?.ms] as const);
    return {
      usedBytes: this.#usedBytes(),
      writtenBytes: this.#writtenBytes,
      oldestMs: new Map(times.filter((entry): entry is readonly [string, number] => entry[1] !== undefined)),
    };
  }

  async close(): Promise<number> {
    this.#counted(() => this.#database.close());
    return this.#writtenBytes;
  }

  /** Does it, and counts what it writes; where the kernel does not, `atLeast`. */
  #counted<T>(work: () => T, atLeast = 0): T {
    const before = threadWrittenBytes();
    try {
      return work();
    } finally {
      this.#writtenBytes += before === undefined ? atLeast : (threadWrittenBytes() ?? before) - before;
    }
  }

  #next(destination: string, end: 'oldest' | 'newest', except: ReadonlySet<number>): BlockRow | undefined {
    const ids = end === 'oldest' ? this.#sql.oldestIds : this.#sql.newestIds;
    const next = ids.all(destination, except.size + 1).find(({ id }) => !except.has(id));
    return next === undefined ? undefined : this.#sql.read.get(destination, next.id);
  }

  #writeNow(blocks: readonly StoredBlock[], limits: WriteLimits): Written {
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

  #insert({ id, block, stamp, owners }: StoredBlock): void {
    const rounded = { ...block, minMs: Math.floor(block.minMs), maxMs: Math.ceil(block.maxMs) };
    const { route, format, codec, samples, minMs, maxMs, bytes } = rounded;
    const names = joinNames(owners.keys());
    const crc = checksumOf(id, rounded, names);
    this.#sql.insertBlock.run(id, route, format, codec, samples, minMs, maxMs, names, crc, bytes);
    if (stamp !== undefined) this.#stamps.put(id, stamp);
    for (const [destination, attempts] of owners)
      this.#sql.insertPending.run(destination, id, attempts, samples);
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
    return (this.#number('page_count') - this.#number('freelist_count')) * this.#number('page_size');
  }

  #number(pragma: string): number {
    return Number(this.#database.pragma(pragma, { simple: true }));
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
    counts: sql<[], { destination: string; found: number } & StoredCounts>(
      `SELECT destination, count(*) AS blocks, count(id) AS found, sum(block.samples) AS samples, sum(length(bytes)) AS bytes
       FROM pending LEFT JOIN block ON block.id = pending.block GROUP BY destination`,
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
      `SELECT min_ts + coalesce(shift_ms, 0) AS ms FROM pending JOIN block ON block.id = pending.block
       LEFT JOIN stamp ON stamp.block = block.id WHERE destination = ? ORDER BY pending.block LIMIT 1`,
    ),
    newestSample: sql<[number], { ms: number }>(
      'SELECT max_ts + coalesce(shift_ms, 0) AS ms FROM block LEFT JOIN stamp ON stamp.block = block.id WHERE id = ?',
    ),
    read: sql<[string, number], BlockRow>(
      `SELECT id, attempts, route, format, codec, block.samples, min_ts AS minMs, max_ts AS maxMs, destinations, crc, bytes
       FROM pending JOIN block ON block.id = pending.block WHERE destination = ? AND pending.block = ?`,
    ),
    size: sql<[number], { samples: number; bytes: number }>(
      'SELECT samples, length(bytes) AS bytes FROM block WHERE id = ?',
    ),
    owners: sql<[number], { destination: string }>('SELECT destination FROM pending WHERE block = ?'),
    insertBlock: sql<[number, string, string, string, number, number, number, string, number, Uint8Array]>(
      `INSERT ${INTO_BLOCK}`,
    ),
    insertPending: sql<[string, number, number, number]>(`INSERT ${INTO_PENDING}`),
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
