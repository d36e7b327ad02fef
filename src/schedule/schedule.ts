import type { Clock, Timer } from '../lib/index.js';
import { ClockWatch } from './clock-watch.js';
import { DueHeap } from './heap.js';
import { hash32, offsetOf, tickAfter } from './offset.js';

/** First runs after a start or an addition, per second: a restart must not fire everything in one instant. */
const FIRST_RUNS_PER_SECOND = 500;
/** The clock is looked at so often. */
const LOOK_MS = 1000;
/** A schedule that takes over from another runs a tick that is no older than this; one that must wait longer for its next tick runs once before. */
const FRESH_MS = 1000;
/** How long the beginning of runs holds the loop. Whatever else is at work in portions does not hold it up. */
const SLICE_MS = 3;
/** Runs that begin in one go at most. */
const MAX_TOGETHER = 50;
/** How much of the shortest interval a run may be late at most to begin with others: beyond a whole one it would miss a tick. */
const SLACK_PART = 0.25;
/** Plans that were taken out and still lie in the heap, with all that they hold, until their tick: so many more than those that run. */
const MAX_GONE = 100;
/** How far stamps may run ahead of a clock that was set back. Prometheus takes nothing that lies further in the future. */
const MAX_AHEAD_MS = 600_000;

/** Why ticks passed without a run: the process was held, the clock was set forward, or there was no process. */
export type MissReason = 'late' | 'clock' | 'host';

/** Ticks without a run. */
export interface Missed {
  ticks: number;
  reason: MissReason;
  /** The last of them. */
  lastMs: number;
}

/** Where the schedule before left a plan. */
export interface Resume {
  /** The last tick that was run or counted. */
  plannedMs: number;
  /** Whether that run gave nothing. */
  cutShort: boolean;
}

/** Something that runs every `intervalMs`. */
export interface Plan<T> {
  /** Unique in the schedule. */
  key: string;
  /** Decides the phase: the same text gives the same ticks after every restart. */
  phase: string;
  intervalMs: number;
  item: T;
  /**
   * Given, the plan keeps to its ticks, as a scrape loop of Prometheus does: they lie so far behind multiples of the interval, it first runs at the next
   * of them, and of the ticks that come during a run the last is run right after it.
   */
  ticks?: { offsetMs: number } | undefined;
  /** Given, the plan goes on with its next tick instead of running at once. */
  resume?: Resume | undefined;
}

/** What the schedule tells its owner. */
export interface ScheduleEvents<T> {
  /** These are run next, before anything else happens: one, or with `slackMs` several. */
  onStart?(starts: readonly Start<T>[]): void;
  /** A tick is due. Settles when the run has ended; must not reject. */
  run(item: T, plannedMs: number): Promise<void>;
  /** Ticks came while the run before was still going, and are not run; mostly one. */
  onSkip(item: T, skipped: { ticks: number; lastMs: number }): void;
  /** Ticks passed while we could not run. */
  onMiss(item: T, missed: Missed): void;
}

/** A run that is about to begin. */
export interface Start<T> {
  item: T;
  plannedMs: number;
}

interface Entry<T> {
  plan: Plan<T>;
  offsetMs: number;
  /** `first`: waits for its first run. `starting`: in its first run, and not in the heap: the ticks begin when it has ended, so that it never makes one of them a skipped one. */
  stage: 'first' | 'starting' | 'ticking';
  /** The next tick, wall clock. */
  tickMs: number;
  /** When it is run: at its tick, or a little later where many would run in one instant. */
  dueMs: number;
  /** Of the last run. */
  stampMs: number;
  running: boolean;
  /** The tick that is run right after the present run. */
  pendingMs: number | undefined;
  removed: boolean;
}

/**
 * Says "run this one now". Each plan runs once right after it was added (in the order of its hash, 500 a second), then on its own ticks of the
 * wall clock: next = planned + interval, never end + interval. One run of a plan at a time: a tick during a run is skipped and counted; ticks that
 * passed unseen are counted, and only the latest of them is run. A plan with `ticks` differs where that says so.
 *
 * When the clock is set, every plan goes on with the next tick by the new clock: those that a step forward passed over are counted and not run;
 * after a step back nothing waits longer than one more interval. Stamps of a plan do not go back: until the clock has passed the last one, each is a millisecond after the one
 * before. Beyond ten minutes they do go back: no receiver that insists on order has taken the old ones.
 */
export class Schedule<T> {
  /** A run may begin so much after its tick when one began shortly before: for thousands of short runs, each of which would wake the process by itself. */
  slackMs = 0;
  readonly #clock: Clock;
  readonly #events: ScheduleEvents<T>;
  readonly #watch: ClockWatch;
  readonly #entries = new Map<string, Entry<T>>();
  #heap = new DueHeap<Entry<T>>();
  /** Of those that are in the heap, the removed ones, at most. */
  #gone = 0;
  #timer: Timer | undefined;
  #timerDueMs = Infinity;
  #lastSlotMs = 0;
  /** Of all plans so far. */
  #leastIntervalMs = Infinity;
  #stopped = false;

  constructor(clock: Clock, events: ScheduleEvents<T>) {
    this.#clock = clock;
    this.#events = events;
    this.#watch = new ClockWatch(clock);
  }

  /** Number of plans. */
  get size(): number {
    return this.#entries.size;
  }

  /** Takes in plans. One whose key is known replaces the old one. */
  add(plans: readonly Plan<T>[]): void {
    this.#look();
    const ordered = plans.map((plan) => ({ plan, hash: hash32(plan.phase) })).sort((a, b) => a.hash - b.hash);
    for (const { plan } of ordered) {
      this.remove(plan.key);
      this.#leastIntervalMs = Math.min(this.#leastIntervalMs, plan.intervalMs);
      const entry = this.#entryOf(plan);
      this.#entries.set(plan.key, entry);
      this.#heap.push(entry);
    }
    this.#arm();
  }

  /** Forgets a plan. A run that is going on is left to its owner. */
  remove(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.removed = true;
    this.#entries.delete(key);
    if (++this.#gone > this.#entries.size + MAX_GONE) this.#refill();
  }

  /** No more ticks. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #entryOf(plan: Plan<T>): Entry<T> {
    const offsetMs = plan.ticks?.offsetMs ?? offsetOf(plan.phase, plan.intervalMs);
    const now = this.#clock.now();
    const entry: Entry<T> = {
      plan,
      offsetMs,
      stage: 'first',
      tickMs: now,
      dueMs: now,
      stampMs: plan.resume?.plannedMs ?? -Infinity,
      running: false,
      pendingMs: undefined,
      removed: false,
    };
    if (plan.ticks !== undefined) {
      entry.stage = 'ticking';
      entry.tickMs = tickAfter(now, plan.intervalMs, offsetMs);
      entry.dueMs = entry.tickMs;
      return entry;
    }
    if (plan.resume !== undefined) this.#resume(entry, plan.resume, now);
    if (entry.stage === 'first' || entry.tickMs <= now) entry.dueMs = this.#slot(now);
    return entry;
  }

  /** Puts a plan on its next tick, or leaves it to its first run when it would give nothing for too long. */
  #resume(entry: Entry<T>, { plannedMs, cutShort }: Resume, now: number): void {
    const { plan } = entry;
    const next = nextTick(entry, now);
    const latest = next - plan.intervalMs;
    const passed = Math.max(0, Math.ceil((latest - plannedMs) / plan.intervalMs));
    const runLatest = passed > 0 && now - latest <= FRESH_MS;
    const missed = runLatest ? passed - 1 : passed;
    if (missed > 0) {
      const lastMs = runLatest ? latest - plan.intervalMs : latest;
      this.#events.onMiss(plan.item, { ticks: missed, reason: 'host', lastMs });
    }
    const gaveNothing = cutShort || passed > 0;
    if (!runLatest && gaveNothing && next - now > FRESH_MS) return;
    entry.stage = 'ticking';
    entry.tickMs = runLatest ? latest : next;
    entry.dueMs = entry.tickMs;
  }

  /** The next instant at which a run may begin that has no instant of its own. */
  #slot(now: number): number {
    this.#lastSlotMs = Math.max(now, this.#lastSlotMs + 1000 / FIRST_RUNS_PER_SECOND);
    return this.#lastSlotMs;
  }

  /** Sets the timer for the next run; not before `earliestMs` for one that is not due yet. */
  #arm(earliestMs = -Infinity): void {
    const head = this.#heap.peek();
    if (head === undefined || this.#stopped || head.dueMs >= this.#timerDueMs) return;
    this.#timer?.cancel();
    const now = this.#clock.now();
    const dueMs = head.dueMs > now ? Math.max(head.dueMs, earliestMs) : head.dueMs;
    this.#timerDueMs = Math.min(dueMs, now + LOOK_MS);
    this.#timer = this.#clock.after(Math.max(0, this.#timerDueMs - now), () => this.#fire());
  }

  #fire(): void {
    this.#timerDueMs = Infinity;
    this.#look();
    const now = this.#clock.now();
    const endMs = performance.now() + SLICE_MS;
    // Thousands that are due at once give way to others in between.
    while (performance.now() < endMs) {
      const starting = this.#takeDue(now);
      if (starting.length === 0) break;
      this.#start(starting);
    }
    this.#arm(now + Math.min(this.slackMs, this.#leastIntervalMs * SLACK_PART));
  }

  /** Those whose run begins now: one, or with slack several. */
  #takeDue(now: number): Entry<T>[] {
    const starting: Entry<T>[] = [];
    const most = this.slackMs > 0 ? MAX_TOGETHER : 1;
    for (let head = this.#heap.peek(); head !== undefined && head.dueMs <= now; head = this.#heap.peek()) {
      this.#heap.pop();
      if (!head.removed && this.#isStarting(head, now) && starting.push(head) === most) break;
    }
    return starting;
  }

  #start(starting: readonly Entry<T>[]): void {
    this.#events.onStart?.(starting.map(({ plan, stampMs }) => ({ item: plan.item, plannedMs: stampMs })));
    for (const entry of starting) {
      if (entry.stage === 'starting') void this.#run(entry).then(() => this.#startTicking(entry));
      else void this.#run(entry);
    }
  }

  /** Whether the plan that is due now begins a run, which is stamped then. */
  #isStarting(entry: Entry<T>, now: number): boolean {
    if (entry.stage === 'first') {
      entry.stage = 'starting';
      this.#stamp(entry, entry.dueMs, now);
      return true;
    }
    const { item, intervalMs } = entry.plan;
    const missed = Math.floor((now - entry.tickMs) / intervalMs);
    const tickMs = entry.tickMs + missed * intervalMs;
    if (missed > 0) this.#events.onMiss(item, { ticks: missed, reason: 'late', lastMs: tickMs - intervalMs });
    entry.tickMs = tickMs + intervalMs;
    entry.dueMs = entry.tickMs;
    this.#heap.push(entry);
    if (entry.running) this.#overrun(entry, tickMs);
    else this.#stamp(entry, tickMs, now);
    return !entry.running;
  }

  #stamp(entry: Entry<T>, tickMs: number, now: number): void {
    const afterLast = entry.stampMs + 1;
    const plannedMs = Math.round(tickMs);
    entry.stampMs = afterLast - now > MAX_AHEAD_MS ? plannedMs : Math.max(plannedMs, afterLast);
  }

  async #run(entry: Entry<T>): Promise<void> {
    entry.running = true;
    await this.#events.run(entry.plan.item, entry.stampMs);
    entry.running = false;
    const { pendingMs } = entry;
    entry.pendingMs = undefined;
    if (pendingMs === undefined || entry.removed || this.#stopped) return;
    const end = this.#clock.now();
    // The clock may have been set back meanwhile.
    this.#stamp(entry, Math.min(pendingMs, end), end);
    this.#start([entry]);
  }

  /** A tick during a run. */
  #overrun(entry: Entry<T>, tickMs: number): void {
    const { item, ticks } = entry.plan;
    const lostMs = ticks === undefined ? tickMs : entry.pendingMs;
    if (ticks !== undefined) entry.pendingMs = tickMs;
    if (lostMs !== undefined) this.#events.onSkip(item, { ticks: 1, lastMs: lostMs });
  }

  #startTicking(entry: Entry<T>): void {
    if (entry.removed || this.#stopped) return;
    const { item, intervalMs } = entry.plan;
    const now = this.#clock.now();
    entry.stage = 'ticking';
    entry.tickMs = nextTick(entry, now);
    const over = Math.floor((now - entry.stampMs) / intervalMs);
    if (over > 0) this.#events.onSkip(item, { ticks: over, lastMs: entry.tickMs - intervalMs });
    entry.dueMs = entry.tickMs;
    this.#heap.push(entry);
    this.#arm();
  }

  /** Notices a step of the clock and puts every plan on its ticks by the new one. */
  #look(): void {
    const stepMs = this.#watch.look();
    if (stepMs === 0) return;
    const now = this.#clock.now();
    this.#lastSlotMs += stepMs;
    this.#timerDueMs = Infinity;
    for (const entry of this.#entries.values()) {
      if (entry.stage === 'first') entry.dueMs += stepMs;
      else if (stepMs < 0 || entry.tickMs <= now) this.#rephase(entry, now);
    }
    this.#refill();
  }

  /** Makes the heap anew. */
  #refill(): void {
    this.#gone = 0;
    this.#heap = new DueHeap();
    for (const entry of this.#entries.values()) if (entry.stage !== 'starting') this.#heap.push(entry);
  }

  #rephase(entry: Entry<T>, now: number): void {
    const { item, intervalMs } = entry.plan;
    const next = nextTick(entry, now);
    const passed = Math.round((next - entry.tickMs) / intervalMs);
    if (entry.stage === 'ticking' && passed > 0)
      this.#events.onMiss(item, { ticks: passed, reason: 'clock', lastMs: next - intervalMs });
    entry.tickMs = next;
    entry.dueMs = next;
  }
}

/** The next tick by the clock. One that was run already, before the clock was set back a little, is not the next one again. */
function nextTick({ plan, offsetMs, stampMs }: Entry<unknown>, now: number): number {
  const aheadMs = stampMs - now;
  const after = aheadMs > 0 && aheadMs < plan.intervalMs ? stampMs : now;
  return tickAfter(after, plan.intervalMs, offsetMs);
}
