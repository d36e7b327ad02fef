import { type ExpositionFormat, formatOf } from '../exposition/index.js';
import { type Clock, errorLine, SentinelError } from '../lib/index.js';
import { Batch, type BatchSource, type Labels, type MetricMetadata, type SeriesRef } from '../model/index.js';
import { ExposedSeries, OVER_LIMIT, sameLabels } from './exposed-series.js';
import { NewestTimes } from './newest-times.js';
import { PageReader } from './page-reader.js';
import { REPORTED, reportLabels } from './report-series.js';
import type { ScrapeConfig } from './scrape-config.js';
import type { ScrapedPage, ScrapeFailure, ScrapeMoment, ScrapeOutcome } from './scraped-page.js';
import { type MetricRelabel, SeriesLabels } from './series-labels.js';
import { SeriesLimit } from './series-limit.js';
import { readSeriesText } from './series-text.js';
import type { SharedTexts } from './shared-texts.js';
import { TargetMetadata } from './target-metadata.js';

/** A sample may be this much ahead of the clock. */
const MAX_AHEAD_MS = 600_000;

/** What the series of a target are made by. */
export interface TargetSeriesOptions {
  config: ScrapeConfig;
  /** The target's labels without those that begin with `__`, sorted. */
  labels: Labels;
  /** Compiled `metric_relabel_configs`. */
  relabel: MetricRelabel;
  /** Says in batches who made them. */
  id: string;
  clock: Clock;
  /** One for all targets. */
  shared: SharedTexts;
}

/**
 * The series of one target, from scrape to scrape: makes one batch of each page, or of each failure, with stale markers and report series, as Prometheus
 * does (scrape/scrape.go). One per loop; calls come one after the other.
 *
 *   page ─> text known? ──yes──> ref ─┐
 *               │ no                  ├─> batch: samples, then markers, then report series
 *               └─> labels ─> relabel ┘
 */
export class TargetSeries {
  readonly #source: BatchSource;
  readonly #clock: Clock;
  readonly #labels: SeriesLabels;
  readonly #series: ExposedSeries;
  readonly #newest = new NewestTimes();
  readonly #limit: SeriesLimit;
  readonly #metadata: TargetMetadata;
  readonly #reader: PageReader;
  #config: ScrapeConfig;
  /** Number of the last page; a failed exchange counts as one without samples. */
  #page = 0;
  /** Texts and families after the last good page. */
  #goodSize = 0;
  /** Whether texts that the last page did not have are to go. */
  #mustForget = false;

  constructor({ config, labels, relabel, id, clock, shared }: TargetSeriesOptions) {
    this.#source = { kind: 'scrape', id };
    this.#clock = clock;
    this.#config = config;
    this.#labels = new SeriesLabels(config, labels, relabel);
    this.#series = new ExposedSeries(shared, {
      report: (ref) => reportLabels(REPORTED[ref]!.name, labels),
      exposed: (text, form) => this.#labels.unchecked(readSeriesText(text, form)) ?? [],
    });
    this.#limit = new SeriesLimit(clock.monotonic());
    this.#metadata = new TargetMetadata(shared);
    const parts = { series: this.#series, newest: this.#newest, labels: this.#labels };
    this.#reader = new PageReader({ ...parts, limit: this.#limit, metadata: this.#metadata }, config);
  }

  /** Series that the target gives now, without those of the report. */
  get seriesCount(): number {
    return this.#series.size;
  }

  /** What the target says of its families. */
  metadata(): readonly MetricMetadata[] {
    return this.#metadata.list();
  }

  /**
   * From now on by these settings, which differ in nothing but interval, timeout, limits and what concerns the exchange; whatever else changes takes a
   * `TargetSeries` of its own.
   */
  configure(config: ScrapeConfig): void {
    const isOtherLimit = config.limits.series !== this.#config.limits.series;
    this.#config = config;
    if (isOtherLimit) this.#turnLimit();
    this.#labels.limit(config.limits);
    this.#reader.configure(config);
  }

  /** The batch of a page. A page that is malformed or exceeds a limit fails as a whole. Rejects only with the reason of an aborted `signal`, or a bug. */
  async read(page: ScrapedPage, signal?: AbortSignal): Promise<ScrapeOutcome> {
    const batch = this.#begin(page);
    const { body } = page;
    // Not even the Content-Type of an empty body is looked at.
    if (body.length === 0) return this.#finish(batch, page, { bodyBytes: 0 });
    try {
      await this.#readPage(page, batch, signal);
    } catch (error) {
      if (!(error instanceof SentinelError) || error.code === 'SEN_BUG') {
        this.#abandon();
        throw error;
      }
      return this.#finish(emptied(batch), page, { error, bodyBytes: body.length });
    }
    return this.#finish(batch, page, { bodyBytes: body.length, isFullPage: true });
  }

  /** The batch of a scrape that came to no page: `up` 0, and markers for all that the last page gave. `bodyBytes` is -1 when the body was too large. */
  fail(error: string, moment: ScrapeMoment, bodyBytes: 0 | -1 = 0): ScrapeOutcome {
    const batch = this.#begin(moment);
    return this.#finish(batch, moment, { failedExchange: error, bodyBytes });
  }

  /** The markers of a target that is gone, for its series and those of the report. */
  end({ times, stampMs }: ScrapeMoment): Batch {
    const batch = new Batch(this.#source, this.#series, { ...times }, this.seriesCount + REPORTED.length);
    if (this.#page === 0 || this.#config.noStaleMarkers) return batch;
    this.#newest.begin(stampMs, this.#series.places, this.#isKnown);
    this.#mark(batch, stampMs, this.#page);
    for (const [ref, reported] of REPORTED.entries()) {
      if (!reported.isWanted(this.#config) || this.#newest.isStampLate(ref, stampMs)) continue;
      batch.addStale(ref, stampMs);
    }
    return batch;
  }

  /** Whether the last scrape gave a series with these labels, one of the report included; for the `end` of others. */
  writes(labels: Labels): boolean {
    if (this.#page === 0) return false;
    const ref = this.#series.find(labels);
    if (ref >= 0) return this.#series.tracked[ref] === this.#page;
    return REPORTED.some(
      ({ isWanted }, i) => isWanted(this.#config) && sameLabels(this.#series.labels(i), labels),
    );
  }

  #begin({ times, stampMs }: ScrapeMoment): Batch {
    this.#forget();
    this.#page++;
    this.#reader.reset();
    if (this.#config.limits.series > 0 && this.#limit.turn(this.#clock.monotonic())) this.#turnLimit();
    this.#newest.begin(stampMs, this.#series.places, this.#isKnown);
    return new Batch(this.#source, this.#series, { ...times }, this.seriesCount + REPORTED.length);
  }

  readonly #isKnown = (ref: SeriesRef) => ref < REPORTED.length || this.#series.taken[ref] !== 0;

  #readPage({ body, contentType, stampMs }: ScrapedPage, batch: Batch, signal?: AbortSignal): Promise<void> {
    const format = formatOf(contentType, fallbackOf(this.#config));
    const latestMs = this.#clock.now() + MAX_AHEAD_MS;
    return this.#reader.read({ body, format, batch, number: this.#page, stampMs, latestMs }, signal);
  }

  #finish(batch: Batch, moment: ScrapeMoment, end: ScrapeEnd): ScrapeOutcome {
    const error = end.failedExchange ?? (end.error === undefined ? '' : errorLine(end.error));
    if (!this.#config.noStaleMarkers) this.#mark(batch, moment.stampMs, this.#page - 1);
    this.#endPage(end.isFullPage === true);
    this.#report(batch, moment, error === '', end.bodyBytes);
    this.#newest.end(moment.stampMs, batch);
    const { scraped, kept, added, duplicates, outOfOrder, outOfBounds, overLimit } = this.#reader;
    const counts = { scraped, kept, added, duplicates, outOfOrder, outOfBounds, overLimit };
    return { batch, error, failure: failureOf(end), ...counts };
  }

  /** Markers for the series that were last given by page `lastPage`. */
  #mark(batch: Batch, stampMs: number, lastPage: number): void {
    if (lastPage === 0) return;
    const { tracked, places } = this.#series;
    for (let ref = REPORTED.length; ref < places; ref++) {
      if (tracked[ref] !== lastPage || this.#newest.isStampLate(ref, stampMs)) continue;
      batch.addStale(ref, stampMs);
    }
  }

  #report(batch: Batch, { beganMs, stampMs }: ScrapeMoment, isUp: boolean, bodyBytes: number): void {
    const { scraped, kept, added, overLimit } = this.#reader;
    const durationSeconds = (this.#clock.monotonic() - beganMs) / 1000;
    const counts = { scraped, kept, added, overLimit, currentSeries: this.#limit.current };
    const report = { isUp, durationSeconds, bodyBytes, ...counts };
    batch.times.finishedMs = this.#clock.now();
    for (const [ref, reported] of REPORTED.entries()) {
      if (!reported.isWanted(this.#config) || this.#newest.isStampLate(ref, stampMs)) continue;
      batch.add(ref, reported.value(report, this.#config), stampMs);
    }
  }

  /** Texts are forgotten after a good page that lacks them, or when failing pages bring ever more (Prometheus's rule). */
  #endPage(isFullPage: boolean): void {
    this.#series.rest();
    const size = this.#series.textCount + this.#metadata.size;
    this.#mustForget = isFullPage || size > this.#goodSize * 2 + 1000;
    if (isFullPage) this.#goodSize = size;
    this.#metadata.end(this.#page, this.#mustForget);
  }

  /** Before a page rather than behind the last one: refs stay good while its batch travels. */
  #forget(): void {
    if (!this.#mustForget) return;
    this.#mustForget = false;
    const { pages, places } = this.#series;
    for (let id = REPORTED.length; id < places; id++)
      if (pages[id] !== this.#page && this.#series.has(id)) this.#remove(id);
  }

  #remove(id: number): void {
    this.#series.remove(id, (ref) => this.#reader.forget(ref));
  }

  /** A new window of `series_limit`, or another limit: series that live go on, texts that were beyond are decided about again. */
  #turnLimit(): void {
    const { refs, places } = this.#series;
    for (let id = REPORTED.length; id < places; id++)
      if (refs[id] === OVER_LIMIT && this.#series.has(id)) this.#remove(id);
    this.#series.eachHash((hash) => this.#limit.admit(hash, Infinity));
  }

  /** The page was not read to its end, for no fault of its own: what the last one gave counts as given still. */
  #abandon(): void {
    const { tracked, places } = this.#series;
    for (let ref = 0; ref < places; ref++) if (tracked[ref] === this.#page - 1) tracked[ref] = this.#page;
    this.#series.rest();
  }
}

/** How a scrape ended. */
interface ScrapeEnd {
  bodyBytes: number;
  error?: SentinelError;
  failedExchange?: string;
  /** A page with a body was read to its end. */
  isFullPage?: boolean;
}

function failureOf({ error, failedExchange }: ScrapeEnd): ScrapeFailure | undefined {
  if (failedExchange !== undefined) return 'exchange';
  if (error === undefined) return undefined;
  if (error.code !== 'SEN_LIMIT') return 'page';
  if (error.message.startsWith('sample')) return 'sample_limit';
  return error.message.startsWith('label') ? 'label_limit' : 'bucket_limit';
}

/** The same batch without its samples. */
function emptied(batch: Batch): Batch {
  batch.length = 0;
  batch.exemplars = undefined;
  batch.histograms = undefined;
  return batch;
}

function fallbackOf({ fallbackProtocol }: ScrapeConfig): ExpositionFormat | undefined {
  if (fallbackProtocol === undefined) return undefined;
  if (fallbackProtocol === 'PrometheusProto') return 'protobuf';
  return fallbackProtocol.startsWith('OpenMetrics') ? 'openmetrics' : 'text';
}
