import type { Clock, Timer } from '../lib/index.js';
import { DueHeap } from './heap.js';
import { hash32, offsetOf, tickAfter } from './offset.js';

/** First runs after a start or an addition, per second: a restart must not fire everything in one instant. */
const FIRST_RUNS_PER_SECOND = 500;

/** Something that runs every `intervalMs`. */
export interface Plan<T> {
  /** Unique in the schedule. */
  key: string;
  /** Decides the phase: the same text gives the same ticks after every restart. */
  phase: string;
  intervalMs: number;
  item: T;
}

/** What the schedule tells its owner. */
export interface ScheduleEvents<T> {
  /** A tick is due. Settles when the run has ended; must not reject. */
  run(item: T, plannedMs: number): Promise<void>;
  /** A tick came while the run before was still going. */
  onSkip(item: T): void;
  /** So many ticks passed while we could not run. */
  onMiss(item: T, ticks: number): void;
}

interface Entry<T> {
  plan: Plan<T>;
  offsetMs: number;
  dueMs: number;
  /** Not on its ticks yet: they begin when the first run has ended, so that it never makes one of them a skipped one. */
  first: boolean;
  running: boolean;
  removed: boolean;
}

/**
 * Says "run this one now". Each plan runs once right after it was added (in the order of its hash, 500 a second), then on its own ticks of the
 * wall clock: next = planned + interval, never end + interval. One run of a plan at a time: a tick during a run is skipped and counted; ticks that
 * passed unseen are counted, and only the latest of them is run.
 */
export class Schedule<T> {
  readonly #clock: Clock;
  readonly #events: ScheduleEvents<T>;
  readonly #entries = new Map<string, Entry<T>>();
  readonly #heap = new DueHeap<Entry<T>>();
  #timer: Timer | undefined;
  #timerDueMs = Infinity;
  #lastFirstMs = 0;
  #stopped = false;

  constructor(clock: Clock, events: ScheduleEvents<T>) {
    this.#clock = clock;
    this.#events = events;
  }

  /** Number of plans. */
  get size(): number {
    return this.#entries.size;
  }

  /** Takes in plans. One whose key is known replaces the old one. */
  add(plans: readonly Plan<T>[]): void {
    const ordered = plans.map((plan) => ({ plan, hash: hash32(plan.phase) })).sort((a, b) => a.hash - b.hash);
    for (const { plan } of ordered) {
      this.remove(plan.key);
      const dueMs = Math.max(this.#clock.now(), this.#lastFirstMs + 1000 / FIRST_RUNS_PER_SECOND);
      this.#lastFirstMs = dueMs;
      const offsetMs = offsetOf(plan.phase, plan.intervalMs);
      const entry: Entry<T> = { plan, offsetMs, dueMs, first: true, running: false, removed: false };
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
  }

  /** No more ticks. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #arm(): void {
    const head = this.#heap.peek();
    if (head === undefined || this.#stopped || head.dueMs >= this.#timerDueMs) return;
    this.#timer?.cancel();
    this.#timerDueMs = head.dueMs;
    this.#timer = this.#clock.after(Math.max(0, head.dueMs - this.#clock.now()), () => this.#fire());
  }

  #fire(): void {
    this.#timerDueMs = Infinity;
    const now = this.#clock.now();
    for (let head = this.#heap.peek(); head !== undefined && head.dueMs <= now; head = this.#heap.peek()) {
      this.#heap.pop();
      if (!head.removed) this.#tick(head, now);
    }
    this.#arm();
  }

  #tick(entry: Entry<T>, nowMs: number): void {
    const { plan } = entry;
    const { first } = entry;
    entry.first = false;
    let planned = entry.dueMs;
    if (!first) {
      const missed = Math.floor((nowMs - planned) / plan.intervalMs);
      if (missed > 0) this.#events.onMiss(plan.item, missed);
      planned += missed * plan.intervalMs;
      entry.dueMs = planned + plan.intervalMs;
      this.#heap.push(entry);
    }
    if (entry.running) {
      this.#events.onSkip(plan.item);
      return;
    }
    entry.running = true;
    void this.#events.run(plan.item, Math.round(planned)).then(() => {
      entry.running = false;
      if (first) this.#startGrid(entry);
    });
  }

  #startGrid(entry: Entry<T>): void {
    if (entry.removed || this.#stopped) return;
    entry.dueMs = tickAfter(this.#clock.now(), entry.plan.intervalMs, entry.offsetMs);
    this.#heap.push(entry);
    this.#arm();
  }
}
