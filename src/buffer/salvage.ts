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

/** Copies what can be read to a new file, and puts that in the place of the broken one only when it is complete: a kill on the way costs nothing. */
export function salvageFile({ directory, synchronous, nowMs }: OpenOptions, cause: string): Salvage {
  removeFiles(directory, NEW_FILE);
  const copy = openDatabase(directory, NEW_FILE, synchronous);
  try {
    const result = copyBlocks(join(directory, FILE), copy);
    copy.close();
    return { cause, ...result, path: setAside(directory, nowMs) };
  } finally {
    copy.close();
  }
}

function copyBlocks(
  from: string,
  to: Database.Database,
): Pick<Salvage, 'keptBlocks' | 'keptSamples' | 'lostBlocks'> {
  if (!existsSync(from)) return { keptBlocks: 0, keptSamples: 0, lostBlocks: 0 };
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
    return {
      keptBlocks: kept.size,
      keptSamples,
      lostBlocks: [...owners.keys()].filter((id) => !kept.has(id)).length,
    };
  } finally {
    pages.close();
  }
}

/** Who has a block pending: destination -> attempts, by the table and by its index, which has no attempts. */
class Owners {
  readonly inTable = new Map<string, number>();
  readonly inIndex = new Set<string>();

  /** Those who have it, or may have it: where table and index differ something is lost, and everyone who had it at first counts. */
  of(atFirst: readonly string[]): Map<string, number> {
    const agreed =
      this.inTable.size > 0 &&
      this.inTable.size === this.inIndex.size &&
      [...this.inIndex].every((name) => this.inTable.has(name));
    const names = agreed ? this.inIndex : new Set([...this.inTable.keys(), ...this.inIndex, ...atFirst]);
    return new Map([...names].map((name) => [name, this.inTable.get(name) ?? 0]));
  }
}

function ownersIn(pages: Pages): Map<number, Owners> {
  const all = new Map<number, Owners>();
  const get = (id: number) => {
    const owners = all.get(id) ?? new Owners();
    all.set(id, owners);
    return owners;
  };
  for (const [first, second, attempts, ...more] of pages.records()) {
    if (more.length > 0) continue;
    if (typeof first === 'string' && typeof second === 'number' && typeof attempts === 'number')
      get(second).inTable.set(first, attempts);
    if (typeof first === 'number' && typeof second === 'string' && attempts === undefined)
      get(first).inIndex.add(second);
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
      for (const [destination, attempts] of owners) pending.run(destination, id, attempts);
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
