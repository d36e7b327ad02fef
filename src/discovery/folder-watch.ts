import { type FSWatcher, watch } from 'node:fs';
import { lstat, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Clock, type Logger, Throttle, type Timer } from '../lib/index.js';

/** An event is told when there was no other for so long: a file may be half written, and a list cut at a line is a good list of fewer targets. */
const QUIET_MS = 100;

/** But it is told within this time, for folders where something happens all the time. */
const LONGEST_MS = 1000;

/** Folders may come while it is looked which are there. */
const MAX_LOOKS = 3;

/** Equal log lines are this far apart. */
const SAID_MS = 3_600_000;

/** What a watch works with. */
export interface FolderWatchOptions {
  clock: Clock;
  log: Logger;
  /** Something happened in one of the folders; an event per file of a burst is one call. */
  onEvent: () => void;
}

interface Watched {
  watcher: FSWatcher;
  /** Device, inode and time of birth: another folder may take the place of this one, and its number too. */
  identity: string;
}

/**
 * Watches folders: files that come, go and change in them (atomic renames too), and folders that come later or are swapped by a symbolic link. Whatever
 * happens in a folder is an event, because Kubernetes changes a ConfigMap by a rename of `..data` beside the files.
 */
export class FolderWatch {
  readonly #folders: readonly string[];
  readonly #options: FolderWatchOptions;
  readonly #throttle: Throttle;
  readonly #watched = new Map<string, Watched>();
  #pending: { firstMs: number; timer: Timer } | undefined;
  #closed = false;

  /** Watches nothing before the first `refresh`. */
  constructor(folders: readonly string[], options: FolderWatchOptions) {
    this.#folders = [...new Set(folders)];
    this.#options = options;
    this.#throttle = new Throttle(SAID_MS, () => options.clock.monotonic());
  }

  /** Looks again at which folders are there. To be called after each event, and now and then: what cannot be watched is seen at the next refresh. */
  async refresh(): Promise<void> {
    // Once more when something was added: a folder may have come just before the one above it was watched.
    for (let i = 0; i < MAX_LOOKS && (await this.#look()); i++);
  }

  async #look(): Promise<boolean> {
    const wanted = new Map<string, string>();
    for (const folder of this.#folders) await addPlaces(folder, wanted);
    if (this.#closed) return false;
    for (const [path, { watcher, identity }] of this.#watched) {
      if (wanted.get(path) === identity) continue;
      watcher.close();
      this.#watched.delete(path);
    }
    const fresh = [...wanted].filter(([path]) => !this.#watched.has(path));
    for (const [path, identity] of fresh) this.#add(path, identity);
    return fresh.length > 0;
  }

  close(): void {
    this.#closed = true;
    this.#pending?.timer.cancel();
    for (const { watcher } of this.#watched.values()) watcher.close();
    this.#watched.clear();
  }

  #add(path: string, identity: string): void {
    try {
      const watcher = watch(path, { persistent: false }, () => this.#happened());
      watcher.on('error', (error) => this.#failed(path, error));
      this.#watched.set(path, { watcher, identity });
    } catch (error) {
      this.#failed(path, error);
    }
  }

  #failed(path: string, error: unknown): void {
    this.#watched.get(path)?.watcher.close();
    this.#watched.delete(path);
    if (this.#throttle.pass(path) === undefined) return;
    const cause = (error as NodeJS.ErrnoException).code;
    this.#options.log.warn(
      { folder: path, cause },
      'cannot watch a folder; changes are seen at the next refresh',
    );
  }

  #happened(): void {
    const { clock, onEvent } = this.#options;
    const now = clock.monotonic();
    const firstMs = this.#pending?.firstMs ?? now;
    this.#pending?.timer.cancel();
    const waitMs = Math.max(0, Math.min(QUIET_MS, firstMs + LONGEST_MS - now));
    const timer = clock.after(waitMs, () => {
      this.#pending = undefined;
      onEvent();
    });
    this.#pending = { firstMs, timer };
  }
}

/** The folder, and those that hold a symbolic link on the way to it; in place of one that is not there, the nearest above it. */
async function addPlaces(folder: string, places: Map<string, string>): Promise<void> {
  let path = folder;
  let found = false;
  for (;;) {
    const parent = dirname(path);
    const here: string | undefined = found ? undefined : await identityOf(path);
    if (here !== undefined) places.set(path, here);
    found ||= here !== undefined;
    if (parent === path) return;
    if (await isLink(path)) {
      const above = await identityOf(parent);
      if (above !== undefined) places.set(parent, above);
    }
    path = parent;
  }
}

async function identityOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino, birthtimeNs } = await stat(path, { bigint: true });
    return `${dev}:${ino}:${birthtimeNs}`;
  } catch {
    return undefined; // Not there, or not to be seen: reading it says why.
  }
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch {
    return false; // As above.
  }
}
