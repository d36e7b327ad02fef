import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock, Metrics, Timer } from '../lib/index.js';

/** The histogram wakes this often; a shorter delay than this is not seen. */
const RESOLUTION_MS = 50;
const WINDOW_MS = 60_000;

/** How long the agent's event loop was held at worst: its probes are elsewhere, but all else waits meanwhile. */
export class LoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #clock: Clock;
  #lastWindowMs = 0;
  #lastP99Ms = 0;
  #timer: Timer | undefined;

  constructor({ clock, metrics }: { clock: Clock; metrics: Metrics }) {
    this.#clock = clock;
    metrics.gaugeOf(
      'sentinel_self_loop_delay_seconds',
      "Worst delay of the agent's event loop in the last one to two minutes.",
      () => this.worstMs() / 1000,
    );
    metrics.gaugeOf(
      'sentinel_self_loop_delay_p99_seconds',
      "Delay of the agent's event loop that one in a hundred looks in the last one to two minutes saw or exceeded.",
      () => Math.max(this.#lastP99Ms, this.#p99Ms()) / 1000,
    );
    this.#histogram.enable();
    this.#turn();
  }

  /** The worst delay of this window and the one before, ms. */
  worstMs(): number {
    return Math.max(this.#lastWindowMs, this.#windowMs());
  }

  /** Ends the measuring. */
  stop(): void {
    this.#timer?.cancel();
    this.#histogram.disable();
  }

  // What the histogram sees is the time between its own timers.
  #windowMs(): number {
    return Math.max(0, this.#histogram.max / 1e6 - RESOLUTION_MS);
  }

  #p99Ms(): number {
    return Math.max(0, this.#histogram.percentile(99) / 1e6 - RESOLUTION_MS);
  }

  #turn(): void {
    this.#timer = this.#clock.after(WINDOW_MS, () => {
      this.#lastWindowMs = this.#windowMs();
      this.#lastP99Ms = this.#p99Ms();
      this.#histogram.reset();
      this.#turn();
    });
  }
}
