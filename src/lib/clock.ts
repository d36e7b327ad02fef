/** A timer that can be taken back. */
export interface Timer {
  /** Stops it; a no-op when it has fired. */
  cancel(): void;
}

/** Time as an argument, so that no test sleeps. */
export interface Clock {
  /** Wall clock: milliseconds since 1970, with a fraction. For stamps and phases only. */
  now(): number;
  /** Milliseconds since an arbitrary start; never steps. For durations and deadlines. */
  monotonic(): number;
  /** Calls `run` once after `delayMs` (at most 2^31-1; longer is cut to that, and the caller looks again). */
  after(delayMs: number, run: () => void): Timer;
}

/** The longest delay a timer of Node takes; a longer one would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** The real time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, Math.min(Math.max(delayMs, 0), MAX_TIMER_MS));
    return { cancel: () => clearTimeout(timer) };
  },
};
