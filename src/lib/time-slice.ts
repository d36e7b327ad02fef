/** How long work may hold the loop before others have their turn. */
const SLICE_MS = 10;

/** Cuts long work into portions: `if (slice.isUp) await slice.next();` where it may be interrupted. */
export class TimeSlice {
  #sinceMs = performance.now();

  /** Whether the loop has been held for long enough. */
  get isUp(): boolean {
    return performance.now() - this.#sinceMs >= SLICE_MS;
  }

  /** Lets everybody else run; settles with a new slice. */
  async next(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#sinceMs = performance.now();
  }
}
