import type { TimerQueue } from './timer-queue.js';

/** A timer of Node comes up to this late; what was missed meanwhile may be made up for. */
const LATENESS_MS = 3;

/** Lets packets go in the order they came, at most so many a second. */
export class Pacer {
  readonly #spacingMs: number;
  readonly #timers: TimerQueue;
  #queue: (() => boolean)[] = [];
  #head = 0;
  /** When the next packet may go. */
  #freeMs = 0;
  /** A look at the queue is already due. */
  #due = false;

  constructor(packetsPerSecond: number, timers: TimerQueue) {
    this.#spacingMs = 1000 / packetsPerSecond;
    this.#timers = timers;
  }

  /** Calls `send` when it is its turn, at once when nothing waits; it says whether a packet went out. */
  push(send: () => boolean): void {
    this.#queue.push(send);
    const nowMs = performance.now();
    // Fast path: a turn of the event loop costs as much as the packet.
    if (!this.#due && this.#head === this.#queue.length - 1 && nowMs >= this.#freeMs) {
      this.#freeMs = nowMs;
      this.#sendOne();
    }
    this.#look();
  }

  /** Forgets all that wait. */
  close(): void {
    this.#queue = [];
    this.#head = 0;
  }

  #look(): void {
    if (this.#due || this.#head === this.#queue.length) return;
    this.#due = true;
    const run = () => {
      this.#due = false;
      this.#sendOne();
      this.#look();
    };
    // One packet per turn of the event loop: a reply that has come is read (and stamped) before the next packet is sent.
    if (performance.now() >= this.#freeMs) setImmediate(run);
    else this.#timers.at(this.#freeMs, run);
  }

  #sendOne(): void {
    while (this.#head < this.#queue.length) {
      const send = this.#queue[this.#head]!;
      this.#queue[this.#head++] = SENT;
      if (this.#head > 1000 && this.#head * 2 > this.#queue.length) {
        this.#queue = this.#queue.slice(this.#head);
        this.#head = 0;
      }
      const nowMs = performance.now();
      if (!send()) continue;
      this.#freeMs = Math.max(this.#freeMs, nowMs - LATENESS_MS) + this.#spacingMs;
      return;
    }
  }
}

const SENT = () => false;
