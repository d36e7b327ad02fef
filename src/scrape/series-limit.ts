const WINDOW_MS = 24 * 3_600_000;

/** vmagent's `series_limit`: how many series a target may give within 24 hours. The window ends for all of them at once. */
export class SeriesLimit {
  /** Hashes of the series' labels. */
  readonly #seen = new Set<number>();
  #sinceMs: number;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  /** Series that count. */
  get current(): number {
    return this.#seen.size;
  }

  /** Whether a series may come in; it counts from now on. */
  admit(hash: number, limit: number): boolean {
    if (this.#seen.has(hash)) return true;
    if (this.#seen.size >= limit) return false;
    this.#seen.add(hash);
    return true;
  }

  /** Begins a new window when the last one is over: true. `nowMs` is of a clock that never steps. */
  turn(nowMs: number): boolean {
    if (nowMs - this.#sinceMs < WINDOW_MS) return false;
    this.#sinceMs = nowMs;
    this.#seen.clear();
    return true;
  }
}
