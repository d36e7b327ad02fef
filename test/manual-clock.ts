import type { Clock, Timer } from '../src/lib/index.js';

/** A clock that stands still until a test moves it. Wall and monotonic time move together, unless `step` is used. */
export class ManualClock implements Clock {
  #wallMs: number;
  #monotonicMs = 1000;
  #timers: { dueMs: number; run: () => void }[] = [];

  constructor(wallMs = Date.UTC(2026, 0, 1)) {
    this.#wallMs = wallMs;
  }

  now(): number {
    return this.#wallMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = { dueMs: this.#monotonicMs + Math.max(0, delayMs), run };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  /** Number of timers that have not fired. */
  get waiting(): number {
    return this.#timers.length;
  }

  /** Moves on, firing what falls due in order, and lets promises settle after each. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#monotonicMs + ms;
    for (;;) {
      await settle();
      const next = this.#timers.filter((t) => t.dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((t) => t !== next);
      this.#moveTo(Math.max(next.dueMs, this.#monotonicMs));
      next.run();
    }
    this.#moveTo(endMs);
    await settle();
  }

  /** Time passes without any timer firing: the process was held. */
  jump(ms: number): void {
    this.#moveTo(this.#monotonicMs + ms);
  }

  /** The wall clock is set, as NTP does, or jumps over a suspend. */
  step(ms: number): void {
    this.#wallMs += ms;
  }

  #moveTo(ms: number): void {
    this.#wallMs += ms - this.#monotonicMs;
    this.#monotonicMs = ms;
  }
}

/** Lets all that is ready run, promises and immediates both. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}
