import { TimeSlice } from '../lib/index.js';
import type { WatchedTask } from './watched-task.js';

/** Tasks whose series are about to be marked as ended. In portions: a host says `removed` of thousands in one breath. */
export class Endings {
  #waiting: WatchedTask[] = [];
  #done: Promise<void> = Promise.resolve();

  /** Settles when all that were added so far are marked. */
  get done(): Promise<void> {
    return this.#done;
  }

  /** Nothing more comes of the task. */
  add(watched: WatchedTask): void {
    this.#waiting.push(watched);
    if (this.#waiting.length === 1) this.#done = this.#endAll();
  }

  async #endAll(): Promise<void> {
    const slice = new TimeSlice();
    for (const watched of this.#waiting) {
      if (slice.isUp) await slice.next();
      watched.end();
    }
    this.#waiting = [];
  }
}
