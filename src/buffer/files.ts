import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

/** The file of blocks. */
export const FILE = 'buffer.db';
/** The file that a broken one is copied to, before it takes its place. */
export const NEW_FILE = 'buffer.db.new';
/** Files set aside that are kept. */
const MAX_ASIDE = 2;
const ASIDE = /^buffer\.db\.broken-[^-]+(-\d+)?$/;
const SIDES = ['', '-wal', '-shm'];

/** Removes a file and those that SQLite puts beside it. */
export function removeFiles(directory: string, name: string): void {
  for (const side of SIDES) rmSync(join(directory, name + side), { force: true });
}

/** Renames a file and those beside it, whichever there are. */
function rename(directory: string, from: string, to: string): void {
  // The main file last: as long as it stands under its old name, nothing has happened.
  for (const side of SIDES.toReversed())
    if (existsSync(join(directory, from + side)))
      renameSync(join(directory, from + side), join(directory, to + side));
}

/** Puts the new file in the place of the broken one, which gets a name with the time in it; gives its path. Of older ones the newest stays. */
export function setAside(directory: string, nowMs: number): string {
  const stamp = `broken-${new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '')}`;
  const names = [stamp, ...Array.from({ length: 1000 }, (_, i) => `${stamp}-${i + 2}`)];
  const name = `${FILE}.${names.find((suffix) => !existsSync(join(directory, `${FILE}.${suffix}`)))}`;
  for (const old of asideFiles(directory).slice(0, -(MAX_ASIDE - 1))) removeFiles(directory, old);
  rename(directory, FILE, name);
  finishExchange(directory);
  return join(directory, name);
}

/** After a kill between the two renames: the new file, which is whole, takes its place. After one before them: it goes. */
export function finishExchange(directory: string): void {
  if (!existsSync(join(directory, NEW_FILE))) return;
  if (existsSync(join(directory, FILE))) removeFiles(directory, NEW_FILE);
  else rename(directory, NEW_FILE, FILE);
  syncDirectory(directory);
}

/** Removes a file and those beside it in a thread of the pool, for whoever must not be held up by the disk. */
export async function removeFilesApart(directory: string, name: string): Promise<void> {
  for (const side of SIDES) await rm(join(directory, name + side), { force: true });
}

/** Names of the files that were set aside, oldest first. */
export function asideFiles(directory: string): string[] {
  const names = readdirSync(directory).filter((name) => ASIDE.test(name));
  const born = new Map(names.map((name) => [name, statSync(join(directory, name)).mtimeMs]));
  return names.sort((a, b) => born.get(a)! - born.get(b)! || (a < b ? -1 : 1));
}

/** Whether the main file is empty while its journal is not: SQLite would throw the journal away. */
export function hasLostItsHead(directory: string): boolean {
  const size = (name: string) => statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0;
  return size(FILE) === 0 && size(`${FILE}-wal`) > 0;
}

function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
