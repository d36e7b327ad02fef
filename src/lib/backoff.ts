/** Waiting times that double from `minMs` to `maxMs`, with jitter, until `reset`. */
export class Backoff {
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #nextMs: number;

  constructor(minMs: number, maxMs: number, random: () => number = Math.random) {
    this.#minMs = minMs;
    this.#maxMs = Math.max(minMs, maxMs);
    this.#random = random;
    this.#nextMs = minMs;
  }

  /** The next waiting time in ms: the doubled one, less up to a fifth, so that many agents do not come back as one. */
  next(): number {
    const ms = this.#nextMs;
    this.#nextMs = Math.min(ms * 2, this.#maxMs);
    return ms * (1 - 0.2 * this.#random());
  }

  /** After a success. */
  reset(): void {
    this.#nextMs = this.#minMs;
  }
}
