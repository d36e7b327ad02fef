import { invariant, type Logger, Throttle, type Timer } from '../lib/index.js';
import type { Block, Taken } from '../model/index.js';
import type {
  BlockBuffer,
  BufferEnd,
  BufferSetUp,
  Lane,
  Lease,
  PendingStats,
  Routes,
} from './block-buffer.js';
import { BootTime } from './boot-time.js';
import { Disk } from './disk.js';
import { type HeldBlock, Memory } from './memory.js';
import type { BufferOptions } from './options.js';
import { type DropReason, Queue, Queues } from './queue.js';
import { countsOf, type Found, type Removed, type StoredBlock, type Written } from './store.js';
import { openWorkerStore } from './worker-store.js';

/** How often, at most, blocks are looked through for old ones. */
const EXPIRE_MS = 1000;
/** How often, at least, when there is a limit. */
const MAX_EXPIRE_MS = 60_000;
/** Of equal log lines at most one in this time. */
const LOG_PERIOD_MS = 60_000;
/** Bytes of blocks that are written in one transaction: they are copied on the way to the worker. */
const COMMIT_BYTES = 4 * 2 ** 20;

const NOTHING: PendingStats = { blocks: 0, samples: 0, bytes: 0, oldestMs: undefined, droppedSamples: 0 };

const destinationsOf = (routes: Routes): Set<string> => new Set([...routes.values()].flat());
/** How long a buffer that is closed waits for its disk, when nobody says. */
const CLOSE_MS = 8000;
/** The least that is left for closing the file once all is committed. */
const MIN_CLOSE_MS = 500;

/** Opens the buffer of a data directory, with what is queued there. A file that cannot be read is set aside; a disk that fails is tried again while blocks stay in memory: it throws for neither. */
export async function openBuffer(setUp: BufferSetUp): Promise<BlockBuffer> {
  const buffer = new TwoLevelBuffer(setUp);
  await buffer.open();
  return buffer;
}

class TwoLevelBuffer implements BlockBuffer {
  readonly #setUp: BufferSetUp;
  #options: BufferOptions;
  readonly #log: Logger;
  readonly #queues: Queues;
  readonly #memory = new Memory();
  readonly #disk: Disk;
  readonly #throttle: Throttle;
  readonly #bootTime: BootTime;
  readonly #listeners = new Set<() => void>();
  /** What the disk was asked to write and has not answered. */
  #unanswered: ReadonlySet<HeldBlock> = new Set();
  #routes: Routes = new Map();
  #waiters: { id: number; resolve: () => void }[] = [];
  #lastTurn: Promise<unknown> = Promise.resolve();
  #lastId: number;
  #lastCommitMs = -Infinity;
  #lastExpireMs = -Infinity;
  #lastTickMs = -Infinity;
  #tickQueued = false;
  #timer: Timer | undefined;
  #timerMs = 0;
  #closed = false;

  constructor(setUp: BufferSetUp) {
    this.#setUp = setUp;
    this.#options = setUp.options;
    this.#log = setUp.log;
    // Ids rise from run to run without asking the file, which may become readable only later.
    this.#lastId = Math.floor(setUp.clock.now() * 1000);
    this.#bootTime = new BootTime(setUp.clock, setUp.boot);
    this.#throttle = new Throttle(LOG_PERIOD_MS, () => setUp.clock.monotonic());
    this.#queues = new Queues((name) => {
      const queue: Queue = new Queue(name, setUp, () => this.#oldestMs(queue));
      return queue;
    });
    const isHeld = (name: string, id: number) => this.#memory.get(name, id) !== undefined;
    this.#disk = new Disk({
      openStore: openWorkerStore,
      ...setUp,
      options: () => this.#options,
      queues: this.#queues,
      bootTime: this.#bootTime,
      isHeld,
      onRecovery: () => this.#tellListeners(),
    });
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
    this.#arm();
  }

  setRoutes(routes: Routes): void {
    const before = destinationsOf(this.#routes);
    this.#setRoutes(routes);
    for (const { name } of this.#queues.all())
      if (before.has(name) !== this.#queues.isConfigured(name)) this.#tellQueued(name, 'configuration');
  }

  setOptions(options: BufferOptions): void {
    const before = this.#options;
    this.#options = options;
    if (options.synchronous !== before.synchronous) void this.#turn(() => this.#disk.sleep());
    this.#arm();
  }

  shiftUnsent(): number {
    const stepMs = this.#bootTime.look();
    void this.#turn(() => this.#disk.shift());
    return stepMs;
  }

  #setRoutes(routes: Routes): void {
    this.#routes = routes;
    this.#queues.configure(destinationsOf(routes));
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
    this.#memory.add(++this.#lastId, block, this.#bootTime.stamp(), destinations);
    for (const name of destinations) this.#queues.get(name).come(countsOf(block));
    const { commitIntervalMs, maxMemoryBytes } = this.#options;
    const isFull = this.#memory.bytes > maxMemoryBytes;
    if (isFull && this.#disk.health.isStalled) this.#trimMemory();
    if (isFull || commitIntervalMs === 0) this.#commitSoon();
    else this.#arm();
    this.#tellListeners();
    return 'taken';
  }

  async take(destination: string, lane: Lane): Promise<Lease | undefined> {
    const queue = this.#queues.find(destination);
    if (queue === undefined || queue.pending.blocks === 0) return undefined;
    this.#expireMemory();
    if (lane === 'fresh' || queue.stored.blocks === 0) {
      // Fast path: what is in memory goes out also while the disk is busy, or stalls.
      const end = lane === 'fresh' ? 'newest' : 'oldest';
      const found = this.#memory.find(queue.name, end, queue.leased);
      if (found !== undefined) return this.#lend(queue, found);
      if (queue.stored.blocks === 0) return undefined;
    }
    const asked = { isStillThere: true };
    const taken = this.#turn(async () => {
      await this.#expire();
      return this.#lendStored(queue, lane, asked);
    }).finally(() => this.#arm());
    return this.#disk.health.orStall(taken, () => {
      asked.isStillThere = false;
    });
  }

  #lend(queue: Queue, { id, attempts, block: kept, stamp }: Found): Lease {
    queue.leased.add(id);
    const shiftMs = this.#bootTime.shiftOf(stamp);
    const block = shiftMs === 0 ? kept : this.#setUp.shiftBlock(kept, shiftMs);
    return { destination: queue.name, id, attempts, block, kept };
  }

  ack(lease: Lease): Promise<void> {
    return this.#settle(lease, 'accepted');
  }

  drop(lease: Lease, reason: 'refused'): Promise<void> {
    return this.#settle(lease, reason);
  }

  async release({ destination, id }: Lease): Promise<void> {
    const queue = this.#queues.find(destination);
    const held = this.#memory.get(destination, id);
    if (held !== undefined) {
      if (queue?.leased.delete(id)) held.owners.set(destination, held.owners.get(destination)! + 1);
      return;
    }
    if (!queue?.leased.delete(id)) return;
    await this.#disk.health.orStall(this.#turn(() => this.#disk.countAttempt(destination, id)));
    this.#arm();
  }

  commit(): Promise<void> {
    return this.#disk.health.orStall(this.#turn(() => this.#commit(this.#memory.blocks)));
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

  unsavedSamples(): number {
    return this.#memory.samples();
  }

  async close(withinMs = CLOSE_MS): Promise<BufferEnd> {
    const { clock, directory } = this.#setUp;
    const endMs = clock.monotonic() + withinMs;
    this.#closed = true;
    this.#timer?.cancel();
    await this.#within(
      withinMs,
      this.#turn(() => this.#commit(this.#memory.blocks)),
    );
    this.#listeners.clear();
    const lostSamples = this.#loseMemory();
    const restMs = Math.max(MIN_CLOSE_MS, endMs - clock.monotonic());
    const isStalled = !(await this.#within(
      restMs,
      this.#turn(() => this.#disk.close()),
    ));
    if (isStalled)
      this.#log.error(
        { directory },
        `The disk under "${directory}" does not answer: this process ends when it does, and no signal ends it before`,
      );
    return { lostSamples, isStalled };
  }

  /** One thing at a time with the disk, in order: what is being read cannot be dropped meanwhile, nor handed out twice. What concerns memory alone does not wait. */
  #turn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#lastTurn.then(work);
    this.#lastTurn = result.catch(() => undefined); // Whoever asked for the work gets its error.
    return result;
  }

  /** Whether the work was done within `ms`. */
  #within(ms: number, work: Promise<void>): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const timer = this.#setUp.clock.after(ms, () => resolve(false));
      work.then(() => resolve(true), reject).finally(() => timer.cancel());
    });
  }

  #oldestMs(queue: Queue): number | undefined {
    const held = this.#memory.blocks.find(({ owners }) => owners.has(queue.name));
    const heldMs = held && held.block.minMs + this.#bootTime.shiftOf(held.stamp);
    // What the disk said last may be of a block that it has only to let go of.
    const storedMs = queue.stored.blocks > 0 ? queue.storedOldestMs : undefined;
    const times = [storedMs, heldMs].filter((ms) => ms !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Blocks on disk are older than those in memory. What is found is lent before anybody else can find it. */
  async #lendStored(queue: Queue, lane: Lane, asked: { isStillThere: boolean }): Promise<Lease | undefined> {
    if (!asked.isStillThere) return undefined;
    const isFresh = lane === 'fresh';
    const inMemory = () => this.#memory.find(queue.name, isFresh ? 'newest' : 'oldest', queue.leased);
    const newest = isFresh ? inMemory() : undefined;
    if (newest !== undefined) return this.#lend(queue, newest);
    const stored = await this.#disk.find(queue, isFresh ? 'newest' : 'oldest');
    const found = stored ?? inMemory();
    return found === undefined || !asked.isStillThere ? undefined : this.#lend(queue, found);
  }

  async #settle({ destination, id, block, kept }: Lease, how: 'accepted' | DropReason): Promise<void> {
    const queue = this.#queues.find(destination);
    if (!queue?.leased.delete(id)) return; // Counted already, with the file that was set aside.
    queue.go(countsOf(kept), how);
    if (how === 'accepted' && block !== kept) queue.countShifted(kept.samples);
    const held = this.#memory.get(destination, id);
    if (held === undefined) {
      this.#disk.settle(queue, id, countsOf(kept));
      await this.#disk.health.orStall(this.#turn(() => this.#disk.remove(queue)));
    } else this.#memory.disown(destination, held);
    this.#queues.forgetEmpty();
    this.#tellSafe();
    this.#arm();
  }

  #commitSoon(): void {
    if (this.#tickQueued) return;
    this.#tickQueued = true;
    void this.#turn(async () => {
      this.#tickQueued = false;
      if (this.#disk.health.restMs === 0) await this.#commit(this.#memory.blocks);
      else this.#trimMemory();
      this.#arm();
    });
  }

  /** What the timer does. All blocks go with an old one: who does not take that one takes none, and there are fewer transactions. Without an old one, or too many, nothing is written. */
  async #tick(): Promise<void> {
    const now = this.#setUp.clock.monotonic();
    this.#lastTickMs = now;
    if (this.#commitDueMs() <= now) await this.#commit(this.#memory.blocks);
    else if (this.#disk.health.checkAtMs <= now) await this.#disk.retry({ probe: true });
    await this.#expire();
    if (this.#disk.restAtMs <= now) await this.#disk.rest();
  }

  /** Writes blocks, a few megabytes in one transaction. */
  async #commit(blocks: readonly HeldBlock[]): Promise<void> {
    this.#lastCommitMs = this.#setUp.clock.monotonic();
    await this.#disk.retry({ probe: false });
    this.#lastId = Math.max(this.#lastId, this.#disk.lastId);
    await this.#expire();
    for (const due of chunksOf(blocks)) if (!(await this.#write(due))) break;
    this.#arm();
  }

  async #write(blocks: readonly HeldBlock[]): Promise<boolean> {
    const due = blocks.filter(({ owners }) => owners.size > 0);
    if (due.length === 0) return true;
    const asWritten = due.map(({ id, block, stamp, owners }) => ({
      id,
      block,
      stamp: stamp && { ...stamp, shiftMs: this.#bootTime.shiftOf(stamp) },
      owners: new Map(owners),
    }));
    this.#unanswered = new Set(due);
    const result = await this.#disk.write(asWritten, this.#leased());
    this.#unanswered = new Set();
    if (result === undefined) {
      this.#trimMemory();
      return false;
    }
    this.#memory.remove(due.filter(({ id }) => !result.left.has(id)));
    this.#countDropped(result.dropped, 'size');
    for (const held of due) if (result.left.has(held.id)) this.#giveUp(held, 'size');
    await this.#catchUp(due, asWritten, result);
    this.#tellSafe();
    return true;
  }

  /** Tells the disk what became of blocks while they were being written. */
  async #catchUp(
    due: readonly HeldBlock[],
    asWritten: readonly StoredBlock[],
    { left }: Written,
  ): Promise<void> {
    for (const [i, { id, block, owners }] of asWritten.entries()) {
      if (left.has(id)) continue;
      for (const [name, attempts] of owners) {
        const nowAttempts = due[i]!.owners.get(name);
        const queue = this.#queues.get(name);
        if (nowAttempts === undefined) {
          this.#disk.settle(queue, id, countsOf(block));
          await this.#disk.remove(queue);
        } else if (nowAttempts > attempts) await this.#disk.countAttempt(name, id);
      }
    }
    this.#queues.forgetEmpty();
  }

  /** Only while the disk fails or stalls. */
  #trimMemory(): void {
    const { onFull, maxMemoryBytes } = this.#options;
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

  /** At the end: what could not be committed; gives its samples. */
  #loseMemory(): number {
    const samples = this.#memory.samples();
    // Nobody knows yet what becomes of a write that the disk has begun: it is done wholly or not at all.
    const unanswered = this.#memory.samples(this.#unanswered);
    for (const held of this.#memory.blocks)
      for (const name of held.owners.keys()) this.#queues.get(name).go(countsOf(held.block), 'unsaved');
    this.#memory.remove(this.#memory.blocks);
    this.#tellSafe();
    const doubt = `; ${unanswered} of them may be kept all the same, by a write that the disk has not answered`;
    const line = `${samples} samples are lost, because the buffer could not be written before the stop`;
    if (samples > 0) this.#log.error({ samples, unanswered }, unanswered > 0 ? line + doubt : line);
    return samples;
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
    const { clock } = this.#setUp;
    const { maxAgeMs } = this.#options;
    const now = clock.monotonic();
    if (maxAgeMs === 0 || now - this.#lastExpireMs < EXPIRE_MS) return;
    this.#lastExpireMs = now;
    await this.#disk.shift();
    this.#countDropped(await this.#disk.dropOlder(clock.now() - maxAgeMs, this.#leased()), 'age');
    this.#expireMemory();
    this.#queues.forgetEmpty();
  }

  #expireMemory(): void {
    const { maxAgeMs } = this.#options;
    if (maxAgeMs === 0) return;
    const limitMs = this.#setUp.clock.now() - maxAgeMs;
    for (const held of this.#memory.blocks)
      if (held.block.maxMs + this.#bootTime.shiftOf(held.stamp) < limitMs) this.#giveUp(held, 'age');
    this.#tellSafe();
  }

  #leased(): Set<number> {
    return new Set([...this.#queues.all()].flatMap((queue) => [...queue.leased]));
  }

  /** Sets the timer for what is due next. */
  #arm(): void {
    if (this.#closed || this.#tickQueued) return;
    const dueMs = Math.min(this.#commitDueMs(), this.#upkeepDueMs());
    if (this.#timer !== undefined && dueMs === this.#timerMs) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (dueMs === Infinity) return;
    const { clock } = this.#setUp;
    this.#timerMs = dueMs;
    this.#timer = clock.after(dueMs - clock.monotonic(), () => {
      this.#timer = undefined;
      this.#tickQueued = true;
      void this.#turn(async () => {
        this.#tickQueued = false;
        await this.#tick();
        this.#arm();
      });
    });
  }

  #commitDueMs(): number {
    const { commitIntervalMs, maxMemoryBytes } = this.#options;
    const oldest = this.#memory.blocks[0];
    if (oldest === undefined) return Infinity;
    const isFull = this.#memory.bytes > maxMemoryBytes;
    // A block that could not be written (it is being sent while the disk is full) must not make the timer spin.
    const restMs = Math.min(1000, commitIntervalMs / 2 || 1000);
    return Math.max(
      isFull ? -Infinity : oldest.block.bornMs + commitIntervalMs,
      this.#lastCommitMs + restMs,
      this.#disk.health.retryAtMs,
    );
  }

  /** What must also happen when nothing is pushed or taken: age, a disk that failed, a file that is no longer needed. */
  #upkeepDueMs(): number {
    const { maxAgeMs } = this.#options;
    const { health, restAtMs } = this.#disk;
    const isPending = maxAgeMs > 0 && [...this.#queues.all()].some(({ pending }) => pending.blocks > 0);
    const periodMs = Math.min(Math.max(maxAgeMs / 10, EXPIRE_MS), MAX_EXPIRE_MS);
    const dueMs = Math.min(restAtMs, isPending ? this.#lastExpireMs + periodMs : Infinity, health.checkAtMs);
    return Math.max(dueMs, this.#lastTickMs + 1000);
  }

  #tellListeners(): void {
    for (const listener of this.#listeners) listener();
  }

  #tellSafe(): void {
    const oldest = this.#memory.blocks[0]?.id ?? Infinity;
    const settled = this.#waiters.filter(({ id }) => id < oldest);
    this.#waiters = this.#waiters.filter(({ id }) => id >= oldest);
    for (const { resolve } of settled) resolve();
  }
}

function* chunksOf(blocks: readonly HeldBlock[]): Generator<HeldBlock[]> {
  let chunk: HeldBlock[] = [];
  let bytes = 0;
  for (const held of blocks) {
    if (chunk.length > 0 && bytes + held.block.bytes.length > COMMIT_BYTES) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(held);
    bytes += held.block.bytes.length;
  }
  if (chunk.length > 0) yield chunk;
}
