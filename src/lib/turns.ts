/** Lets one work run at a time, in the order of asking: works that pause every few milliseconds would still hold the process together. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Settles as the work does. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}
