/** Writes one line: a message, or fields and a message. */
export interface LogLine {
  (message: string): void;
  (fields: object, message: string): void;
}

/** The one structured logger, handed down: `log.child({ component: 'sender' })`. Never imported as a global. pino's loggers are such; a probe host has a smaller one. */
export interface Logger {
  debug: LogLine;
  info: LogLine;
  warn: LogLine;
  error: LogLine;
  /** A logger that adds these fields to every line. */
  child(fields: Record<string, unknown>): Logger;
}

/** Lets the first of a row of equal messages through, then at most one per `periodMs`, and says how many were held back. */
export class Throttle {
  readonly #periodMs: number;
  readonly #now: () => number;
  readonly #seen = new Map<string, { lastMs: number; held: number }>();

  constructor(periodMs: number, now: () => number) {
    this.#periodMs = periodMs;
    this.#now = now;
  }

  /** How many equal ones were held back before this one, or `undefined` when this one is to be held back too. */
  pass(key: string): number | undefined {
    const now = this.#now();
    const seen = this.#seen.get(key);
    if (seen !== undefined && now - seen.lastMs < this.#periodMs) {
      seen.held++;
      return undefined;
    }
    if (this.#seen.size >= 1000) this.#seen.clear();
    this.#seen.set(key, { lastMs: now, held: 0 });
    return seen?.held ?? 0;
  }

  /** After a recovery: the next one of this key passes at once. */
  forget(key: string): void {
    this.#seen.delete(key);
  }
}
