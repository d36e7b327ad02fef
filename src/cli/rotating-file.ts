import { closeSync, existsSync, fstatSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from '../lib/index.js';

/** When a log file is full, and how many are kept. */
interface RotationOptions {
  /** Bytes of a file at most, unless one line is longer; 0 = no limit. */
  maxSizeBytes: number;
  /** Files kept, the one that is written included; at least 1. */
  maxFiles: number;
  /** Told once when a full file cannot be moved aside; lines then go on into it. */
  onFault: (error: unknown) => void;
}

/**
 * A file of lines that is moved aside when it is full: `a.log` becomes `a.log.1`, that one `a.log.2`, and the oldest goes. It looks at the path before every
 * line (2 us), so it also follows a rename by logrotate, a deleted file and `copytruncate`, without a signal.
 */
export class RotatingFile {
  readonly #path: string;
  readonly #options: RotationOptions;
  #descriptor: number;
  #inode: number;
  #isStuck = false;

  /** Opens the file, and makes its folder. Throws the system's error when it cannot. */
  constructor(path: string, options: RotationOptions) {
    this.#path = path;
    this.#options = options;
    [this.#descriptor, this.#inode] = open(path);
  }

  /** The descriptor that the next `length` bytes are to be written to; it counts only until the next call. Never throws. */
  descriptorFor(length: number): number {
    const sizeBytes = this.#follow();
    const { maxSizeBytes } = this.#options;
    if (maxSizeBytes > 0 && sizeBytes > 0 && sizeBytes + length > maxSizeBytes) this.#rotate();
    return this.#descriptor;
  }

  /** Lets the file go; `descriptorFor` must not be called again. */
  close(): void {
    closeSync(this.#descriptor);
  }

  /** Opens the file anew when what is at the path is not the file that is open. Gives the size of what is there. */
  #follow(): number {
    const there = tryStat(this.#path);
    if (there?.ino === this.#inode) return there.size;
    this.#tryReopen();
    return there?.size ?? 0;
  }

  /** Where there is no room for a new file, lines go on into the old one, under whatever name it now has. */
  #tryReopen(): void {
    try {
      const [descriptor, inode] = open(this.#path);
      closeSync(this.#descriptor);
      [this.#descriptor, this.#inode] = [descriptor, inode];
    } catch {
      // Tried again before the next line; a line is worth more than its place.
    }
  }

  #rotate(): void {
    try {
      moveAside(this.#path, this.#options.maxFiles);
      this.#isStuck = false;
      this.#tryReopen();
    } catch (error) {
      const isNew = !this.#isStuck;
      this.#isStuck = true; // Before it is told: telling writes a line, which comes through here.
      if (isNew) this.#options.onFault(error);
    }
  }
}

function open(path: string): [descriptor: number, inode: number] {
  makeFolder(dirname(path));
  const descriptor = openSync(path, 'a', 0o640);
  return [descriptor, fstatSync(descriptor).ino];
}

function tryStat(path: string): { ino: number; size: number } | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // A folder that may not be read, or is gone: the same as no file there.
  }
}

/** Moves up only as far as the first free number: when the last step fails again and again, no older file is pushed out. */
function moveAside(path: string, maxFiles: number): void {
  for (let i = Math.max(maxFiles, 1); existsSync(`${path}.${i}`); i++) rmSync(`${path}.${i}`);
  if (maxFiles <= 1) {
    rmSync(path);
    return;
  }
  let free = 1;
  while (free < maxFiles - 1 && existsSync(`${path}.${free}`)) free++;
  for (let i = free; i > 1; i--) renameSync(`${path}.${i - 1}`, `${path}.${i}`);
  renameSync(path, `${path}.1`);
}
