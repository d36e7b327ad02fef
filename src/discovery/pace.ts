import type { Clock, Timer } from '../lib/index.js';

const MIN_GAP_MS = 100;
const MAX_GAP_MS = 5000;
const GROWTH = 1.5;

/**
 * How often something that is asked for is done: the first time at once, then with growing pauses (100 ms to 5 s) for as long as it is asked for
 * again and again; after 5 s of rest at once again. What is urgent waits for the shortest pause only.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #run: () => void;
  #gapMs = MIN_GAP_MS;
  #lastMs = -Infinity;
  #due: { atMs: number; timer: Timer } | undefined;

  constructor(clock: Clock, run: () => void) {
    this.#clock = clock;
    this.#run = run;
  }

  /** Does it now or at its time; asked for twice until then, it is done once. */
  ask(urgent: boolean): void {
    const now = this.#clock.monotonic();
    const atMs = this.#lastMs + (urgent ? MIN_GAP_MS : this.#gapMs);
    if (atMs <= now) {
      this.#do(now);
      return;
    }
    if (this.#due !== undefined && this.#due.atMs <= atMs) return;
    this.rest();
    const timer = this.#clock.after(atMs - now, () => this.#do(this.#clock.monotonic()));
    this.#due = { atMs, timer };
  }

  /** It need not be done any more. */
  rest(): void {
    this.#due?.timer.cancel();
    this.#due = undefined;
  }

  #do(now: number): void {
    this.rest();
    const idle = now - this.#lastMs > MAX_GAP_MS;
    this.#gapMs = idle ? MIN_GAP_MS : Math.min(this.#gapMs * GROWTH, MAX_GAP_MS);
    this.#lastMs = now;
    this.#run();
  }
}
