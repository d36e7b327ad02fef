import { crc32 } from 'node:zlib';
import type Database from 'better-sqlite3';
import { type Stamp, shiftBy } from './boot-time.js';

/** Beside the table of blocks, so that a file of before it had these is good too, and their rows need not change. */
export const STAMP_SCHEMA = `
CREATE TABLE IF NOT EXISTS stamp (
  block INTEGER PRIMARY KEY, boot TEXT NOT NULL, start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL,
  shift_ms INTEGER NOT NULL, crc INTEGER NOT NULL
);
CREATE TRIGGER IF NOT EXISTS stamp_goes AFTER DELETE ON block BEGIN DELETE FROM stamp WHERE block = OLD.id; END;
`;

interface StampRow extends Stamp {
  block: number;
  crc: number;
}

const COLUMNS = 'block, boot, start_ms AS startMs, end_ms AS endMs, shift_ms AS shiftMs, crc';

/** By which clock the blocks of the first minutes of a boot were stamped. */
export class StampTable {
  readonly #sql;
  readonly #shift;

  constructor(database: Database.Database) {
    this.#sql = {
      get: database.prepare<[number], StampRow>(`SELECT ${COLUMNS} FROM stamp WHERE block = ?`),
      all: database.prepare<[], StampRow>(`SELECT ${COLUMNS} FROM stamp`),
      put: database.prepare<[number, string, number, number, number, number]>(
        'INSERT OR REPLACE INTO stamp VALUES (?, ?, ?, ?, ?, ?)',
      ),
    };
    this.#shift = database.transaction(this.#shiftNow.bind(this));
  }

  /** The stamp of a block; one whose checksum is wrong counts as none: better a sample at the time that it came with than at any time. */
  get(block: number): Stamp | undefined {
    const row = this.#sql.get.get(block);
    return row && stampOf(row);
  }

  put(block: number, stamp: Stamp): void {
    const { boot, endMs, shiftMs } = stamp;
    const rounded = { boot, startMs: Math.round(stamp.startMs), endMs: Math.round(endMs), shiftMs };
    const { startMs } = rounded;
    this.#sql.put.run(block, boot, startMs, rounded.endMs, shiftMs, checksumOf(block, rounded));
  }

  /** Boot -> the uptime at which its first minutes end. */
  ends(): Map<string, number> {
    const ends = new Map<string, number>();
    for (const row of this.#sql.all.iterate()) {
      const stamp = stampOf(row);
      if (stamp !== undefined) ends.set(stamp.boot, Math.min(stamp.endMs, ends.get(stamp.boot) ?? Infinity));
    }
    return ends;
  }

  /** In one transaction: the clock now says that the boot began at `startMs`. */
  shift(boot: string, startMs: number): void {
    this.#shift(boot, startMs);
  }

  #shiftNow(boot: string, startMs: number): void {
    for (const row of this.#sql.all.all()) {
      const stamp = stampOf(row);
      if (stamp?.boot !== boot) continue;
      const shiftMs = shiftBy(stamp, startMs);
      if (shiftMs !== stamp.shiftMs) this.put(row.block, { ...stamp, shiftMs });
    }
  }
}

/** The stamp in the values of a row as it stands on its page, if it is one. */
export function stampIn(block: number, values: readonly unknown[]): Stamp | undefined {
  const [, boot, startMs, endMs, shiftMs, crc, ...more] = values;
  if (typeof boot !== 'string' || more.length > 0) return undefined;
  const numbers = [startMs, endMs, shiftMs, crc].every((value) => typeof value === 'number');
  return numbers ? stampOf({ block, boot, startMs, endMs, shiftMs, crc } as StampRow) : undefined;
}

function stampOf({ block, crc, ...stamp }: StampRow): Stamp | undefined {
  return checksumOf(block, stamp) === crc ? stamp : undefined;
}

function checksumOf(block: number, { boot, startMs, endMs, shiftMs }: Stamp): number {
  return crc32([block, boot, startMs, endMs, shiftMs].join('\n'));
}
