import { type Clock, formatDuration, type Logger, type Metrics } from '../lib/index.js';
import type { Batch } from '../model/index.js';
import type { BootClock } from './boot-clock.js';

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

/** How often the agent looks. */
const LOOK_MS = 1000;

/** Watches the agent's own clock. */
export interface ClockGuard {
  /** Corrects the times of a batch that was made before the clock was set, when that was wrong from the start. Every batch comes by here before it is encoded. */
  correct(batch: Batch): void;
  stop(): void;
}

/** Logs and counts every step of the clock, and tells `boot` of it. */
export function watchClock(
  parts: { clock: Clock; log: Logger; metrics: Metrics },
  boot: BootClock,
): ClockGuard {
  const watch = new ClockWatch(parts.clock);
  const steps = parts.metrics.family(
    'counter',
    'sentinel_schedule_clock_steps_total',
    'Times that the wall clock was set, or jumped over a suspend, by more than a second, by direction.',
  );
  for (const direction of ['forward', 'back']) steps.with({ direction });
  const shifted = parts.metrics.counter(
    'sentinel_schedule_samples_shifted_total',
    'Samples that were on their way when the clock was set in the first minutes of the boot, and got another time.',
  );
  const look = () => {
    const stepMs = watch.look();
    if (stepMs === 0) return;
    const direction = stepMs > 0 ? 'forward' : 'back';
    steps.with({ direction }).inc();
    const step = formatDuration(Math.round(Math.abs(stepMs) / 1000) * 1000);
    const message = `The clock went ${direction} by ${step}; tasks go on by the new time`;
    parts.log.warn({ step_ms: Math.round(stepMs) }, message);
    if (boot.step())
      parts.log.warn('What was not sent yet gets its times corrected: the clock was wrong since the start');
  };
  let timer = parts.clock.after(LOOK_MS, tick);
  function tick() {
    look();
    timer = parts.clock.after(LOOK_MS, tick);
  }
  return {
    correct(batch) {
      look();
      if (boot.correct(batch)) shifted.inc(batch.length);
    },
    stop: () => timer.cancel(),
  };
}
