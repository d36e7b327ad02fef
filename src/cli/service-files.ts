import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** What the build notes about itself; no part of the program. */
const NOTE = '.built';

/** The text of a file; empty where there is none, or none that may be read. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // Whoever asks then plans to write it, which says why it cannot.
  }
}

/** Writes a file that everybody may read, and its folder. It is there whole or not at all. */
export function writePublic(file: string, text: string): void {
  makeFolder(dirname(file), 0o755);
  const next = `${file}.new`;
  writeFileSync(next, text);
  chmodSync(next, 0o644); // By itself: what the umask of the shell took away is given back.
  renameSync(next, file);
}

/** Writes a file that root and a group may read, in a folder that they may enter. */
export function writePrivate(file: string, text: string, groupId: number): void {
  if (makeFolder(dirname(file), 0o750)) chownSync(dirname(file), 0, groupId);
  writeFileSync(file, text, { flag: 'wx', mode: 0o600 });
  chownSync(file, 0, groupId);
  chmodSync(file, 0o640);
}

/** Lets a group read a file or enter a folder; nobody loses what he may. */
export function letGroupRead(path: string, groupId: number): void {
  const { uid, mode } = statSync(path);
  chownSync(path, uid, groupId);
  chmodSync(path, (mode & 0o7777) | ((mode & 0o500) >> 3));
}

/** Puts a copy of the program in the place of what is there. Everybody may read it; only root, who runs this, may write it. */
export function copyProgram(from: string, to: string): void {
  const [next, old] = [`${to}.new`, `${to}.old`];
  for (const leftover of [next, old]) rmSync(leftover, { recursive: true, force: true });
  makeFolder(dirname(to), 0o755);
  cpSync(from, next, { recursive: true, filter: (source) => basename(source) !== NOTE });
  for (const path of ['.', ...readdirSync(next, { recursive: true, encoding: 'utf8' })]) {
    const at = join(next, path);
    chmodSync(at, statSync(at).isDirectory() ? 0o755 : 0o644);
    chownSync(at, process.getuid!(), process.getgid!());
  }
  if (existsSync(to)) renameSync(to, old);
  renameSync(next, to);
  rmSync(old, { recursive: true, force: true });
}

/** Whether a folder is a program that `copyProgram` could have put there. */
export function isProgram(folder: string): boolean {
  return ['sentinel.js', 'probe-host.js', 'native'].every((name) => existsSync(join(folder, name)));
}

/** Whether two folders hold the same program. */
export function isSameProgram(a: string, b: string): boolean {
  if (!existsSync(b)) return false;
  const [names, others] = [filesIn(a), filesIn(b)];
  if (names.join('\n') !== others.join('\n')) return false;
  return names.every((name) => readFileSync(join(a, name)).equals(readFileSync(join(b, name))));
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name !== NOTE && statSync(join(folder, name)).isFile())
    .sort();
}

/** Makes a folder where there is none, with this mode whatever the umask is, and those above it for everybody. Gives whether it made one. */
function makeFolder(folder: string, mode: number): boolean {
  if (existsSync(folder)) return false;
  makeFolder(dirname(folder), 0o755);
  mkdirSync(folder);
  chmodSync(folder, mode);
  return true;
}
