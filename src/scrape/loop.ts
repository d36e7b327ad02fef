import { type Clock, errorLine, type Logger, shownUrl, TimeSlice } from '../lib/index.js';
import type { Batch, Labels, Next } from '../model/index.js';
import type { HttpClient } from '../net/index.js';
import { withoutWritten } from './markers.js';
import type { ScrapeMetrics } from './metrics.js';
import type { PageMemory, PageShare } from './page-memory.js';
import { stampOf } from './phase.js';
import { fetchPage } from './request.js';
import type { ScrapeMoment, ScrapeOutcome } from './scraped-page.js';
import type { TargetStatus } from './status.js';
import type { Target } from './target.js';
import type { TargetSeries } from './target-series.js';

/** How far stamps may run ahead of a clock that was set back; see the schedule. */
const MAX_AHEAD_MS = 600_000;

/** So many samples are given on at a time: new series cost up to 10 us each in the stages behind. */
const PART_SAMPLES = 500;

/** What a loop needs. */
export interface LoopParts {
  clock: Clock;
  log: Logger;
  metrics: ScrapeMetrics;
  next: Next;
  memory: PageMemory;
  /** The client of the pool as it is now. */
  client: () => HttpClient;
  createSeries: (target: Target) => TargetSeries;
  /** Told of every failed scrape. */
  onFailure: (target: Target, error: string) => void;
}

/** Scrapes one target whenever its schedule says so, one scrape at a time, and gives each as one batch to the next stage. */
export class TargetLoop {
  /** Why the target is not asked and is down all the same (`target_limit`). */
  refusal: string | undefined = undefined;
  readonly #parts: LoopParts;
  #target: Target;
  #series: TargetSeries;
  /** The configuration that the series know. */
  #applied: Target['config'];
  /** Of the running scrape. */
  #abort: AbortController | undefined;
  #running: Promise<void> | undefined;
  #lastStampMs = -Infinity;
  #last: { startedMs: number; durationMs: number; error: string; samples: number } | undefined;

  constructor(target: Target, parts: LoopParts) {
    this.#target = target;
    this.#applied = target.config;
    this.#series = parts.createSeries(target);
    this.#parts = parts;
  }

  get series(): TargetSeries {
    return this.#series;
  }

  /** What is scraped. One that takes its place differs in what its series do not depend on, and holds from the next scrape on. */
  get target(): Target {
    return this.#target;
  }

  set target(target: Target) {
    this.#target = target;
  }

  get health(): TargetStatus['health'] {
    if (this.#last === undefined) return 'unknown';
    return this.#last.error === '' ? 'up' : 'down';
  }

  /** One scrape for this tick. Never rejects. */
  async scrape(tickMs: number): Promise<void> {
    const abort = new AbortController();
    const running = this.#scrape(tickMs, abort.signal, this.#running);
    this.#abort = abort;
    this.#running = running;
    await running;
    if (this.#running !== running) return;
    this.#running = undefined;
    this.#abort = undefined;
  }

  /** Cuts a running scrape short: it gives no sample. Later ones are not affected. */
  interrupt(): void {
    this.#abort?.abort(new Error('the scrape was cut short'));
  }

  /** Settles when no scrape is running. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** Marks the series as ended at the time of the tick that was not to be, those excepted that another target writes by now: Prometheus would refuse their markers as out of order. */
  end(stampMs: number, isWritten?: (labels: Labels) => boolean): void {
    const { clock } = this.#parts;
    const startedMs = clock.now();
    const times = { plannedMs: stampMs, startedMs, finishedMs: startedMs };
    const batch = this.#series.end({ times, stampMs, beganMs: clock.monotonic() });
    // To ask, the labels of each series are made again.
    void this.#pushAll(batch, isWritten && ((part) => withoutWritten(part, isWritten)));
  }

  status(): TargetStatus {
    const { config, labels, discoveredLabels, url } = this.#target;
    return {
      pool: config.jobName,
      labels,
      discoveredLabels,
      url,
      health: this.health,
      lastError: this.#last?.error ?? '',
      lastScrapeMs: this.#last?.startedMs,
      lastDurationMs: this.#last?.durationMs ?? 0,
      lastSamples: this.#last?.samples ?? 0,
      series: this.#series.seriesCount,
      intervalMs: config.intervalMs,
      timeoutMs: config.timeoutMs,
    };
  }

  async #scrape(tickMs: number, signal: AbortSignal, before: Promise<void> | undefined): Promise<void> {
    // Only after a change of the interval, while a scrape of before comes to its end.
    await before;
    const { metrics, log } = this.#parts;
    try {
      signal.throwIfAborted();
      await this.#scrapeNow(tickMs, signal);
    } catch (error) {
      metrics.aborted.inc();
      if (!signal.aborted)
        log.error({ target: shownUrl(this.#target.url) }, `scrape failed: ${errorLine(error)}`);
    }
  }

  async #scrapeNow(tickMs: number, signal: AbortSignal): Promise<void> {
    const { clock, metrics, onFailure } = this.#parts;
    // Many may be due at the same time; and where pages wait to be read, more are asked for when they are.
    const slice = new TimeSlice();
    if (slice.isUp) await slice.next();
    signal.throwIfAborted();
    const target = this.#target;
    if (this.#applied !== target.config) this.#series.configure(target.config);
    this.#applied = target.config;
    const moment = this.#moment(tickMs);
    const { outcome, result } = await this.#outcome(target, moment, signal);
    const { startedMs } = moment.times;
    const durationMs = clock.monotonic() - moment.beganMs;
    this.#last = { startedMs, durationMs, error: outcome.error, samples: outcome.scraped };
    this.#count(outcome, result);
    metrics.lag.set((startedMs - tickMs) / 1000);
    if (outcome.error !== '') onFailure(target, outcome.error);
    await this.#pushAll(outcome.batch);
  }

  #moment(tickMs: number): ScrapeMoment {
    const { clock } = this.#parts;
    const startedMs = clock.now();
    const stampMs = this.#stamp(tickMs, startedMs);
    return {
      times: { plannedMs: tickMs, startedMs, finishedMs: startedMs },
      stampMs,
      beganMs: clock.monotonic(),
    };
  }

  /** Never back behind the last stamp, unless the clock was set back so far that no receiver took that one: the series begin anew then, for they refuse what is older. */
  #stamp(tickMs: number, startedMs: number): number {
    const afterLast = this.#lastStampMs + 1;
    const stampMs = stampOf(tickMs, startedMs, this.#target.config.intervalMs);
    const isTooFar = afterLast - startedMs > MAX_AHEAD_MS;
    if (isTooFar) this.#series = this.#parts.createSeries(this.#target);
    this.#lastStampMs = isTooFar ? stampMs : Math.max(stampMs, afterLast);
    return this.#lastStampMs;
  }

  async #outcome(
    target: Target,
    moment: ScrapeMoment,
    signal: AbortSignal,
  ): Promise<{ outcome: ScrapeOutcome; result: string }> {
    if (this.refusal !== undefined)
      return { outcome: this.#series.fail(this.refusal, moment), result: 'target_limit' };
    const memory = this.#parts.memory.share();
    try {
      return await this.#asked(target, moment, { memory, signal });
    } finally {
      memory.release();
    }
  }

  async #asked(
    { url, socketPath, config }: Target,
    moment: ScrapeMoment,
    { memory, signal }: { memory: PageShare; signal: AbortSignal },
  ): Promise<{ outcome: ScrapeOutcome; result: string }> {
    const { client, clock, metrics } = this.#parts;
    const fetched = await fetchPage({ client: client(), clock, url, socketPath, config, memory, signal });
    if (fetched.page === undefined) {
      const bodyBytes = fetched.reason === 'body_size' ? -1 : 0;
      return { outcome: this.#series.fail(fetched.error, moment, bodyBytes), result: fetched.reason };
    }
    const { page: body, contentType } = fetched;
    metrics.bytes.inc(body.length);
    const outcome = await this.#series.read({ ...moment, body, contentType }, signal);
    return { outcome, result: outcome.failure ?? 'ok' };
  }

  #count(outcome: ScrapeOutcome, result: string): void {
    const { metrics } = this.#parts;
    (result === 'ok' ? metrics.ok : metrics.scrapes.with({ result })).inc();
    metrics.scraped.inc(outcome.scraped);
    for (const [reason, count] of Object.entries(leftOut(outcome)))
      if (count > 0) metrics.leftOut.with({ reason }).inc(count);
  }

  /** A long batch goes on in parts, and others have their turn between them; nothing cuts it short any more. */
  async #pushAll(batch: Batch, edit = (part: Batch) => part): Promise<void> {
    if (batch.length <= PART_SAMPLES) return this.#push(edit(batch));
    const slice = new TimeSlice();
    for (const part of batch.parts(PART_SAMPLES)) {
      if (slice.isUp) await slice.next();
      this.#push(edit(part));
    }
  }

  #push(batch: Batch): void {
    if (batch.length === 0) return;
    const { metrics, next } = this.#parts;
    metrics.samplesIn.inc(batch.length);
    if (next(batch) === 'taken') metrics.samplesOut.inc(batch.length);
    else metrics.samplesDropped.with({ reason: 'refused' }).inc(batch.length);
  }
}

/** Samples on the page that are not in the batch, by reason. */
function leftOut(outcome: ScrapeOutcome): Readonly<Record<string, number>> {
  if (outcome.error !== '') return { failed: outcome.scraped };
  return {
    relabel: outcome.scraped - outcome.kept,
    duplicate: outcome.duplicates,
    out_of_order: outcome.outOfOrder,
    out_of_bounds: outcome.outOfBounds,
    series_limit: outcome.overLimit,
  };
}
