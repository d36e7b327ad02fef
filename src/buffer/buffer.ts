import { type Clock, invariant, type Logger, type Metrics, Throttle, type Timer } from '../lib/index.js';
import type { Block, Taken } from '../model/index.js';
import { Disk } from './disk.js';
import { type HeldBlock, Memory } from './memory.js';
import type { BufferOptions } from './options.js';
import { type DropReason, Queue, Queues } from './queue.js';
import { countsOf, type Found, type OpenStore, openSqliteStore, type Removed } from './store.js';

/** A block that a destination is sending: its until `ack`, `release` or `drop`. */
export interface Lease {
  readonly destination: string;
  readonly id: number;
  /** Requests for it that failed before. */
  readonly attempts: number;
  readonly block: Block;
}

/** Which end of what is pending: `oldest` keeps the order, `fresh` gives the newest first. */
export type Lane = 'oldest' | 'fresh';

/** What is pending for a destination. */
export interface PendingStats {
  blocks: number;
  samples: number;
  bytes: number;
  /** Oldest timestamp of the oldest block, ms; `undefined` when nothing is pending. */
  oldestMs: number | undefined;
  /** Samples given up since start, for any reason. */
  droppedSamples: number;
}

/**
 * Keeps every block until each destination of its route has acknowledged it, or a limit dropped it, which is counted. Blocks younger than the
 * commit interval live in memory alone; older ones in SQLite. What it is told is done in the order in which it was told.
 */
export interface BlockBuffer {
  /** Takes a block for the destinations of its route. `refused` only after `close`. Never waits for the disk. */
  push(block: Block): Taken;
  /** Hands a block out that nobody else of this destination has; `undefined` when there is none. */
  take(destination: string, lane: Lane): Promise<Lease | undefined>;
  /** The receiver has it. */
  ack(lease: Lease): Promise<void>;
  /** The receiver may take it later: it keeps its place. */
  release(lease: Lease): Promise<void>;
  /** The receiver will never take it. */
  drop(lease: Lease, reason: 'refused'): Promise<void>;
  /** Writes everything that is in memory only. */
  commit(): Promise<void>;
  /** Settles when all that was taken so far is committed, delivered or dropped. */
  safe(): Promise<void>;
  /** What is pending for a destination. */
  stats(destination: string): PendingStats;
  /** Calls back after each `push`; gives the function that ends it. */
  onPush(listener: () => void): () => void;
  /**
   * From now on blocks go where these routes say. What is queued stays, also for a destination that no route names any longer; its queue goes
   * when it is empty. Blocks of a route that is gone must have been pushed before.
   */
  setRoutes(routes: Routes): void;
  /** From now on by these options; `synchronous` stays as it was when the file was opened. */
  setOptions(options: BufferOptions): void;
  /** Commits, closes the file, and refuses blocks from now on. What cannot be committed is lost, counted and logged. */
  close(): Promise<void>;
}

/** Names of the destinations of each route. */
export type Routes = ReadonlyMap<string, readonly string[]>;

/** What a buffer needs. */
export interface BufferSetUp {
  /** `sentinel.data_dir`; made when it is not there. Must be locked by this process. */
  directory: string;
  options: BufferOptions;
  routes: Routes;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  /** Tests put a store with faults in. */
  openStore?: OpenStore;
}

/** How often, at most, blocks are looked through for old ones. */
const EXPIRE_MS = 1000;
/** Of equal log lines at most one in this time. */
const LOG_PERIOD_MS = 60_000;

const NOTHING: PendingStats = { blocks: 0, samples: 0, bytes: 0, oldestMs: undefined, droppedSamples: 0 };

const destinationsOf = (routes: Routes): Set<string> => new Set([...routes.values()].flat());

/** Opens the buffer of a data directory, with what is queued there. A file that cannot be read is set aside; a disk that fails is tried again while blocks stay in memory: it throws for neither. */
export async function openBuffer(setUp: BufferSetUp): Promise<BlockBuffer> {
  const buffer = new TwoLevelBuffer(setUp);
  await buffer.open();
  return buffer;
}

class TwoLevelBuffer implements BlockBuffer {
  readonly #setUp: BufferSetUp;
  readonly #log: Logger;
  readonly #queues: Queues;
  readonly #memory = new Memory();
  readonly #disk: Disk;
  readonly #throttle: Throttle;
  readonly #listeners = new Set<() => void>();
  #routes: Routes = new Map();
  #waiters: { id: number; resolve: () => void }[] = [];
  #lastTurn: Promise<unknown> = Promise.resolve();
  #lastId: number;
  #lastCommitMs = -Infinity;
  #lastExpireMs = -Infinity;
  #commitQueued = false;
  #timer: Timer | undefined;
  #closed = false;

  constructor(given: BufferSetUp) {
    // The options are an object of our own, which the disk sees too: they may change.
    const setUp = { ...given, options: { ...given.options } };
    this.#setUp = setUp;
    this.#log = setUp.log;
    // Ids rise from run to run without asking the file, which may become readable only later.
    this.#lastId = Math.floor(setUp.clock.now() * 1000);
    this.#throttle = new Throttle(LOG_PERIOD_MS, () => setUp.clock.monotonic());
    this.#queues = new Queues((name) => {
      const queue: Queue = new Queue(name, setUp, () => this.#oldestMs(queue));
      return queue;
    });
    const isHeld = (name: string, id: number) => this.#memory.get(name, id) !== undefined;
    this.#disk = new Disk({ openStore: openSqliteStore, ...setUp, queues: this.#queues, isHeld });
    setUp.metrics.gaugeOf(
      'sentinel_buffer_memory_bytes',
      'Bytes of blocks that are in memory only.',
      () => this.#memory.bytes,
    );
  }

  async open(): Promise<void> {
    await this.#disk.open();
    this.#lastId = Math.max(this.#lastId, this.#disk.lastId);
    this.#setRoutes(this.#setUp.routes);
    for (const { name } of this.#queues.all()) this.#tellQueued(name, 'run');
  }

  setRoutes(routes: Routes): void {
    const before = destinationsOf(this.#routes);
    this.#setRoutes(routes);
    for (const { name } of this.#queues.all())
      if (before.has(name) !== this.#queues.isConfigured(name)) this.#tellQueued(name, 'configuration');
  }

  #setRoutes(routes: Routes): void {
    this.#routes = routes;
    this.#queues.configure(destinationsOf(routes));
  }

  setOptions(options: BufferOptions): void {
    const { synchronous } = this.#setUp.options;
    Object.assign(this.#setUp.options, options, { synchronous });
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#arm();
  }

  /** Says what is queued for a destination that has just come or gone. */
  #tellQueued(name: string, what: 'run' | 'configuration'): void {
    const { samples, blocks } = this.stats(name);
    const counts = { destination: name, samples, blocks };
    if (blocks === 0) return;
    if (this.#queues.isConfigured(name))
      this.#log.info(counts, `Samples of an earlier ${what} are queued for "${name}"`);
    else
      this.#log.warn(
        counts,
        `Samples are queued for "${name}", which is not configured; they are kept until it is, or until a limit of the buffer drops them`,
      );
  }

  push(block: Block): Taken {
    if (this.#closed) return 'refused';
    const destinations = this.#routes.get(block.route);
    invariant(
      destinations !== undefined && destinations.length > 0,
      `route ${block.route} has no destination`,
    );
    this.#memory.add(++this.#lastId, block, destinations);
    for (const name of destinations) this.#queues.get(name).come(countsOf(block));
    const { commitIntervalMs, maxMemoryBytes } = this.#setUp.options;
    if (commitIntervalMs === 0 || this.#memory.bytes > maxMemoryBytes) this.#commitSoon();
    else this.#arm();
    for (const listener of this.#listeners) listener();
    return 'taken';
  }

  take(destination: string, lane: Lane): Promise<Lease | undefined> {
    return this.#turn(async () => {
      const queue = this.#queues.find(destination);
      if (queue === undefined || queue.pending.blocks === 0) return undefined;
      await this.#expire();
      const found = await this.#find(queue, lane);
      if (found === undefined) return undefined;
      queue.leased.add(found.id);
      return { destination, ...found };
    });
  }

  ack(lease: Lease): Promise<void> {
    return this.#turn(() => this.#settle(lease, 'accepted'));
  }

  drop(lease: Lease, reason: 'refused'): Promise<void> {
    return this.#turn(() => this.#settle(lease, reason));
  }

  release({ destination, id }: Lease): Promise<void> {
    return this.#turn(async () => {
      if (!this.#queues.find(destination)?.leased.delete(id)) return;
      const held = this.#memory.get(destination, id);
      if (held === undefined) await this.#disk.countAttempt(destination, id);
      else held.owners.set(destination, held.owners.get(destination)! + 1);
    });
  }

  commit(): Promise<void> {
    return this.#turn(() => this.#commit(this.#memory.blocks));
  }

  safe(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push({ id: this.#lastId, resolve });
      this.#tellSafe();
    });
  }

  stats(destination: string): PendingStats {
    const queue = this.#queues.find(destination);
    if (queue === undefined) return NOTHING;
    const { blocks, samples, bytes } = queue.pending;
    return { blocks, samples, bytes, oldestMs: this.#oldestMs(queue), droppedSamples: queue.droppedSamples };
  }

  onPush(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    this.#closed = true;
    return this.#turn(async () => {
      await this.#commit(this.#memory.blocks);
      this.#timer?.cancel();
      this.#listeners.clear();
      let lost = 0;
      for (const held of this.#memory.blocks) {
        for (const name of held.owners.keys()) {
          this.#queues.get(name).go(countsOf(held.block), 'unsaved');
          lost += held.block.samples;
        }
      }
      this.#memory.remove(this.#memory.blocks);
      this.#tellSafe();
      if (lost > 0)
        this.#log.error(
          { samples: lost },
          'Samples are lost: the buffer could not be written before the stop',
        );
      await this.#disk.close();
    });
  }

  /** One thing at a time, in order: what is being written cannot be dropped meanwhile, nor handed out twice. */
  #turn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#lastTurn.then(work);
    this.#lastTurn = result.catch(() => undefined); // Whoever asked for the work gets its error.
    return result;
  }

  #oldestMs(queue: Queue): number | undefined {
    const held = this.#memory.blocks.find(({ owners }) => owners.has(queue.name));
    const times = [queue.storedOldestMs, held?.block.minMs].filter((ms) => ms !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Blocks on disk are older than those in memory. */
  async #find(queue: Queue, lane: Lane): Promise<Found | undefined> {
    if (lane === 'fresh')
      return (
        this.#memory.find(queue.name, 'newest', queue.leased) ?? (await this.#disk.find(queue, 'newest'))
      );
    return (await this.#disk.find(queue, 'oldest')) ?? this.#memory.find(queue.name, 'oldest', queue.leased);
  }

  async #settle({ destination, id, block }: Lease, how: 'accepted' | DropReason): Promise<void> {
    const queue = this.#queues.find(destination);
    if (!queue?.leased.delete(id)) return; // Counted already, with the file that was set aside.
    queue.go(countsOf(block), how);
    const held = this.#memory.get(destination, id);
    if (held === undefined) await this.#disk.remove(queue, id, countsOf(block));
    else this.#memory.disown(destination, held);
    this.#queues.forgetEmpty();
    this.#tellSafe();
  }

  #commitSoon(): void {
    if (this.#commitQueued) return;
    this.#commitQueued = true;
    void this.#turn(async () => {
      this.#commitQueued = false;
      if (this.#disk.restMs === 0) await this.#commit(this.#memory.blocks);
      else this.#trimMemory();
      this.#arm();
    });
  }

  /** What the timer does. Young blocks go with an old one, so that half as many transactions do; without an old one, nothing is written, and a file that has become empty shrinks. */
  async #commitDue(): Promise<void> {
    const { options, clock } = this.#setUp;
    const oldest = this.#memory.blocks[0];
    const now = clock.monotonic();
    if (oldest !== undefined && oldest.block.bornMs + options.commitIntervalMs <= now) {
      const youngMs = now - options.commitIntervalMs / 2;
      return this.#commit(this.#memory.blocks.filter(({ block }) => block.bornMs <= youngMs));
    }
    await this.#disk.shrink();
    this.#arm();
  }

  /** Writes blocks in one transaction. */
  async #commit(blocks: readonly HeldBlock[]): Promise<void> {
    this.#lastCommitMs = this.#setUp.clock.monotonic();
    await this.#disk.retry();
    this.#lastId = Math.max(this.#lastId, this.#disk.lastId);
    await this.#expire();
    const due = blocks.filter(({ owners }) => owners.size > 0);
    if (due.length > 0) await this.#write(due);
    this.#arm();
  }

  async #write(due: readonly HeldBlock[]): Promise<void> {
    const result = await this.#disk.write(due, this.#leased());
    if (result === undefined) {
      this.#trimMemory();
      return;
    }
    this.#memory.remove(due.filter(({ id }) => !result.left.has(id)));
    this.#countDropped(result.dropped, 'size');
    for (const held of due) if (result.left.has(held.id)) this.#giveUp(held, 'size');
    this.#tellSafe();
  }

  /** Only while the disk fails. */
  #trimMemory(): void {
    const { onFull, maxMemoryBytes } = this.#setUp.options;
    const order = onFull === 'drop_oldest' ? this.#memory.blocks : this.#memory.blocks.toReversed();
    for (const held of order) {
      if (this.#memory.bytes <= maxMemoryBytes) break;
      this.#giveUp(held, 'memory');
    }
    this.#tellSafe();
  }

  /** Drops a block from memory for everyone who is not just sending it. */
  #giveUp(held: HeldBlock, reason: DropReason): void {
    for (const name of [...held.owners.keys()]) {
      const queue = this.#queues.get(name);
      if (queue.leased.has(held.id)) continue;
      queue.go(countsOf(held.block), reason);
      this.#logDrop(name, reason, held.block.samples);
      this.#memory.disown(name, held);
    }
  }

  /** Blocks that the disk dropped. */
  #countDropped(removed: readonly Removed[], reason: DropReason): void {
    for (const { destination, samples, bytes } of removed) {
      this.#queues.get(destination).go({ blocks: 1, samples, bytes }, reason);
      this.#logDrop(destination, reason, samples);
    }
  }

  #logDrop(destination: string, reason: DropReason, samples: number): void {
    const suppressed = this.#throttle.pass(`${destination} ${reason}`);
    if (suppressed === undefined) return;
    const line = `Samples for "${destination}" are dropped: the buffer is at its limit (buffer.max_${reason})`;
    this.#log.warn({ destination, reason, samples, suppressed }, line);
  }

  /** Drops what is older than `max_age`. */
  async #expire(): Promise<void> {
    const { options, clock } = this.#setUp;
    const now = clock.monotonic();
    if (options.maxAgeMs === 0 || now - this.#lastExpireMs < EXPIRE_MS) return;
    this.#lastExpireMs = now;
    const limitMs = clock.now() - options.maxAgeMs;
    this.#countDropped(await this.#disk.dropOlder(limitMs, this.#leased()), 'age');
    for (const held of this.#memory.blocks) if (held.block.maxMs < limitMs) this.#giveUp(held, 'age');
    this.#tellSafe();
  }

  #leased(): Set<number> {
    return new Set([...this.#queues.all()].flatMap((queue) => [...queue.leased]));
  }

  /** Sets the timer for the next commit. */
  #arm(): void {
    const { options, clock } = this.#setUp;
    const oldest = this.#memory.blocks[0];
    if (oldest === undefined || this.#closed || this.#timer !== undefined) return;
    // A block that could not be written (it is being sent while the disk is full) must not make the timer spin.
    const restMs = Math.max(this.#disk.restMs, Math.min(1000, options.commitIntervalMs / 2 || 1000));
    const now = clock.monotonic();
    const dueMs = Math.max(oldest.block.bornMs + options.commitIntervalMs, this.#lastCommitMs + restMs);
    this.#timer = clock.after(dueMs - now, () => {
      this.#timer = undefined;
      void this.#turn(() => this.#commitDue());
    });
  }

  #tellSafe(): void {
    const oldest = this.#memory.blocks[0]?.id ?? Infinity;
    const settled = this.#waiters.filter(({ id }) => id < oldest);
    this.#waiters = this.#waiters.filter(({ id }) => id >= oldest);
    for (const { resolve } of settled) resolve();
  }
}
