import { Backoff, type Clock, formatDuration, type Logger, redactUrl, Throttle } from '../lib/index.js';
import type { Answer } from './answer.js';
import type { Destination } from './destination.js';

/** An endpoint that is wrong is asked again at least this rarely, once the waiting times have grown. */
const SLOW_BACKOFF_MS = 60_000;
/** Of equal log lines at most one in this time. */
const LOG_PERIOD_MS = 60_000;

type Failure = Extract<Answer, { kind: 'retry' | 'wrong' }>;

/** What health is told with. */
interface HealthSetUp {
  destination: Destination;
  clock: Clock;
  log: Logger;
  /** Samples that wait for this destination. */
  pendingSamples: () => number;
}

/** Whether a destination answers as it should, when to ask it again if not, and what the log says about it. All its lanes share one. */
export class Health {
  readonly #setUp: HealthSetUp;
  readonly #throttle: Throttle;
  readonly #backoff: Backoff;
  readonly #slowBackoff: Backoff;
  /** Monotonic; `undefined` while all is well. */
  #failingSinceMs: number | undefined;
  #resumeAtMs = -Infinity;
  #lastFailureMs = -Infinity;

  /** The last block that was answered at all was refused: nothing arrives, although nothing waits. */
  isRefusing = false;
  /** Wall clock of the last 2xx, ms. */
  lastSuccessMs: number | undefined;
  /** What the last request failed with. */
  lastError: string | undefined;

  constructor(setUp: HealthSetUp) {
    this.#setUp = setUp;
    const { minBackoffMs, maxBackoffMs } = setUp.destination;
    this.#throttle = new Throttle(LOG_PERIOD_MS, () => setUp.clock.monotonic());
    this.#backoff = new Backoff(minBackoffMs, maxBackoffMs);
    this.#slowBackoff = new Backoff(minBackoffMs, Math.max(maxBackoffMs, SLOW_BACKOFF_MS));
  }

  /** No request failed since the last success. */
  get isGood(): boolean {
    return this.#failingSinceMs === undefined;
  }

  /** Milliseconds until the next request makes sense. */
  get waitMs(): number {
    return this.isGood ? 0 : Math.max(0, this.#resumeAtMs - this.#setUp.clock.monotonic());
  }

  /** The next request may go at once, whatever failed before. */
  hurry(): void {
    this.#resumeAtMs = -Infinity;
  }

  /** A 2xx to a request made at `askedMs` (monotonic). */
  succeeded(askedMs: number): void {
    this.lastSuccessMs = this.#setUp.clock.now();
    this.isRefusing = false;
    this.#answered(askedMs);
    if (this.isGood) this.lastError = undefined;
  }

  /** The receiver works, but does not want this block. `words` are free of secrets. */
  refused(words: string, samples: number, askedMs: number): void {
    this.lastError = words;
    this.isRefusing = true;
    const { name } = this.#setUp.destination;
    const suppressed = this.#throttle.pass('refused');
    if (suppressed !== undefined)
      this.#setUp.log.error(
        { destination: name, answer: words, samples, suppressed },
        `"${name}" refused a block, which is dropped: ${words}`,
      );
    this.#answered(askedMs);
  }

  /** The block can be sent again later, or the endpoint is wrong. Texts are free of secrets. */
  failed(failure: Failure): void {
    const { clock } = this.#setUp;
    const now = clock.monotonic();
    this.lastError = failure.words;
    this.#failingSinceMs ??= now;
    this.#lastFailureMs = now;
    // When several requests fail together, the waiting time grows once.
    if (now >= this.#resumeAtMs)
      this.#resumeAtMs = now + (failure.kind === 'wrong' ? this.#slowBackoff : this.#backoff).next();
    if (failure.kind === 'retry' && failure.retryAfterMs !== undefined)
      this.#resumeAtMs = Math.max(this.#resumeAtMs, now + failure.retryAfterMs);
    this.#logFailure(failure);
  }

  #logFailure(failure: Failure): void {
    const suppressed = this.#throttle.pass(failure.kind);
    if (suppressed === undefined) return;
    const { destination, log, pendingSamples } = this.#setUp;
    const { name } = destination;
    const url = redactUrl(destination.url);
    const more = {
      destination: name,
      url,
      reason: failure.reason,
      pending_samples: pendingSamples(),
      suppressed,
    };
    if (failure.kind === 'wrong') {
      log.error(
        more,
        `"${name}" does not take samples: ${failure.words}; ${failure.advice} (url: ${url}). They are kept`,
      );
    } else log.warn(more, `Cannot send to "${name}": ${failure.words}; samples are kept and sent again`);
  }

  #answered(askedMs: number): void {
    const { clock, destination, log, pendingSamples } = this.#setUp;
    // An answer to what was asked before another request failed does not say that the receiver is well now.
    if (this.#failingSinceMs === undefined || askedMs < this.#lastFailureMs) return;
    this.#resumeAtMs = -Infinity;
    const downMs = Math.round(clock.monotonic() - this.#failingSinceMs);
    this.#failingSinceMs = undefined;
    this.#backoff.reset();
    this.#slowBackoff.reset();
    for (const kind of ['retry', 'wrong']) this.#throttle.forget(kind);
    const pending = pendingSamples();
    log.info(
      { destination: destination.name, down_seconds: downMs / 1000, pending_samples: pending },
      `"${destination.name}" answers again after ${formatDuration(downMs)}; samples waiting: ${pending}`,
    );
  }
}
