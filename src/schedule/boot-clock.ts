import { BOOT_MS, BOOT_STEP_MS, type Clock } from '../lib/index.js';
import type { Batch } from '../model/index.js';

/**
 * Gear without a battery boots with a wrong clock, and sets it when it has found the time. In the first minutes such a step says that every sample so
 * far has the wrong time: those that are not sent yet are moved by it, and so are the results of runs that began before.
 */
export class BootClock {
  readonly #clock: Clock;
  readonly #onStep: () => number;
  #stepMs = 0;
  #stillComingUntilMs = -Infinity;

  /** `onStep` moves what waits to be sent, and gives by how many ms. */
  constructor(clock: Clock, onStep: () => number) {
    this.#clock = clock;
    this.#onStep = onStep;
  }

  /** The clock was set, or jumped over a suspend; gives whether that says that it was wrong from the start. */
  step(): boolean {
    const stepMs = this.#onStep();
    if (Math.abs(stepMs) <= BOOT_STEP_MS) return false;
    this.#stepMs = stepMs;
    this.#stillComingUntilMs = this.#clock.monotonic() + BOOT_MS;
    return true;
  }

  /** Moves the samples of a batch whose run ended by the clock as it was before: that is when its end lies nearer to now by the old clock than by the new one. Gives whether it did. */
  correct(batch: Batch): boolean {
    if (this.#clock.monotonic() > this.#stillComingUntilMs) return false;
    const agoMs = this.#clock.now() - batch.times.finishedMs;
    if (Math.abs(agoMs - this.#stepMs) >= Math.abs(agoMs)) return false;
    const stepMs = this.#stepMs;
    for (let i = 0; i < batch.length; i++) batch.timestamps[i]! += stepMs;
    for (const [i, exemplars] of batch.exemplars ?? []) {
      const moved = exemplars.map((one) => ({ ...one, timestampMs: one.timestampMs + stepMs }));
      batch.exemplars?.set(i, moved);
    }
    return true;
  }
}
