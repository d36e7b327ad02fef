import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import type { Stamp } from './boot-time.js';
import { isDiskFault } from './fault.js';
import { FILE, NEW_FILE, removeFiles, setAside } from './files.js';
import { Pages, type Row } from './pages.js';
import { checksumOf, INTO_BLOCK, INTO_PENDING, openDatabase } from './sqlite-store.js';
import { StampTable, stampIn } from './stamp-table.js';
import type { OpenOptions, Salvage, StoredBlock } from './store.js';

/** Bytes of blocks that are copied in one transaction. */
const COPY_BYTES = 4 * 2 ** 20;
/** Where the trees of the table `pending` and of its index begin: after the header, the pointer map and the root of `block`. */
const PENDING_ROOTS = [4, 5];

/** Copies what can be read to a new file, and puts that in the place of the broken one only when it is complete: a kill on the way costs nothing. */
export function salvageFile({ directory, synchronous, nowMs, settled }: OpenOptions, cause: string): Salvage {
  removeFiles(directory, NEW_FILE);
  const copy = openDatabase(directory, NEW_FILE, synchronous);
  try {
    const result = copyBlocks(join(directory, FILE), copy, settled);
    copy.close();
    return { cause, ...result, path: setAside(directory, nowMs) };
  } finally {
    copy.close();
  }
}

function copyBlocks(
  from: string,
  to: Database.Database,
  settled: OpenOptions['settled'],
): Omit<Salvage, 'cause' | 'path'> {
  if (!existsSync(from))
    return { keptBlocks: 0, keptSamples: 0, lostBlocks: 0, lostSamples: new Map(), isExact: false };
  const pages = new Pages(from);
  try {
    const owners = ownersIn(pages);
    const stamps = new Map<number, Stamp>();
    const kept = new Set<number>();
    let keptSamples = 0;
    for (const blocks of chunksOf(blocksIn(pages, owners, stamps))) {
      if (!insert(to, blocks)) break;
      for (const { id, block } of blocks) {
        if (!kept.has(id)) keptSamples += block.samples;
        kept.add(id);
      }
    }
    insertStamps(to, stamps, kept);
    const lost = [...owners].filter(([id]) => !kept.has(id));
    const isExact =
      pages.knowsFree &&
      pages.hadAllRecords(PENDING_ROOTS) &&
      [...owners.values()].every(({ isSure }) => isSure);
    const lostSamples = samplesOf(lost, settled);
    return { keptBlocks: kept.size, keptSamples, lostBlocks: lost.length, lostSamples, isExact };
  } finally {
    pages.close();
  }
}

/** What blocks hold for each destination that has them pending. */
function samplesOf(
  blocks: readonly (readonly [number, Owners])[],
  settled: OpenOptions['settled'],
): Map<string, number> {
  const sums = new Map<string, number>();
  for (const [id, { samples }] of blocks)
    for (const [name, count] of samples)
      if (!settled.get(name)?.has(id)) sums.set(name, (sums.get(name) ?? 0) + count);
  return sums;
}

/** Who has a block pending, by the table and by its index, which has no attempts. */
class Owners {
  readonly inTable = new Map<string, { attempts: number; samples: number }>();
  /** Destination -> samples. */
  readonly inIndex = new Map<string, number>();

  /** Those who have it, or may have it, with their attempts: where table and index differ something is lost, and everyone who had it at first counts. */
  of(atFirst: readonly string[]): Map<string, number> {
    const names = new Set([...this.inTable.keys(), ...this.inIndex.keys(), ...(this.#agree ? [] : atFirst)]);
    return new Map([...names].map((name) => [name, this.inTable.get(name)?.attempts ?? 0]));
  }

  /** Whether table and index say the same. */
  get isSure(): boolean {
    return (
      this.#agree && [...this.inIndex].every(([name, count]) => this.inTable.get(name)!.samples === count)
    );
  }

  /** Destination -> samples of the block, as far as they are known. */
  get samples(): Map<string, number> {
    const inTable = [...this.inTable].map(([name, { samples }]) => [name, samples] as const);
    return new Map([...this.inIndex, ...inTable]);
  }

  get #agree(): boolean {
    const { inTable, inIndex } = this;
    const [some, same] = [inTable.size > 0, inTable.size === inIndex.size];
    return some && same && [...inIndex.keys()].every((name) => inTable.has(name));
  }
}

function ownersIn(pages: Pages): Map<number, Owners> {
  const all = new Map<number, Owners>();
  const get = (id: number) => {
    const owners = all.get(id) ?? new Owners();
    all.set(id, owners);
    return owners;
  };
  for (const [first, second, third, samples, ...more] of pages.records()) {
    if (more.length > 0 || typeof second !== 'number') continue;
    if (typeof first === 'string' && typeof third === 'number' && typeof samples === 'number')
      get(second).inTable.set(first, { attempts: third, samples });
    if (typeof first === 'number' && typeof third === 'string' && samples === undefined)
      get(first).inIndex.set(third, second);
  }
  return all;
}

/** A block as its row has it. */
interface SalvagedBlock extends StoredBlock {
  destinations: string;
  crc: number;
}

/**
 * The blocks that somebody has pending and whose checksum is right. A row is deleted when nobody has it pending; so where it is sure that no deleted row is
 * seen, or nothing is left of who has what pending, a row that nobody seems to have counts as well: twice is better than never. Puts the stamps that it comes upon into `stamps`.
 */
function* blocksIn(
  pages: Pages,
  ownersOf: ReadonlyMap<number, Owners>,
  stamps: Map<number, Stamp>,
): Generator<SalvagedBlock> {
  const believeRows = pages.knowsFree || ownersOf.size === 0;
  for (const row of pages.rows()) {
    const stamp = stampIn(row.rowid, row.values);
    if (stamp !== undefined) stamps.set(row.rowid, stamp);
    const owners = ownersOf.get(row.rowid);
    if (owners === undefined && !believeRows) continue;
    const found = blockIn(row);
    const atFirst = found?.destinations.split('\n') ?? [];
    if (found !== undefined) yield { ...found, owners: (owners ?? new Owners()).of(atFirst) };
  }
}

function blockIn({ rowid: id, values }: Row): Omit<SalvagedBlock, 'owners'> | undefined {
  const [, route, format, codec, samples, minMs, maxMs, destinations, crc, bytes] = values;
  const texts = typeof route === 'string' && format === 'remote_write_1' && codec === 'snappy';
  const numbers = typeof samples === 'number' && typeof minMs === 'number' && typeof maxMs === 'number';
  if (!texts || !numbers || typeof crc !== 'number' || typeof destinations !== 'string') return undefined;
  if (!(bytes instanceof Uint8Array)) return undefined;
  const block = { route, format, codec, samples, minMs, maxMs, bornMs: -Infinity, bytes } as const;
  if (checksumOf(id, block, destinations) !== crc) return undefined;
  return { id, block, destinations, crc };
}

function* chunksOf<T extends StoredBlock>(blocks: Iterable<T>): Generator<T[]> {
  let chunk: T[] = [];
  let bytes = 0;
  for (const entry of blocks) {
    chunk.push(entry);
    bytes += entry.block.bytes.length;
    if (bytes < COPY_BYTES) continue;
    yield chunk;
    chunk = [];
    bytes = 0;
  }
  if (chunk.length > 0) yield chunk;
}

function insert(to: Database.Database, blocks: readonly SalvagedBlock[]): boolean {
  const block = to.prepare(`INSERT OR IGNORE ${INTO_BLOCK}`);
  const pending = to.prepare(`INSERT OR IGNORE ${INTO_PENDING}`);
  return tryInsert(to, () => {
    for (const { id, block: it, destinations, crc, owners } of blocks) {
      const { route, format, codec, samples, minMs, maxMs, bytes } = it;
      block.run(id, route, format, codec, samples, minMs, maxMs, destinations, crc, bytes);
      for (const [destination, attempts] of owners) pending.run(destination, id, attempts, samples);
    }
  });
}

function insertStamps(
  to: Database.Database,
  stamps: ReadonlyMap<number, Stamp>,
  kept: ReadonlySet<number>,
): void {
  const table = new StampTable(to);
  tryInsert(to, () => {
    for (const [id, stamp] of stamps) if (kept.has(id)) table.put(id, stamp);
  });
}

/** False when there is no room: the rest stays in the file that is set aside. */
function tryInsert(to: Database.Database, work: () => void): boolean {
  try {
    to.transaction(work)();
    return true;
  } catch (error) {
    if (isDiskFault(error) && (error as { code?: string }).code === 'SQLITE_FULL') return false;
    throw error;
  }
}
