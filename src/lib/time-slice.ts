/** How long work may hold the loop before others have their turn. */
const SLICE_MS = 10;

/** Cuts long work into portions: `if (slice.isUp) await slice.next();` where it may be interrupted. */
export class TimeSlice {
  readonly #ms: number;
  #sinceMs = performance.now();

  /** `ms`: for work that nobody waits for, less than what is usual. */
  constructor(ms = SLICE_MS) {
    this.#ms = ms;
  }

  /** Whether the loop has been held for long enough. */
  get isUp(): boolean {
    return performance.now() - this.#sinceMs >= this.#ms;
  }

  /** Lets everybody else run; settles with a new slice. */
  async next(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#sinceMs = performance.now();
  }
}
