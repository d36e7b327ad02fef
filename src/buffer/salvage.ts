import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { isDiskFault } from './fault.js';
import { FILE, NEW_FILE, removeFiles, setAside } from './files.js';
import { Pages, type Row } from './pages.js';
import { checksumOf, openDatabase, VERSION } from './sqlite-store.js';
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
  const nothing = { keptBlocks: 0, keptSamples: 0, lostBlocks: 0 };
  if (!existsSync(from)) return nothing;
  const pages = new Pages(from);
  try {
    const { version } = pages;
    // A file of another version is for another Sentinel, not broken.
    if (version !== undefined && version !== VERSION) return nothing;
    const owners = ownersIn(pages);
    const kept = new Set<number>();
    let keptSamples = 0;
    for (const blocks of chunksOf(blocksIn(pages, owners))) {
      if (!insert(to, blocks)) break;
      for (const { id, block } of blocks) {
        if (!kept.has(id)) keptSamples += block.samples;
        kept.add(id);
      }
    }
    return { keptBlocks: kept.size, keptSamples, lostBlocks: owners.size - kept.size };
  } finally {
    pages.close();
  }
}

/** Who has which block pending: block -> destination -> attempts. It stands in the table and once more, without the attempts, in its index. */
function ownersIn(pages: Pages): Map<number, Map<string, number>> {
  const all = new Map<number, Map<string, number>>();
  const add = (destination: string, id: number, attempts: number) => {
    const owners = all.get(id) ?? new Map<string, number>();
    owners.set(destination, Math.max(attempts, owners.get(destination) ?? 0));
    all.set(id, owners);
  };
  for (const [first, second, attempts, ...more] of pages.records()) {
    if (more.length > 0) continue;
    if (typeof first === 'string' && typeof second === 'number' && typeof attempts === 'number')
      add(first, second, attempts);
    if (typeof first === 'number' && typeof second === 'string' && attempts === undefined)
      add(second, first, 0);
  }
  return all;
}

/** The blocks that somebody has pending and whose checksum is right. */
function* blocksIn(
  pages: Pages,
  ownersOf: ReadonlyMap<number, ReadonlyMap<string, number>>,
): Generator<StoredBlock & { crc: number }> {
  for (const row of pages.rows()) {
    const owners = ownersOf.get(row.rowid);
    const found = owners === undefined ? undefined : blockIn(row);
    if (owners !== undefined && found !== undefined) yield { ...found, owners };
  }
}

function blockIn({
  rowid: id,
  values,
}: Row): (Pick<StoredBlock, 'id' | 'block'> & { crc: number }) | undefined {
  const [, route, format, codec, samples, minMs, maxMs, crc, bytes] = values;
  const texts = typeof route === 'string' && format === 'remote_write_1' && codec === 'snappy';
  const numbers = typeof samples === 'number' && typeof minMs === 'number' && typeof maxMs === 'number';
  if (!texts || !numbers || typeof crc !== 'number' || !(bytes instanceof Uint8Array)) return undefined;
  const block = { route, format, codec, samples, minMs, maxMs, bornMs: -Infinity, bytes } as const;
  return checksumOf(id, block) === crc ? { id, block, crc } : undefined;
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

/** False when there is no room: the rest stays in the file that is set aside. */
function insert(to: Database.Database, blocks: readonly (StoredBlock & { crc: number })[]): boolean {
  const block = to.prepare('INSERT OR IGNORE INTO block VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const pending = to.prepare('INSERT OR IGNORE INTO pending VALUES (?, ?, ?)');
  try {
    to.transaction(() => {
      for (const { id, block: it, crc, owners } of blocks) {
        const { route, format, codec, samples, minMs, maxMs, bytes } = it;
        block.run(id, route, format, codec, samples, minMs, maxMs, crc, bytes);
        for (const [destination, attempts] of owners) pending.run(destination, id, attempts);
      }
    })();
    return true;
  } catch (error) {
    if (isDiskFault(error) && (error as { code?: string }).code === 'SQLITE_FULL') return false;
    throw error;
  }
}
