/** How long work may hold the loop before others have their turn. */
const SLICE_MS = 10;

/**
 * Works whose slice is over, in the order of asking. Each turn of the loop lets one of them go on: were it all of them, twenty works that keep to their
 * slices would still hold the loop for 200 ms together.
 */
const waiting: (() => void)[] = [];

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
    await new Promise<void>((resolve) => {
      if (waiting.push(resolve) === 1) setImmediate(goOn);
    });
    this.#sinceMs = performance.now();
  }
}

function goOn(): void {
  const resume = waiting.shift();
  if (waiting.length > 0) setImmediate(goOn);
  resume?.();
}
