import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** A value of a record; what is neither integer, text nor bytes reads as `undefined`. */
export type Value = number | string | Uint8Array | undefined;

/** A row of a table with a rowid. */
export interface Row {
  rowid: number;
  values: Value[];
}

/**
 * Bytes of a page of our files. Small, because a commit writes a handful of pages, however little is in it: of 100 samples each 10 s, with nobody who
 * takes them, pages of 4096 bytes cost 149 MiB a day, and these 78.
 */
export const PAGE_BYTES = 1024;
const PAGE = PAGE_BYTES;

// https://www.sqlite.org/fileformat2.html; the numbers of sections below are of that page.
const FILE_HEADER = 100;
const WAL_HEADER = 32;
const FRAME_HEADER = 24;
const INTERIOR_INDEX = 0x02;
const LEAF_INDEX = 0x0a;
const LEAF_TABLE = 0x0d;
/** Pages that point back, one before each so many others (1.8): the file can be vacuumed. */
const POINTER_MAP_PERIOD = Math.floor(PAGE / 5) + 1;
/** Payload of a cell that stays on its page at most, and at least where it does not (1.6). */
const MAX_LOCAL_TABLE = PAGE - 35;
const MAX_LOCAL_INDEX = Math.floor(((PAGE - 12) * 64) / 255) - 23;
const MIN_LOCAL = Math.floor(((PAGE - 12) * 32) / 255) - 23;

/**
 * Reads rows from the pages of an SQLite file and its journal without its trees, so that a page that is broken costs what stands on it and no more.
 * Rows that were deleted long ago may come too, where the list of free pages is broken. Made for files of our own.
 */
export class Pages {
  readonly #file: number;
  readonly #wal: number | undefined;
  /** Page -> where its newest version stands in the journal. */
  readonly #inWal = new Map<number, number>();
  /** Pages in the file; the journal may have some beyond. */
  readonly #inFile: number;
  readonly #free: ReadonlySet<number> | undefined;
  #hasBrokenRecords = false;

  /** Throws what opening the file throws. */
  constructor(path: string) {
    this.#file = openSync(path, 'r');
    try {
      this.#wal = openSync(`${path}-wal`, 'r');
      this.#readFrames(this.#wal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    this.#inFile = pagesOf(this.#file);
    this.#free = this.#freePages();
  }

  close(): void {
    closeSync(this.#file);
    if (this.#wal !== undefined) closeSync(this.#wal);
  }

  /** The rows of tables with a rowid. */
  *rows(): Generator<Row> {
    for (const { page, cells } of this.#pagesOf(LEAF_TABLE)) {
      for (const start of cells) {
        const [length, afterLength] = readVarint(page, start);
        const [rowid, at] = readVarint(page, afterLength);
        const values = decodeRecord(this.#payload(page, at, length));
        if (values !== undefined) yield { rowid, values };
      }
    }
  }

  /** The records of indices and of tables without a rowid. */
  *records(): Generator<Value[]> {
    for (const kind of [LEAF_INDEX, INTERIOR_INDEX]) {
      for (const { page, cells, isWhole } of this.#pagesOf(kind)) {
        if (!isWhole || (kind === INTERIOR_INDEX && !this.#hasChildren(page, cells)))
          this.#hasBrokenRecords = true;
        for (const start of cells) {
          const [length, at] = readVarint(page, kind === INTERIOR_INDEX ? start + 4 : start);
          const local = length <= MAX_LOCAL_INDEX ? page.subarray(at, at + length) : undefined;
          const values = decodeRecord(local?.length === length ? local : undefined);
          if (values === undefined) this.#hasBrokenRecords = true;
          else yield values;
        }
      }
    }
  }

  /** Whether the trees of these roots were whole, so that no record of theirs is missing; to be asked when all `records` have been read. */
  hadAllRecords(roots: readonly number[]): boolean {
    return !this.#hasBrokenRecords && roots.every((root) => this.#isIndexPage(root));
  }

  /** Whether all pages below an interior page of a tree of records (1.6) are pages of such a tree. */
  #hasChildren(page: Buffer, cells: readonly number[]): boolean {
    const children = cells.map((start) => page.readUInt32BE(start));
    return [...children, page.readUInt32BE(8)].every((child) => this.#isIndexPage(child));
  }

  #isIndexPage(number: number): boolean {
    if (number < 2 || !this.#has(number) || this.#free?.has(number)) return false;
    const kind = this.#page(number)[0];
    return kind === LEAF_INDEX || kind === INTERIOR_INDEX;
  }

  /** Pages of a kind, with the places of their cells, and whether these are all. */
  *#pagesOf(kind: number): Generator<{ page: Buffer; cells: number[]; isWhole: boolean }> {
    for (const number of this.#numbers()) {
      if (this.#free?.has(number) || (number - 2) % POINTER_MAP_PERIOD === 0) continue;
      const page = this.#page(number);
      const head = number === 1 ? FILE_HEADER : 0;
      if (page[head] !== kind) continue;
      const pointers = head + (kind === INTERIOR_INDEX ? 12 : 8);
      const room = Math.floor((PAGE - pointers) / 2);
      const said = page.readUInt16BE(head + 3);
      const count = Math.min(said, room);
      const places = Array.from({ length: count }, (_, i) => page.readUInt16BE(pointers + 2 * i));
      const cells = places.filter((start) => start >= pointers + 2 * count && start < PAGE - 4);
      yield { page, cells, isWhole: cells.length === said };
    }
  }

  /** The payload of a table's cell, with what stands on overflow pages; `undefined` when its chain is broken. */
  #payload(page: Buffer, at: number, length: number): Uint8Array | undefined {
    if (length > (this.#inFile + this.#inWal.size) * PAGE) return undefined;
    if (length <= MAX_LOCAL_TABLE) return at + length <= PAGE ? page.subarray(at, at + length) : undefined;
    const some = MIN_LOCAL + ((length - MIN_LOCAL) % (PAGE - 4));
    const local = some <= MAX_LOCAL_TABLE ? some : MIN_LOCAL;
    if (at + local + 4 > PAGE) return undefined;
    const payload = Buffer.alloc(length);
    page.copy(payload, 0, at, at + local);
    let next = page.readUInt32BE(at + local);
    for (let filled = local; filled < length; ) {
      if (next < 2 || !this.#has(next)) return undefined;
      const overflow = this.#page(next);
      next = overflow.readUInt32BE(0);
      filled += overflow.copy(payload, filled, 4, Math.min(PAGE, 4 + length - filled));
    }
    return payload;
  }

  /** The numbers of all pages. A broken file may have one in its journal that is far beyond the others. */
  *#numbers(): Generator<number> {
    for (let number = 1; number <= this.#inFile; number++) yield number;
    for (const number of this.#inWal.keys()) if (number > this.#inFile) yield number;
  }

  #has(number: number): boolean {
    return number <= this.#inFile || this.#inWal.has(number);
  }

  /** A page in its newest version; zeros where there is none. */
  #page(number: number): Buffer {
    const page = Buffer.alloc(PAGE);
    const inWal = this.#inWal.get(number);
    if (inWal === undefined) readSync(this.#file, page, 0, PAGE, (number - 1) * PAGE);
    else readSync(this.#wal!, page, 0, PAGE, inWal);
    return page;
  }

  /** Whether the free pages are known, so that no row comes that was deleted. */
  get knowsFree(): boolean {
    return this.#free !== undefined;
  }

  /** The free pages (1.5), unless their list is not as long as the header says. */
  #freePages(): Set<number> | undefined {
    const free = new Set<number>();
    const header = this.#page(1);
    let trunk = header.readUInt32BE(32);
    while (trunk > 1 && this.#has(trunk) && !free.has(trunk)) {
      free.add(trunk);
      const page = this.#page(trunk);
      const leaves = Math.min(page.readUInt32BE(4), PAGE / 4 - 2);
      for (let i = 0; i < leaves; i++) free.add(page.readUInt32BE(8 + 4 * i));
      trunk = page.readUInt32BE(0);
    }
    const isWhole = header.toString('latin1', 0, 15) === 'SQLite format 3';
    return isWhole && free.size === header.readUInt32BE(36) ? free : undefined;
  }

  /**
   * Finds the newest version of each page (4.1). Frames of an earlier use of the journal carry other salts; those after the last commit are of a
   * transaction that never was, unless no commit is to be seen at all.
   */
  #readFrames(wal: number): void {
    const header = Buffer.alloc(FRAME_HEADER);
    let salts: bigint | undefined;
    let since = new Map<number, number>();
    const take = () => {
      for (const [number, at] of since) this.#inWal.set(number, at);
      since = new Map();
    };
    const size = fstatSync(wal).size;
    for (let at = WAL_HEADER; at + FRAME_HEADER + PAGE <= size; at += FRAME_HEADER + PAGE) {
      readSync(wal, header, 0, FRAME_HEADER, at);
      const own = header.readBigUInt64BE(8);
      salts ??= own;
      const number = header.readUInt32BE(0);
      if (own !== salts || number === 0 || number >= 2 ** 31) continue;
      since.set(number, at + FRAME_HEADER);
      if (header.readUInt32BE(4) > 0) take();
    }
    if (this.#inWal.size > 0 || since.size === 0) return;
    take();
    this.#hasBrokenRecords = true;
  }
}

/** Pages of a file, but those of an endless hole: SQLite may have been led to write far beyond its end. A file system that compresses keeps more than a sixteenth. */
function pagesOf(file: number): number {
  const { size, blocks } = fstatSync(file);
  return Math.ceil(Math.min(size, 16 * 512 * blocks + 2 ** 20) / PAGE);
}

/** A variable-length integer (1.6), and where it ends. Beyond 2^53 it is not exact. */
function readVarint(bytes: Uint8Array, start: number): [value: number, end: number] {
  let value = 0;
  for (let i = 0; i < 8; i++) {
    const byte = bytes[start + i] ?? 0;
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return [value, start + i + 1];
  }
  return [value * 256 + (bytes[start + 8] ?? 0), start + 9];
}

/** The values of a record (2.1); `undefined` when it is none. */
function decodeRecord(payload: Uint8Array | undefined): Value[] | undefined {
  if (payload === undefined) return undefined;
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const [headLength, first] = readVarint(bytes, 0);
  const values: Value[] = [];
  let body = headLength;
  for (let at = first; at < headLength; ) {
    const [type, end] = readVarint(bytes, at);
    const size = sizeOf(type);
    if (body + size > bytes.length || values.length > 32) return undefined;
    values.push(decodeValue(bytes, body, type, size));
    body += size;
    at = end;
  }
  return body === bytes.length ? values : undefined;
}

const INTEGER_SIZES = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0];

const sizeOf = (type: number): number => (type < 12 ? INTEGER_SIZES[type]! : Math.floor((type - 12) / 2));

function decodeValue(bytes: Buffer, at: number, type: number, size: number): Value {
  if (type >= 12)
    return type % 2 === 0 ? bytes.subarray(at, at + size) : bytes.toString('utf8', at, at + size);
  if (type === 8 || type === 9) return type - 8;
  if (type === 6) return Number(bytes.readBigInt64BE(at));
  return type >= 1 && type <= 5 ? bytes.readIntBE(at, size) : undefined;
}
