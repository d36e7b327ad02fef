/** Wakes whoever waits. Told while nobody waits, the next one does not wait. */
export class Signal {
  #told = false;
  #wake: (() => void)[] = [];

  /** Wakes everyone. */
  tell(): void {
    this.#told = true;
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }

  /** Forgets what was told so far. */
  reset(): void {
    this.#told = false;
  }

  /** Settles when it is told, at once if it was told since `reset`. */
  wait(): Promise<void> {
    return this.#told ? Promise.resolve() : new Promise((resolve) => this.#wake.push(resolve));
  }
}
