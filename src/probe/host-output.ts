import type { Readable } from 'node:stream';
import type { Clock } from '../lib/index.js';

/** Per second: what is read of a host's output, and how many lines of it are logged. A host that writes more waits, which holds up nobody else. */
const BYTES_PER_SECOND = 4 * 2 ** 20;
const LINES_PER_SECOND = 20;
/** Longer lines are cut. */
const MAX_LINE = 1000;
const LINE_FEED = 10;
/** What Node prints of an error that ended it. */
const ERROR_LINE = /^(?:Uncaught )?[A-Za-z]*(?:Error|ERROR)\b/;

/** What a probe host prints (it should print nothing), as lines, at a bounded cost for the agent. */
export class HostOutput {
  readonly #clock: Clock;
  readonly #onLine: (line: string) => void;
  #secondMs = -Infinity;
  #bytes = 0;
  #lines = 0;
  #dropped = 0;
  /** The last line that named an error: why it died, if it did. */
  lastError: string | undefined;

  constructor(clock: Clock, onLine: (line: string) => void) {
    this.#clock = clock;
    this.#onLine = onLine;
  }

  /** Reads stdout or stderr to its end. */
  read(stream: Readable): void {
    let rest = '';
    stream.on('data', (chunk: Buffer) => {
      const now = this.#clock.monotonic();
      if (now - this.#secondMs >= 1000) [this.#secondMs, this.#bytes, this.#lines] = [now, 0, 0];
      rest = this.#take(rest, chunk);
      this.#bytes += chunk.length;
      if (this.#bytes < BYTES_PER_SECOND) return;
      stream.pause();
      this.#clock.after(this.#secondMs + 1000 - now, () => stream.resume());
    });
    stream.on('end', () => this.#line(rest));
    stream.on('error', () => {}); // Its end is seen by the process's.
  }

  /** Lines that were not handed on since the last call. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  /** Hands on the lines that are whole now, and gives the beginning of the next. */
  #take(rest: string, chunk: Buffer): string {
    if (this.#lines >= LINES_PER_SECOND) {
      for (let i = 0; i < chunk.length; i++) if (chunk[i] === LINE_FEED) this.#dropped++;
      return '';
    }
    const lines = (rest + chunk.toString()).split('\n');
    const last = lines.pop()!;
    for (const line of lines) this.#line(line);
    return last.slice(0, MAX_LINE);
  }

  #line(line: string): void {
    if (line.trim() === '') return;
    if (ERROR_LINE.test(line)) this.lastError = line.slice(0, MAX_LINE);
    if (this.#lines >= LINES_PER_SECOND) {
      this.#dropped++;
      return;
    }
    this.#lines++;
    this.#onLine(line.slice(0, MAX_LINE));
  }
}
