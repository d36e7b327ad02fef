import { BOOT_STEP_MS, type Cell, type Clock, errorLine, type Logger, type Metrics } from '../lib/index.js';
import type { BootTime } from './boot-time.js';
import { DiskHealth, type Operation } from './disk-health.js';
import { errorOf, isCorrupt, isDiskFault } from './fault.js';
import { FILE, removeFilesApart } from './files.js';
import { isEmptySync } from './open-store.js';
import type { BufferOptions } from './options.js';
import type { Queue, Queues } from './queue.js';
import {
  type Contents,
  countsOf,
  type Found,
  type OpenOptions,
  type OpenStore,
  type Removed,
  type Salvage,
  type Store,
  type StoredBlock,
  type StoredCounts,
  type Written,
} from './store.js';

/** What the disk side of a buffer needs. */
interface DiskSetUp {
  directory: string;
  options: () => BufferOptions;
  queues: Queues;
  bootTime: BootTime;
  /** Whether a block is in memory still. */
  isHeld: (destination: string, id: number) => boolean;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  openStore: OpenStore;
  /** Called when the disk works again: there may be something to hand out. */
  onRecovery: () => void;
}

const NOTHING: StoredCounts = { blocks: 0, samples: 0, bytes: 0 };

/** With nothing stored and nothing to do for so long, the file is closed, which ends its worker. */
const IDLE_MS = 10_000;

/**
 * The store behind its faults. A disk that fails (full, read-only, I/O) is said once and tried again; a file that is broken is set aside and
 * what can be read of it kept. Keeps the queues' knowledge of what is on disk. Nothing here throws for a fault: the caller learns that nothing was done.
 */
export class Disk {
  readonly health: DiskHealth;
  readonly #setUp: DiskSetUp;
  readonly #writtenBytes: Cell;
  readonly #commits: Cell;
  #store: Store | undefined;
  /** Bytes that the open store has written and that are counted. */
  #countedBytes = 0;
  /** Whether what the file holds is known. */
  #known = false;
  #closed = false;
  #usedBytes = 0;
  /** When the boot began, by the clock that the stamps in the file were last held against. */
  #shiftedToMs: number;
  #usedAtMs = -Infinity;

  /** The highest id on disk when it was opened. */
  lastId = 0;

  constructor(setUp: DiskSetUp) {
    this.#setUp = setUp;
    this.health = new DiskHealth(setUp);
    this.#shiftedToMs = setUp.bootTime.startMs ?? Number.NaN;
    const { metrics } = setUp;
    this.#writtenBytes = metrics.counter(
      'sentinel_buffer_written_bytes_total',
      'Bytes written to the file of the buffer and its journal.',
    );
    this.#commits = metrics.counter(
      'sentinel_buffer_commits_total',
      'Transactions that wrote blocks to disk.',
    );
    metrics.gaugeOf(
      'sentinel_buffer_disk_bytes',
      'Bytes of the file that are in use.',
      () => this.#usedBytes,
    );
  }

  /** When the file can be closed for now, on the monotonic clock; `Infinity` while it is closed or needed. */
  get restAtMs(): number {
    return this.#store !== undefined && this.#isDelivered() ? this.#usedAtMs + IDLE_MS : Infinity;
  }

  /** Takes in what the file holds. When it holds nothing it stays closed until there is something to write. */
  async open(): Promise<void> {
    if (this.#known) return;
    try {
      const { isEmpty, writtenBytes } = isEmptySync(this.#openOptions());
      this.#writtenBytes.inc(writtenBytes);
      this.#known = isEmpty;
    } catch {
      // The worker comes upon the same fault, and deals with it.
    }
    if (this.#known) this.health.succeeded('open');
    else await this.#wake();
    await this.shift();
  }

  /** After a fault: opens the file, lets go of what was settled meanwhile, and sees whether what failed works again, unless there is something to write anyway. */
  async retry({ probe }: { probe: boolean }): Promise<void> {
    if (this.health.hasFaults && this.#isDelivered()) await this.#startAnew();
    if (this.#store === undefined && this.health.isFailing) await this.#wake();
    await this.shift();
    for (const queue of this.#setUp.queues.all())
      for (const id of queue.settled) if (!(await this.#remove(queue, id))) return;
    if (!probe) return;
    if (this.health.hasFault('read')) await this.#do('read', (store) => store.look([]));
    for (const operation of ['write', 'remove'] as const)
      if (this.health.hasFault(operation)) await this.#do(operation, (store) => store.probe());
  }

  /** When the clock was set in the first minutes of the boot: writes what the blocks of these minutes are to be moved by. Until it is written, it is tried again. */
  async shift(): Promise<void> {
    const { bootTime } = this.#setUp;
    const { startMs } = bootTime;
    if (startMs === undefined || this.#isDelivered()) return;
    if (Math.abs(startMs - this.#shiftedToMs) <= BOOT_STEP_MS) return;
    const done = await this.#do('write', (store) => store.shift(bootTime.id, startMs).then(() => true));
    if (done) this.#shiftedToMs = startMs;
  }

  /** Writes blocks; gives what was dropped for them and what did not fit, or nothing when nothing was written. */
  async write(blocks: readonly StoredBlock[], keep: ReadonlySet<number>): Promise<Written | undefined> {
    const { maxSizeBytes, onFull } = this.#setUp.options();
    const limits = { maxBytes: maxSizeBytes, onFull, keep };
    if (!(await this.#removeDoubtful(blocks))) return undefined;
    let isBegun = false;
    const result = await this.#do('write', (store) => {
      isBegun = true;
      return store.write(blocks, limits);
    });
    if (result === undefined) {
      // A commit that failed with the file, or with its worker, may stand in the file all the same.
      if (isBegun && this.#store === undefined)
        for (const [queue, id] of this.#ownersOf(blocks)) queue.settled.add(id);
      return undefined;
    }
    const written = blocks.filter(({ id }) => !result.left.has(id));
    if (written.length > 0) this.#commits.inc();
    for (const { block, owners } of written)
      for (const name of owners.keys()) this.#setUp.queues.get(name).stored.add(countsOf(block));
    const dropped = this.#forget(result.dropped);
    await this.#look();
    return { dropped, left: result.left };
  }

  /** The oldest or newest block on disk that can be handed out. */
  async find(queue: Queue, end: 'oldest' | 'newest'): Promise<Found | undefined> {
    if (queue.stored.blocks === 0) return undefined;
    const result = await this.#do('read', async (store) => {
      const except = new Set([...queue.leased, ...queue.settled]);
      const result = await store.find(queue.name, end, except);
      if (result.found === undefined && result.broken.length === 0 && this.#hasUnlent(queue))
        throw errorOf({ message: 'blocks are missing', code: 'SQLITE_CORRUPT', syscall: undefined });
      return result;
    });
    if (result === undefined || result.broken.length === 0) return result?.found;
    this.#loseBroken(result.broken);
    await this.#look();
    return result.found;
  }

  /** A block on disk was settled: it is not handed out again, also before it is removed. */
  settle(queue: Queue, id: number, counts: StoredCounts): void {
    queue.stored.subtract(counts);
    queue.settled.add(id);
  }

  /** Removes what was settled. */
  async remove(queue: Queue): Promise<void> {
    for (const id of queue.settled) if (!(await this.#remove(queue, id))) break;
    await this.#look();
  }

  /** Drops what is older than `limitMs`; gives it. */
  async dropOlder(limitMs: number, keep: ReadonlySet<number>): Promise<Removed[]> {
    if (this.#isDelivered()) return [];
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

  /** With nothing stored: gives the room back to the file system, and closes the file until it is needed again. */
  async rest(): Promise<void> {
    while (await this.#do('remove', (store) => store.shrink()));
    await this.#look();
    if (!this.health.hasFaults) await this.sleep();
  }

  /** Closes the file. It is opened when it is needed again. */
  async sleep(): Promise<void> {
    const store = this.#store;
    this.#store = undefined;
    try {
      if (store !== undefined) this.#countWritten(await this.health.watch(store.close()));
    } catch (error) {
      this.#setUp.log.warn({ error: errorLine(error) }, 'The buffer file did not close cleanly');
    }
    this.#countedBytes = 0;
  }

  /** Closes the file for good. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.sleep();
  }

  async #do<T>(
    operation: Operation,
    work: (store: Store) => Promise<T>,
    isSecond = false,
  ): Promise<T | undefined> {
    if (!this.#known || this.#closed) return undefined;
    const store = this.#store ?? (this.health.mayOpen ? await this.#wake() : undefined);
    if (store === undefined) return undefined;
    try {
      const result = await this.health.watch(work(store));
      this.#usedAtMs = this.#setUp.clock.monotonic();
      this.health.succeeded(operation);
      return result;
    } catch (error) {
      if (!isDiskFault(error)) throw error;
      if (!isCorrupt(error)) await this.#failed(operation, error);
      else if (!isSecond && (await this.#replace(errorLine(error)))) return this.#do(operation, work, true);
      return undefined;
    }
  }

  async #failed(operation: Operation, error: unknown): Promise<void> {
    this.health.failed(operation, error);
    // After an I/O error, also that of a worker which died, only a new handle can work again.
    if (String((error as { code?: unknown }).code).startsWith('SQLITE_IOERR')) await this.sleep();
  }

  /** Opens the file; when `broken`, what can be read of it in a new one. */
  async #wake(broken?: string): Promise<Store | undefined> {
    const { openStore } = this.#setUp;
    let store: Store | undefined;
    try {
      store = await this.health.watch(openStore({ ...this.#openOptions(), broken }));
      if (broken !== undefined) await this.#removeSettled(store);
      if (broken !== undefined || !this.#known) this.#takeIn(await this.health.watch(store.contents()));
    } catch (error) {
      if (!isDiskFault(error)) throw error;
      await store?.close().catch(() => undefined); // What is wrong with it is known already.
      if (broken === undefined && isCorrupt(error)) return this.#wake(errorLine(error));
      this.health.failed('open', error);
      return undefined;
    }
    if (this.#closed) {
      await store.close();
      return undefined;
    }
    this.#store = store;
    this.#usedAtMs = this.#setUp.clock.monotonic();
    this.health.succeeded('open');
    await this.#look();
    return this.#store; // A disk that fails again is closed again.
  }

  #openOptions(): OpenOptions {
    const { directory, options, clock, queues } = this.#setUp;
    const settled = new Map([...queues.all()].map((queue) => [queue.name, queue.settled]));
    return { directory, synchronous: options().synchronous, nowMs: clock.now(), broken: undefined, settled };
  }

  /** Whether there must be a block on disk that nobody is sending. */
  #hasUnlent(queue: Queue): boolean {
    const lent = [...queue.leased].filter((id) => !this.#setUp.isHeld(queue.name, id));
    return queue.stored.blocks > lent.length;
  }

  #isDelivered(): boolean {
    return [...this.#setUp.queues.all()].every(({ stored }) => stored.blocks === 0);
  }

  /** A file system that our own file filled has no room for the journal of a deletion either. Once all was delivered, the file itself can go. */
  async #startAnew(): Promise<void> {
    if (!this.#known) return; // It could not be opened, so what it holds is not known.
    try {
      await this.health.watch(removeFilesApart(this.#setUp.directory, FILE));
    } catch (error) {
      this.health.failed('remove', error);
      return;
    }
    await this.sleep();
    for (const queue of this.#setUp.queues.all()) queue.settled.clear();
    this.health.succeeded('remove');
  }

  /** What is to be written must not stand in the file already, for these or for those who had it pending then. */
  async #removeDoubtful(blocks: readonly StoredBlock[]): Promise<boolean> {
    for (const [queue, id] of this.#ownersOf(blocks))
      if (queue.settled.has(id) && !(await this.#remove(queue, id))) return false;
    return true;
  }

  *#ownersOf(blocks: readonly StoredBlock[]): Generator<[Queue, number]> {
    for (const { id, owners } of blocks)
      for (const name of owners.keys()) yield [this.#setUp.queues.get(name), id];
  }

  async #remove(queue: Queue, id: number): Promise<boolean> {
    const done = await this.#do('remove', (store) => store.remove(queue.name, id).then(() => true));
    if (done) queue.settled.delete(id);
    return done ?? false;
  }

  /** The file is broken, which only shows now: gives the new one. */
  async #replace(cause: string): Promise<Store | undefined> {
    await this.sleep();
    return this.#wake(cause);
  }

  /** What was settled must not come back with what is salvaged. */
  async #removeSettled(store: Store): Promise<void> {
    for (const queue of this.#setUp.queues.all()) {
      for (const id of queue.settled) await this.health.watch(store.remove(queue.name, id));
      queue.settled.clear();
    }
  }

  /** Makes the queues know what the file holds: what is more came, what is less is lost. */
  #takeIn({ counts, lastId, salvage, boots }: Contents): void {
    this.#known = true;
    const { bootTime } = this.#setUp;
    const endMs = boots.get(bootTime.id);
    if (endMs !== undefined) {
      this.#shiftedToMs = Number.NaN;
      bootTime.resume(endMs);
    }
    this.lastId = Math.max(this.lastId, lastId);
    const lostOf = salvage?.lostSamples ?? new Map<string, number>();
    const lostSamples: Record<string, number> = {};
    for (const name of [...counts.keys(), ...lostOf.keys()]) this.#setUp.queues.get(name);
    for (const queue of this.#setUp.queues.all()) {
      const now = counts.get(queue.name) ?? NOTHING;
      const before = { ...queue.stored };
      const less = beyond(before, now);
      // What the file held before the start nobody else knows; and when what was delivered comes again, the difference says too little.
      const unseen = Math.max(0, (lostOf.get(queue.name) ?? 0) - less.samples);
      const lost = { ...less, samples: less.samples + unseen };
      queue.come(beyond(now, before));
      queue.come({ ...NOTHING, samples: unseen });
      queue.go(lost, 'broken_file');
      if (lost.samples > 0) lostSamples[queue.name] = lost.samples;
      queue.stored.subtract(before);
      queue.stored.add(now);
      if (salvage !== undefined) this.#forgetLeases(queue);
    }
    if (salvage !== undefined) this.#tellSalvage(salvage, lostSamples);
  }

  #tellSalvage({ cause, ...salvage }: Salvage, lostSamples: Readonly<Record<string, number>>): void {
    const { path, keptBlocks, keptSamples, isExact } = salvage;
    this.health.countError();
    const parts = Object.entries(lostSamples).map(([name, samples]) => `${samples} samples for "${name}"`);
    const lost = parts.length === 0 ? 'nothing' : parts.join(', ');
    const doubt = isExact ? '' : ', as far as can be told: the lists of what is pending are broken too';
    this.#setUp.log.error(
      { error: cause, ...salvage, lostSamples },
      `The buffer file is broken and was set aside as "${path}": ${cause}; kept ${keptBlocks} blocks with ${keptSamples} samples; lost ${lost}${doubt}`,
    );
  }

  /** What is being sent from a file that was broken may be gone from it: its answer no longer counts, and it may be sent twice. */
  #forgetLeases(queue: Queue): void {
    for (const id of queue.leased) if (!this.#setUp.isHeld(queue.name, id)) queue.leased.delete(id);
  }

  /** Blocks with a wrong checksum. */
  #loseBroken(broken: readonly Removed[]): void {
    const lost = this.#forget(broken);
    for (const { destination, id, samples, bytes } of lost) {
      const queue = this.#setUp.queues.get(destination);
      queue.leased.delete(id);
      queue.go({ blocks: 1, samples, bytes }, 'broken_file');
    }
    this.health.countError();
    const samples = lost.reduce((sum, removed) => sum + removed.samples, 0);
    this.#setUp.log.error(
      { samples },
      `${samples} samples are lost: the buffer file has wrong bytes in their blocks`,
    );
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
    const queues = [...this.#setUp.queues.all()];
    const stored = queues.filter((queue) => queue.stored.blocks > 0).map(({ name }) => name);
    if (this.#store === undefined) return;
    const look = await this.#do('read', (store) => store.look(stored));
    if (look === undefined) return;
    this.#usedBytes = look.usedBytes;
    this.#countWritten(look.writtenBytes);
    for (const queue of queues) queue.storedOldestMs = look.oldestMs.get(queue.name);
  }

  #countWritten(bytes: number): void {
    this.#writtenBytes.inc(bytes - this.#countedBytes);
    this.#countedBytes = bytes;
  }
}

/** How much more the one is than the other. */
function beyond(more: StoredCounts, less: StoredCounts): StoredCounts {
  return {
    blocks: Math.max(0, more.blocks - less.blocks),
    samples: Math.max(0, more.samples - less.samples),
    bytes: Math.max(0, more.bytes - less.bytes),
  };
}
