import type { Sample } from '../sdk/index.js';
import type { RunResult } from './frames.js';

/** A result that is not encoded yet: names and labels are left out only when it is really sent. */
export interface WaitingResult {
  id: string;
  result: Omit<RunResult, 'samples'>;
  samples: readonly Sample[];
}

/** Results that wait for credit at most, and their samples; the oldest go first. */
const MAX_RESULTS = 10_000;
const MAX_SAMPLES = 500_000;

/** The results of a probe host on their way to the agent. Each takes a credit; without one they wait here, bounded, while an agent is stalled. */
export class Outbox {
  readonly #send: (frame: WaitingResult) => void;
  #waiting: WaitingResult[] = [];
  #waitingSamples = 0;
  #credits: number;
  /** Results that were dropped because too many waited, since the heartbeat before. */
  #dropped = 0;

  constructor(credits: number, send: (frame: WaitingResult) => void) {
    this.#credits = credits;
    this.#send = send;
  }

  /** Sends a result, or keeps it until there is credit. */
  push(frame: WaitingResult): void {
    if (this.#credits > 0) {
      this.#credits--;
      this.#send(frame);
      return;
    }
    this.#waiting.push(frame);
    this.#waitingSamples += frame.samples.length;
    let drop = 0;
    while (
      this.#waiting.length - drop > MAX_RESULTS ||
      (this.#waitingSamples > MAX_SAMPLES && this.#waiting.length - drop > 1)
    ) {
      this.#waitingSamples -= this.#waiting[drop++]!.samples.length;
    }
    this.#dropped += drop;
    if (drop > 0) this.#waiting = this.#waiting.slice(drop);
  }

  /** The agent has dealt with so many results. */
  credit(count: number): void {
    this.#credits += count;
    const ready = this.#waiting.splice(0, this.#credits);
    this.#credits -= ready.length;
    for (const frame of ready) {
      this.#waitingSamples -= frame.samples.length;
      this.#send(frame);
    }
  }

  /** Results dropped since the last call. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  /** Sends all that waits, credit or not: the host is about to end. */
  flush(): void {
    this.credit(this.#waiting.length);
  }
}
