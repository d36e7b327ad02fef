import { type Clock, type Timer, TimeSlice } from '../lib/index.js';
import { tickAfter } from '../schedule/index.js';
import type { TargetLoop } from './loop.js';
import type { LoopsByLabels } from './loops-by-labels.js';

/** From the first tick that was not to be, in intervals, until the series are marked: a target that comes back has written by then. */
const WAIT_INTERVALS = 1.1;

/** Where the ticks of a target lie. */
export interface Ticks {
  intervalMs: number;
  offsetMs: number;
}

/** Loops whose target is gone, until their series are marked as ended: at the time of the first tick that was not to be (Prometheus, endOfRunStaleness). */
export class LeavingLoops {
  readonly #clock: Clock;
  readonly #live: LoopsByLabels;
  readonly #ends = new Map<TargetLoop, Timer>();

  /** `live`: the loops of the pool that go on. Where one with the same labels writes a series, that has not ended. */
  constructor(clock: Clock, live: LoopsByLabels) {
    this.#clock = clock;
    this.#live = live;
  }

  add(loop: TargetLoop, { intervalMs, offsetMs }: Ticks): void {
    const now = this.#clock.now();
    const staleMs = tickAfter(now, intervalMs, offsetMs);
    const waitMs = staleMs - now + intervalMs * WAIT_INTERVALS;
    this.#ends.set(
      loop,
      this.#clock.after(waitMs, () => void this.#end(loop, staleMs)),
    );
  }

  /** Marks nothing any more, and cuts short what is running; settles when nothing is. */
  async stop(): Promise<void> {
    const loops = [...this.#ends.keys()];
    for (const loop of loops) loop.interrupt();
    for (const timer of this.#ends.values()) timer.cancel();
    this.#ends.clear();
    await Promise.all(loops.map((loop) => loop.idle()));
  }

  async #end(loop: TargetLoop, staleMs: number): Promise<void> {
    // Of thousands that went together many end at the same time.
    const slice = new TimeSlice();
    if (slice.isUp) await slice.next();
    const isStopped = !this.#ends.delete(loop);
    if (isStopped) return;
    const heirs = this.#live.of(loop.target.labels);
    if (heirs.length === 0) loop.end(staleMs);
    else loop.end(staleMs, (series) => heirs.some((heir) => heir.series.writes(series)));
  }
}
