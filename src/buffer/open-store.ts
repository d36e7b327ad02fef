import type Database from 'better-sqlite3';
import { errorLine } from '../lib/index.js';
import { makeDirectory } from './directory.js';
import { isCorrupt } from './fault.js';
import { FILE, finishExchange, hasLostItsHead } from './files.js';
import { salvageFile } from './salvage.js';
import { openDatabase, SqliteStore, threadWrittenBytes } from './sqlite-store.js';
import type { OpenOptions, OpenStore, Salvage } from './store.js';

/** Opens the file, in the thread of the caller. A broken one is copied, as far as it can be read, to a new one, and set aside. */
export const openSqliteStore: OpenStore = async (options) => {
  const before = threadWrittenBytes() ?? 0;
  makeDirectory(options.directory);
  finishExchange(options.directory);
  const { database, salvage } = openOrSalvage(options);
  return new SqliteStore(database, salvage, (threadWrittenBytes() ?? 0) - before);
};

function openOrSalvage(options: OpenOptions): { database: Database.Database; salvage: Salvage | undefined } {
  const { directory, synchronous } = options;
  let { broken } = options;
  if (hasLostItsHead(directory)) broken ??= 'the file is empty, but its journal is not';
  try {
    if (broken === undefined)
      return { database: openDatabase(directory, FILE, synchronous), salvage: undefined };
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    broken = errorLine(error);
  }
  const salvage = salvageFile(options, broken!);
  return { database: openDatabase(directory, FILE, synchronous), salvage };
}

/**
 * Whether the file holds no block, and what it cost to make it when it was not there. It blocks the loop, as long as the disk pleases: for the start
 * alone, when nothing runs yet that could be held up. An agent whose receivers are healthy is thus spared the worker.
 */
export function isEmptySync({ directory, synchronous }: OpenOptions): {
  isEmpty: boolean;
  writtenBytes: number;
} {
  const before = threadWrittenBytes() ?? 0;
  makeDirectory(directory);
  finishExchange(directory);
  if (hasLostItsHead(directory)) return { isEmpty: false, writtenBytes: 0 };
  const database = openDatabase(directory, FILE, synchronous);
  let isEmpty: boolean;
  try {
    isEmpty = database.prepare('SELECT 1 FROM block').get() === undefined;
  } finally {
    database.close();
  }
  return { isEmpty, writtenBytes: (threadWrittenBytes() ?? 0) - before };
}
