import { BOOT_MS, type Clock } from '../lib/index.js';
import type { Batch } from '../model/index.js';

/** A smaller step is the usual correction of a clock that was about right. */
const MIN_STEP_MS = 60_000;

/**
 * Gear without a battery boots with a wrong clock, and sets it when it has found the time. In the first minutes of the agent such a step says that
 * every sample so far has the wrong time: those that are not sent yet are moved by it, and so are the results of runs that began before.
 */
export class BootClock {
  readonly #clock: Clock;
  readonly #onStep: (stepMs: number) => void;
  readonly #endMs: number;
  #stepMs = 0;
  #stillComingUntilMs = -Infinity;

  /** `onStep` moves what waits to be sent. */
  constructor(clock: Clock, onStep: (stepMs: number) => void) {
    this.#clock = clock;
    this.#onStep = onStep;
    this.#endMs = clock.monotonic() + BOOT_MS;
  }

  /** The clock was set; gives whether that says that it was wrong from the start. */
  step(stepMs: number): boolean {
    const now = this.#clock.monotonic();
    if (now > this.#endMs || Math.abs(stepMs) <= MIN_STEP_MS) return false;
    this.#stepMs = stepMs;
    this.#stillComingUntilMs = now + BOOT_MS;
    this.#onStep(stepMs);
    return true;
  }

  /** Moves the samples of a batch whose run ended by the clock as it was before: that is when its end lies nearer to now by the old clock than by the new one. */
  correct(batch: Batch): void {
    if (this.#clock.monotonic() > this.#stillComingUntilMs) return;
    const agoMs = this.#clock.now() - batch.times.finishedMs;
    if (Math.abs(agoMs - this.#stepMs) >= Math.abs(agoMs)) return;
    for (let i = 0; i < batch.length; i++) batch.timestamps[i]! += this.#stepMs;
  }
}
