import type { Clock, Timer } from '../src/lib/index.js';

/** Time that passes only when told to. */
export class FakeClock implements Clock {
  #now: number;
  #monotonic = 0;
  #timers: { at: number; run: () => void; order: number }[] = [];
  #order = 0;

  constructor(now = 1_700_000_000_000) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = { at: this.#monotonic + Math.max(0, delayMs), run, order: this.#order++ };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  /** Lets time pass, firing timers in their order; promises settle in between. */
  async pass(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    for (;;) {
      const next = this.#timers
        .filter((timer) => timer.at <= end)
        .sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.jump(Math.max(0, next.at - this.#monotonic));
      next.run();
      await settle();
    }
    this.jump(end - this.#monotonic);
    await settle();
  }

  /** The wall clock is set, as NTP does, or jumps over a suspend. */
  step(ms: number): void {
    this.#now += ms;
  }

  /** Time passes without any timer firing: the process was held. */
  jump(ms: number): void {
    this.#monotonic += ms;
    this.#now += ms;
  }
}

/** Lets all promises that can settle do so. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
