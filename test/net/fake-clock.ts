import type { Clock } from '../../src/lib/index.js';

/** A clock that stands still until it is advanced. */
export class FakeClock implements Clock {
  #nowMs = 1_000_000;
  readonly #timers: { at: number; run: () => void }[] = [];

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): { cancel(): void } {
    const timer = { at: this.#nowMs + delayMs, run };
    this.#timers.push(timer);
    return {
      cancel: () => {
        const index = this.#timers.indexOf(timer);
        if (index >= 0) this.#timers.splice(index, 1);
      },
    };
  }

  /** Lets time pass and runs what came due. */
  advance(ms: number): void {
    this.#nowMs += ms;
    for (const timer of this.#timers.filter((timer) => timer.at <= this.#nowMs)) {
      this.#timers.splice(this.#timers.indexOf(timer), 1);
      timer.run();
    }
  }
}
