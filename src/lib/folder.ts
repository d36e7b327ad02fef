import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder and the parents that it lacks, each with `mode` (before the umask); one that exists is left as it is. Throws the system's error at the first that
 * cannot be made. Not by mkdir's `recursive`: where a folder says that it holds nothing, but takes nothing either, as /proc does, Node 20 tries for ever.
 */
export function makeFolder(path: string, mode = 0o777): void {
  if (isFolder(path)) return;
  const parent = dirname(path);
  if (look(parent) === undefined && parent !== path) makeFolder(parent, mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Another process may have made it just now.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !isFolder(path)) throw error;
  }
}

const look = (path: string) => statSync(path, { throwIfNoEntry: false });
const isFolder = (path: string) => look(path)?.isDirectory() === true;
