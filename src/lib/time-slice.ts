/** How long works that are cut into portions hold the loop in one turn, all together. */
const SLICE_MS = 4;

/** The turn of the event loop at hand, as far as such works know of it. */
class LoopTurn {
  /** Counts them. */
  number = 0;
  readonly #waiting: (() => void)[] = [];
  /** When it began: with the first of those that have waited, or with somebody who looks before them. */
  #sinceMs: number | undefined;
  #isGiven = false;

  /** For how long it has been going on. */
  get heldMs(): number {
    if (this.#sinceMs === undefined) this.#begin();
    return performance.now() - this.#sinceMs!;
  }

  /** Whether somebody waits. */
  get isAwaited(): boolean {
    return this.#waiting.length > 0;
  }

  /** Settles in a later turn: in each at least for the one that has waited longest, for the others while there is time left. */
  next(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      setImmediate(() => this.#give(ms));
    });
  }

  #begin(): void {
    const number = ++this.number;
    this.#sinceMs = performance.now();
    setImmediate(() => {
      if (this.number !== number) return;
      this.#sinceMs = undefined;
      this.#isGiven = false;
    });
  }

  /** Comes once for each that waits. */
  #give(ms: number): void {
    if (!this.#isGiven) {
      this.#begin();
      this.#isGiven = true;
    } else if (this.heldMs >= ms) {
      setImmediate(() => this.#give(ms));
      return;
    }
    this.#waiting.shift()!();
  }
}

const turn = new LoopTurn();

/**
 * Cuts long work into portions: `if (slice.isUp) await slice.next();` where it may be interrupted. All works of a process share the turns of its loop: of a hundred that have
 * something to do at the same time each has its portion in the order of asking, and together they hold the loop no longer than one would. What stands behind `next` is
 * done before the next look, so that each of them gets on.
 */
export class TimeSlice {
  readonly #ms: number;
  /** The turn in which it was given a portion. */
  #given = -1;

  /** `ms`: less than what is usual, in tests. */
  constructor(ms = SLICE_MS) {
    this.#ms = ms;
  }

  /** Whether the loop has been held for long enough, or others have waited for longer. */
  get isUp(): boolean {
    return turn.heldMs >= this.#ms || (turn.isAwaited && this.#given !== turn.number);
  }

  /** Lets everybody else run; settles with a new portion. */
  async next(): Promise<void> {
    await turn.next(this.#ms);
    this.#given = turn.number;
  }
}
