import type { Clock } from '../lib/index.js';

/** Wall and monotonic clock may drift apart by so much from one look to the next before it is a step: NTP slews by 0.5 ms a second. */
const STEP_MS = 1000;
/** Both clocks are read again when reading them took longer: the process was held in between. */
const READ_MS = 10;

/** Notices when the wall clock is set (NTP, a person) or jumps over a suspend, by comparing it with the monotonic clock. Look at least once a second. */
export class ClockWatch {
  readonly #clock: Clock;
  #offsetMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offsetMs = wallOffset(clock);
  }

  /** How far the wall clock was set since the look before, ms: positive = forward; 0 = not. */
  look(): number {
    const offsetMs = wallOffset(this.#clock);
    const stepMs = offsetMs - this.#offsetMs;
    this.#offsetMs = offsetMs;
    return Math.abs(stepMs) > STEP_MS ? stepMs : 0;
  }
}

/** Wall time at the zero of the monotonic clock, ms. */
function wallOffset(clock: Clock): number {
  for (;;) {
    const before = clock.monotonic();
    const now = clock.now();
    if (clock.monotonic() - before < READ_MS) return now - before;
  }
}
