/** Processor time of this process in ms, all threads together. */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * The most processor time that passed from one turn of the event loop to the next: never less than what the loop was held for by our own work, and
 * on a machine that others use too far less than the delay that a clock sees.
 */
export class OwnTime {
  #last = processorMs();
  #worstMs = 0;
  readonly #timer = setInterval(() => this.#look(), 1);

  /** Since the last `reset`. */
  get worstMs(): number {
    this.#look();
    return this.#worstMs;
  }

  /** Begins anew. */
  reset(): void {
    this.#last = processorMs();
    this.#worstMs = 0;
  }

  /** No further look. */
  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = processorMs();
    this.#worstMs = Math.max(this.#worstMs, now - this.#last);
    this.#last = now;
  }
}
