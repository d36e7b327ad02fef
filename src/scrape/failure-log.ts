import { createWriteStream, type WriteStream } from 'node:fs';
import { type Cell, errorLine, type Logger, Throttle } from '../lib/index.js';

/** What may wait to be written to one file; a disk that hangs must not fill the memory. */
const MAX_WAITING_BYTES = 2 ** 20;
const LOG_PERIOD_MS = 60_000;

/** What the logs need. */
interface FailureLogParts {
  log: Logger;
  /** Counts lines that were not written. */
  dropped: Cell;
  now: () => number;
}

/** The files of `scrape_failure_log_file`: one JSON line per failed scrape, as Prometheus writes them. Jobs that name the same file share it. */
export class FailureLogs {
  readonly #parts: FailureLogParts;
  readonly #throttle: Throttle;
  readonly #files = new Map<string, WriteStream>();

  constructor(parts: FailureLogParts) {
    this.#parts = parts;
    this.#throttle = new Throttle(LOG_PERIOD_MS, parts.now);
  }

  /** Closes every file. One that is written to again is opened anew, under its name: after a reload it may have been rotated. */
  close(): void {
    for (const stream of this.#files.values()) stream.end();
    this.#files.clear();
  }

  /** Adds a line. Never waits: one that cannot be written is counted, and the first said in the log. */
  write(file: string, fields: { error: string; job: string; target: string }): void {
    let stream = this.#files.get(file);
    if (stream === undefined) {
      stream = this.#open(file);
      this.#files.set(file, stream);
    }
    if (stream.writableLength > MAX_WAITING_BYTES) {
      this.#parts.dropped.inc();
      return;
    }
    const { error, job, target } = fields;
    const time = new Date(this.#parts.now()).toISOString();
    const line = { time, level: 'ERROR', msg: error, job_name: job, target };
    // Of a file that cannot be opened there is one error, but as many lines as were waiting for it.
    stream.write(`${JSON.stringify(line)}\n`, (fault) => {
      if (fault) this.#parts.dropped.inc();
    });
  }

  #open(file: string): WriteStream {
    const stream = createWriteStream(file, { flags: 'a', mode: 0o640 });
    stream.on('error', (error) => {
      if (this.#files.get(file) === stream) this.#files.delete(file);
      const held = this.#throttle.pass(file);
      if (held !== undefined)
        this.#parts.log.warn({ file, held }, `cannot write scrape_failure_log_file: ${errorLine(error)}`);
    });
    return stream;
  }
}
