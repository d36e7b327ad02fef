import { chmodSync, closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../lib/index.js';

/** Makes the data directory, for its owner only. One that exists keeps its mode: it may be a place that others use. */
export function makeDirectory(directory: string): void {
  makeFolder(directory, 0o700);
}

/** Makes a file that only its owner may read, if it is not there; gives its path. SQLite gives the files that it puts beside it the same mode. */
export function makePrivateFile(directory: string, name: string): string {
  const path = join(directory, name);
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
  return path;
}
