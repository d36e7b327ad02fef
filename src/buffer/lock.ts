import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { type Clock, errorLine, type Logger, SentinelError, type Timer } from '../lib/index.js';
import { makeDirectory, makePrivateFile } from './directory.js';

const HOLDER_FILE = 'lock.pid';

/** A data directory that no other agent may use. */
export interface DirectoryLock {
  /** Lets it go. The end of the process does too, also after kill -9. */
  release(): void;
}

/**
 * Takes the data directory for this process. The lock is an SQLite transaction that stays open, on a file of its own: closing any other handle
 * of the buffer's file would drop its lock (POSIX). Makes the directory. Throws SEN_LOCKED, which names the holder, and SEN_BUFFER when
 * the directory cannot be written: such an agent may still run, but is not protected from a second one.
 */
export function lockDirectory(directory: string): DirectoryLock {
  let database: Database.Database;
  try {
    makeDirectory(directory);
    database = new Database(makePrivateFile(directory, 'lock.db'), { timeout: 0 });
  } catch (error) {
    throw new SentinelError('SEN_BUFFER', `cannot lock data directory "${directory}"`, { cause: error });
  }
  try {
    database.exec('BEGIN EXCLUSIVE');
    writeFileSync(makePrivateFile(directory, HOLDER_FILE), `${process.pid}\n`);
  } catch (error) {
    database.close();
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY'))
      throw new SentinelError(
        'SEN_LOCKED',
        `data directory "${directory}" is in use by ${holderOf(directory)}`,
      );
    throw new SentinelError('SEN_BUFFER', `cannot lock data directory "${directory}"`, { cause: error });
  }
  return { release: () => database.close() };
}

function holderOf(directory: string): string {
  let pid: string;
  try {
    pid = readFileSync(join(directory, HOLDER_FILE), 'utf8').trim();
  } catch {
    return 'another agent'; // The holder has not written its id yet; the lock itself is what counts.
  }
  return /^\d+$/.test(pid) ? `another agent, process ${pid}` : 'another agent';
}

/** Throws SEN_BUILD where the native part of SQLite is not for the Node that runs: no disk will cure that. */
function loadSqlite(): void {
  try {
    new Database(':memory:').close();
  } catch (error) {
    throw new SentinelError('SEN_BUILD', 'cannot load SQLite', { cause: error });
  }
}

/** While the directory cannot be written, how often that is tried again. */
const RETRY_MS = 10_000;

/**
 * The same for an agent that runs on where the directory cannot be written: it takes it as soon as it can be. Throws SEN_LOCKED when another agent
 * has it now; one that takes it first later is said, and left alone. Throws SEN_BUILD when this build is for another Node.
 */
export function lockWhenWritable(
  directory: string,
  { clock, log }: { clock: Clock; log: Logger },
): DirectoryLock {
  loadSqlite();
  let lock: DirectoryLock | undefined;
  let timer: Timer | undefined;
  let wasSaid = false;
  const tryAgain = () => {
    try {
      lock = lockDirectory(directory);
      log.info({ directory }, 'The data directory can be written now, and is locked');
    } catch (error) {
      if (isLocked(error) && !wasSaid)
        log.error({ directory }, `${errorLine(error)}; this one goes on without a lock`);
      wasSaid ||= isLocked(error);
      timer = clock.after(RETRY_MS, tryAgain);
    }
  };
  try {
    lock = lockDirectory(directory);
  } catch (error) {
    if (isLocked(error)) throw error;
    log.error(
      { directory },
      `${errorLine(error)}; until it can be written nothing is kept over a restart, and a second agent would not be noticed`,
    );
    timer = clock.after(RETRY_MS, tryAgain);
  }
  return {
    release() {
      timer?.cancel();
      lock?.release();
    },
  };
}

const isLocked = (error: unknown) => error instanceof SentinelError && error.code === 'SEN_LOCKED';
