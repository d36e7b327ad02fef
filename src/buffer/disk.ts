import { type Cell, type Clock, errorLine, formatSize, type Logger, type Metrics } from '../lib/index.js';
import type { BufferOptions } from './options.js';
import type { Queue, Queues } from './queue.js';
import {
  countsOf,
  type Found,
  isCorrupt,
  isDiskFault,
  type OpenStore,
  type Removed,
  removeFiles,
  type Store,
  type StoredBlock,
  type StoredCounts,
  setAside,
} from './store.js';

/** What the disk side of a buffer needs. */
interface DiskSetUp {
  directory: string;
  options: BufferOptions;
  queues: Queues;
  /** Whether a block is in memory still. */
  isHeld: (destination: string, id: number) => boolean;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  openStore: OpenStore;
}

/** While the disk fails, how long to wait before trying again. */
const RETRY_MS = 5000;

/** What can fail on its own: a full disk is read all the same. */
type Operation = 'read' | 'write' | 'remove';

/**
 * The store behind its faults. A disk that fails (full, read-only, I/O) is said once and tried again; a file that is broken is set aside and
 * a new one started. Keeps the queues' knowledge of what is on disk. Nothing here throws for a fault: the caller learns that nothing was done.
 */
export class Disk {
  readonly #setUp: DiskSetUp;
  readonly #writtenBytes: Cell;
  readonly #commits: Cell;
  readonly #errors: Cell;
  readonly #faults = new Set<Operation>();
  #store: Store | undefined;
  #usedBytes = 0;
  #retryAtMs = -Infinity;

  /** The highest id on disk when it was opened. */
  lastId = 0;

  constructor(setUp: DiskSetUp) {
    this.#setUp = setUp;
    const { metrics } = setUp;
    this.#writtenBytes = metrics.counter(
      'sentinel_buffer_written_bytes_total',
      'Bytes of blocks written to disk.',
    );
    this.#commits = metrics.counter(
      'sentinel_buffer_commits_total',
      'Transactions that wrote blocks to disk.',
    );
    this.#errors = metrics.counter(
      'sentinel_buffer_disk_errors_total',
      'Operations on the file that failed.',
    );
    const healthy = () => (this.#store === undefined || this.#faults.size > 0 ? 0 : 1);
    metrics.gaugeOf(
      'sentinel_buffer_disk_healthy',
      '1 while the file can be read and written, else 0.',
      healthy,
    );
    metrics.gaugeOf(
      'sentinel_buffer_disk_bytes',
      'Bytes of the file that are in use.',
      () => this.#usedBytes,
    );
  }

  /** Whether blocks could not be written the last time. */
  get failing(): boolean {
    return this.#store === undefined || this.#faults.has('write');
  }

  /** Milliseconds until a failing disk is tried again; 0 when it may be tried now. */
  get restMs(): number {
    return this.failing ? Math.max(0, this.#retryAtMs - this.#setUp.clock.monotonic()) : 0;
  }

  /** Opens the file, unless it is open, and takes in what it holds. */
  async open(): Promise<void> {
    const { directory, options, openStore } = this.#setUp;
    for (let attempt = 1; this.#store === undefined && attempt <= 2; attempt++) {
      try {
        const store = await openStore(directory, options.synchronous);
        await this.#restore(store);
        this.#succeeded('write');
      } catch (error) {
        if (!isDiskFault(error)) throw error;
        if (isCorrupt(error)) await this.#setAside(error);
        else this.#failed('write', error);
      }
    }
  }

  /** After a fault: opens the file, and lets go of what was settled meanwhile. */
  async retry(): Promise<void> {
    if (this.#faults.size > 0 && this.#isDelivered()) await this.#startAnew();
    await this.open();
    for (const queue of this.#setUp.queues.all()) {
      for (const id of queue.settled) if (await this.#removed(queue, id)) queue.settled.delete(id);
    }
  }

  /** Writes blocks; gives what was dropped for them and what did not fit, or nothing when nothing was written. */
  async write(blocks: readonly StoredBlock[], keep: ReadonlySet<number>): Promise<WriteResult | undefined> {
    const { maxSizeBytes, onFull } = this.#setUp.options;
    const limits = { maxBytes: maxSizeBytes, onFull, keep };
    const result = await this.#do('write', (store) => store.write(blocks, limits));
    if (result === undefined) return undefined;
    const written = blocks.filter(({ id }) => !result.left.has(id));
    if (written.length > 0) this.#commits.inc();
    for (const { block, owners } of written) {
      this.#writtenBytes.inc(block.bytes.length);
      for (const name of owners.keys()) this.#setUp.queues.get(name).stored.add(countsOf(block));
    }
    const dropped = this.#forget(result.dropped);
    await this.#look();
    return { dropped, left: result.left };
  }

  /** The oldest or newest block on disk that can be handed out. */
  async find(queue: Queue, end: 'oldest' | 'newest'): Promise<Found | undefined> {
    if (queue.stored.blocks === 0) return undefined;
    const except = new Set([...queue.leased, ...queue.settled]);
    return (await this.#do('read', async (store) => ({ found: await store.find(queue.name, end, except) })))
      ?.found;
  }

  /** A block on disk was settled. */
  async remove(queue: Queue, id: number, counts: StoredCounts): Promise<void> {
    queue.stored.subtract(counts);
    queue.settled.add(id);
    if (await this.#removed(queue, id)) queue.settled.delete(id);
    await this.#look();
  }

  /** Drops what is older than `limitMs`; gives it. */
  async dropOlder(limitMs: number, keep: ReadonlySet<number>): Promise<Removed[]> {
    const removed = await this.#do('remove', (store) => store.dropOlder(limitMs, keep));
    if (removed === undefined || removed.length === 0) return [];
    const dropped = this.#forget(removed);
    await this.#look();
    return dropped;
  }

  /** Counts a failed request; not while the disk fails. */
  async countAttempt(destination: string, id: number): Promise<void> {
    await this.#do('remove', (store) => store.countAttempt(destination, id));
  }

  /** Lets the file shrink a little, if nothing is stored. */
  async shrink(): Promise<void> {
    await this.#do('remove', (store) => store.shrink());
  }

  /** Closes the file. */
  async close(): Promise<void> {
    const store = this.#store;
    this.#store = undefined;
    try {
      await store?.close();
    } catch (error) {
      this.#setUp.log.warn({ error: errorLine(error) }, 'The buffer file did not close cleanly');
    }
  }

  async #do<T>(operation: Operation, work: (store: Store) => Promise<T>): Promise<T | undefined> {
    if (this.#store === undefined) return undefined;
    try {
      const result = await work(this.#store);
      this.#succeeded(operation);
      return result;
    } catch (error) {
      if (!isDiskFault(error)) throw error;
      if (isCorrupt(error)) {
        await this.#setAside(error);
        await this.open();
      } else this.#failed(operation, error);
      return undefined;
    }
  }

  #isDelivered(): boolean {
    return [...this.#setUp.queues.all()].every(({ stored }) => stored.blocks === 0);
  }

  /** A file system that our own file filled has no room for the journal of a deletion either. Once all was delivered, the file itself can go. */
  async #startAnew(): Promise<void> {
    if (this.#store === undefined) return; // It could not be opened, so what it holds is not known.
    try {
      removeFiles(this.#setUp.directory);
    } catch (error) {
      this.#failed('remove', error);
      return;
    }
    await this.close();
    for (const queue of this.#setUp.queues.all()) queue.settled.clear();
    this.#faults.delete('remove');
  }

  async #removed(queue: Queue, id: number): Promise<boolean> {
    return (await this.#do('remove', (store) => store.remove(queue.name, id).then(() => true))) ?? false;
  }

  async #restore(store: Store): Promise<void> {
    const counts = await store.counts();
    this.lastId = await store.lastId();
    this.#store = store;
    for (const [name, stored] of counts) {
      const queue = this.#setUp.queues.get(name);
      queue.stored.add(stored);
      queue.come(stored);
    }
    await this.#look();
  }

  /** The queues no longer have these on disk; gives those that had not been settled before. */
  #forget(removed: readonly Removed[]): Removed[] {
    return removed.filter(({ destination, id, samples, bytes }) => {
      const queue = this.#setUp.queues.get(destination);
      if (queue.settled.delete(id)) return false;
      queue.stored.subtract({ blocks: 1, samples, bytes });
      return true;
    });
  }

  /** Refreshes what is shown of the file. */
  async #look(): Promise<void> {
    await this.#do('read', async (store) => {
      this.#usedBytes = await store.usedBytes();
      for (const queue of this.#setUp.queues.all())
        queue.storedOldestMs = queue.stored.blocks === 0 ? undefined : await store.oldestMs(queue.name);
    });
  }

  /** The file is broken: renames it, and counts what it held as dropped. */
  async #setAside(cause: unknown): Promise<void> {
    const { directory, clock, log } = this.#setUp;
    this.#errors.inc();
    await this.close();
    const lost = this.#loseStored();
    const stamp = new Date(clock.now()).toISOString().replace(/[-:]|\.\d+/g, '');
    try {
      const path = setAside(directory, `broken-${stamp}`);
      const line = `The buffer file is broken and was set aside as "${path}"; a new one is started`;
      log.error({ error: errorLine(cause), path, samples: lost }, line);
    } catch (error) {
      log.error({ error: errorLine(cause), samples: lost }, 'The buffer file is broken');
      this.#failed('write', error);
    }
  }

  #loseStored(): number {
    let samples = 0;
    for (const queue of this.#setUp.queues.all()) {
      samples += queue.stored.samples;
      queue.go(queue.stored, 'broken_file');
      queue.stored.subtract({ ...queue.stored });
      queue.settled.clear();
      queue.storedOldestMs = undefined;
      for (const id of queue.leased) if (!this.#setUp.isHeld(queue.name, id)) queue.leased.delete(id);
    }
    return samples;
  }

  #failed(operation: Operation, error: unknown): void {
    const { log, clock, directory, options } = this.#setUp;
    this.#errors.inc();
    this.#retryAtMs = clock.monotonic() + RETRY_MS;
    const said = this.#faults.size > 0;
    this.#faults.add(operation);
    if (said) return;
    const memory = formatSize(options.maxMemoryBytes);
    log.error(
      { error: errorLine(error), operation },
      `Cannot ${operation === 'read' ? 'read' : 'write'} the buffer in "${directory}": ${errorLine(error)}; samples are kept in memory, at most ${memory} (buffer.max_memory), until it works again`,
    );
  }

  #succeeded(operation: Operation): void {
    if (!this.#faults.delete(operation) || this.#faults.size > 0) return;
    this.#setUp.log.info('The buffer can be read and written again');
  }
}

/** What a commit did. */
interface WriteResult {
  dropped: Removed[];
  /** Did not fit. */
  left: ReadonlySet<number>;
}
