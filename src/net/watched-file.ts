import { readFileSync, statSync } from 'node:fs';
import type { Clock } from '../lib/index.js';

/** A file looked at again at most once per this time. */
const LOOK_MS = 1000;

/**
 * A small file that others may change. `version` grows whenever its content may have changed, so that what was made of it is made again.
 * Stat on use and not fs.watch: a file that is bind-mounted into a container, or replaced by a rename, changes without an event on its folder.
 * Sync: a stat of a local file costs a few microseconds, once per second, and must not wait behind the four threads of libuv.
 */
export class WatchedFile {
  readonly path: string;
  /** Grows with every change, disappearing and appearing included. */
  version = 0;
  /** The content as text; empty when it cannot be read. */
  text = '';
  /** Why it cannot be read, if so. */
  error: unknown;
  readonly #clock: Clock;
  #lookedMs = -Infinity;
  #stamp = '';

  constructor(path: string, clock: Clock) {
    this.path = path;
    this.#clock = clock;
  }

  /** Reads it again if it changed since the last look. Never throws: see `error`. */
  refresh(): void {
    const now = this.#clock.monotonic();
    if (now - this.#lookedMs < LOOK_MS) return;
    this.#lookedMs = now;
    const stamp = this.#stat();
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    this.version++;
    try {
      this.text = readFileSync(this.path, 'utf8');
      this.error = undefined;
    } catch (error) {
      this.text = '';
      this.error = error;
    }
  }

  #stat(): string {
    try {
      const { dev, ino, size, mtimeNs } = statSync(this.path, { bigint: true });
      return `${dev}:${ino}:${size}:${mtimeNs}`;
    } catch (error) {
      return String((error as NodeJS.ErrnoException).code);
    }
  }
}
