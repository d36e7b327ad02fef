// Hot path: `#take` runs per sample. Benchmark: test/bench/scrape/page.bench.ts.
import {
  createParser,
  type ExpositionFormat,
  type HistogramForms,
  type PageParser,
  RepeatedLabelError,
  type Series,
} from '../exposition/index.js';
import { SentinelError, TimeSlice } from '../lib/index.js';
import type { Batch, NativeHistogram, SeriesRef } from '../model/index.js';
import { ExemplarFilter } from './exemplar-filter.js';
import { DROPPED, type ExposedSeries, OVER_LIMIT } from './exposed-series.js';
import { hashTexts } from './hash-index.js';
import { histogramFault } from './histogram-faults.js';
import { atSchema, schemaOfFactor, withinBuckets } from './histogram-resolution.js';
import type { NewestTimes } from './newest-times.js';
import type { ScrapeConfig } from './scrape-config.js';
import type { SeriesLabels } from './series-labels.js';
import type { SeriesLimit } from './series-limit.js';
import { formOf } from './series-text.js';
import type { TargetMetadata } from './target-metadata.js';

/** Lines and bytes between two looks at the clock. */
const LINES = 64;
const BYTES = 2 ** 14;

/** What the reader of a target works on. */
export interface ReaderParts {
  series: ExposedSeries;
  newest: NewestTimes;
  labels: SeriesLabels;
  limit: SeriesLimit;
  metadata: TargetMetadata;
}

/** One page, and where its samples go. */
export interface PageToRead {
  body: Buffer;
  format: ExpositionFormat;
  batch: Batch;
  /** Counts the pages of the target. */
  number: number;
  /** Stamp of samples without a time of their own. */
  stampMs: number;
  /** Samples later than this are out of bounds. */
  latestMs: number;
}

/** Reads the pages of one target into batches, one after the other. */
export class PageReader {
  readonly #parts: ReaderParts;
  readonly #exemplars = new ExemplarFilter();
  #config: ScrapeConfig;
  /** Let go of when it has been read: a batch is as large as all that is kept of a target. */
  #page: PageToRead | undefined;
  /** Format of the last page that was read to its end. */
  #format: ExpositionFormat | undefined;
  /** What was good in another format may be none in this one. */
  #isOtherFormat = false;
  /** Samples that count against `sample_limit`. */
  #counted = 0;
  #limitError: SentinelError | undefined;
  /** Of the last page; see `ScrapeOutcome`. */
  scraped = 0;
  kept = 0;
  added = 0;
  duplicates = 0;
  outOfOrder = 0;
  outOfBounds = 0;
  overLimit = 0;

  constructor(parts: ReaderParts, config: ScrapeConfig) {
    this.#parts = parts;
    this.#config = config;
  }

  /** From now on by these settings. */
  configure(config: ScrapeConfig): void {
    this.#config = config;
  }

  /** Before each scrape, also one without a page: counts begin at 0. */
  reset(): void {
    this.scraped = this.kept = this.added = 0;
    this.duplicates = this.outOfOrder = this.outOfBounds = this.overLimit = 0;
    this.#counted = 0;
    this.#limitError = undefined;
  }

  /**
   * Reads a page to its end or to the first fault; lets the process do other work every few milliseconds. Throws SEN_EXPOSITION_INVALID or SEN_LIMIT: what
   * is in the batch must not go on; counts and tracked series are those up to there. An aborted `signal` throws its reason.
   */
  async read(page: PageToRead, signal?: AbortSignal): Promise<void> {
    this.#page = page;
    this.#isOtherFormat = this.#format !== undefined && this.#format !== page.format;
    this.#parts.series.rewind();
    this.#parts.metadata.begin(page.number);
    try {
      const slice = new TimeSlice();
      // Many pages may come in one turn of the loop.
      if (slice.isUp) await slice.next();
      signal?.throwIfAborted();
      const parser = createParser(page.body, page.format, formsOf(this.#config));
      while (!this.#readSlice(parser, slice)) {
        await slice.next();
        signal?.throwIfAborted();
      }
    } finally {
      this.#page = undefined;
    }
    this.#format = page.format;
    if (this.#limitError !== undefined) throw this.#limitError;
  }

  /** A series has gone. */
  forget(ref: number): void {
    this.#exemplars.forget(ref);
  }

  /** Reads on for a few milliseconds; true when the page is done. */
  #readSlice(parser: PageParser, slice: TimeSlice): boolean {
    const { series, metadata } = this.#parts;
    do {
      const stop = parser.position + BYTES;
      for (let i = 0; i < LINES && parser.position < stop; i++) {
        const entry = this.#isOtherFormat ? parser.next() : parser.next(series.expected, metadata.expected);
        if (entry === 'series' || entry === 'histogram') this.#take(parser);
        else if (entry === 'known') metadata.takeExpected();
        else if (entry === 'end') return true;
        else if (entry !== 'other') metadata.take(parser, entry);
      }
    } while (!slice.isUp);
    return false;
  }

  #take(parser: PageParser): void {
    const { series } = this.#parts;
    const page = this.#page!;
    this.scraped++;
    let id = series.next(parser);
    if (id < 0) id = this.#add(parser);
    else if (this.#isOtherFormat) this.#written(parser);
    const ref = series.refs[id]!;
    const isRepeated = series.pages[id] === page.number;
    series.pages[id] = page.number;
    if (ref === DROPPED) return;
    if (ref === OVER_LIMIT) {
      this.kept++;
      this.overLimit++;
      return;
    }
    const isStamped = parser.hasTimestamp && this.#config.honorTimestamps;
    if (isRepeated && !isStamped) {
      this.kept++;
      this.duplicates++;
      return;
    }
    const appended = this.#append(parser, ref, isStamped);
    this.kept++;
    // What is left out, or lies beyond a limit, was not seen: its end is marked when it had begun, and when it is new there will be no marker.
    if (appended !== 'added') return;
    if (!isStamped || this.#config.trackTimestampsStaleness) series.tracked[ref] = page.number;
    if (series.taken[id] === 1) return;
    series.taken[id] = 1;
    if (this.#limitError === undefined) this.added++;
  }

  /** Adds the sample at hand to the batch, unless it is not to go on. The order of the checks is that of Prometheus. */
  #append(parser: PageParser, ref: SeriesRef, isStamped: boolean): 'added' | 'left out' | 'over limit' {
    const { batch, stampMs, latestMs } = this.#page!;
    const { samples } = this.#config.limits;
    const histogram = parser.histogram === undefined ? undefined : this.#fit(parser.histogram);
    if (histogram === 'too large') return this.#exceed('histogram bucket limit exceeded');
    if (samples > 0 && ++this.#counted > samples) return this.#exceed('sample limit exceeded');
    const timestampMs = isStamped ? parser.timestampMs : stampMs;
    if (timestampMs > latestMs) {
      this.outOfBounds++;
      return 'left out';
    }
    if (isStamped ? this.#isLate(ref, timestampMs) : this.#parts.newest.isStampLate(ref, stampMs)) {
      this.outOfOrder++;
      return 'left out';
    }
    if (histogram === undefined) batch.add(ref, parser.value, timestampMs);
    else batch.addHistogram(ref, histogram, timestampMs);
    if (parser.exemplars.length > 0) this.#addExemplars(parser, ref, timestampMs);
    return 'added';
  }

  /** The page is read on, so that the report has the counts of all of it; `sample_limit` is named before the other. */
  #exceed(message: string): 'over limit' {
    if (!this.#limitError?.message.startsWith('sample'))
      this.#limitError = new SentinelError('SEN_LIMIT', message);
    return 'over limit';
  }

  /** The histogram at the resolution that the configuration allows. Throws SEN_EXPOSITION_INVALID. */
  #fit(exposed: NativeHistogram): NativeHistogram | 'too large' {
    const { nativeHistogramMinBucketFactor, limits } = this.#config;
    const fault = histogramFault(exposed);
    if (fault !== undefined) throw new SentinelError('SEN_EXPOSITION_INVALID', fault);
    const histogram = atSchema(exposed, schemaOfFactor(nativeHistogramMinBucketFactor));
    return limits.buckets === 0 ? histogram : (withinBuckets(histogram, limits.buckets) ?? 'too large');
  }

  #isLate(ref: SeriesRef, timestampMs: number): boolean {
    const { newest, series } = this.#parts;
    newest.keepEach(series.places, (other) => series.taken[other] !== 0);
    return newest.isLate(ref, timestampMs);
  }

  #addExemplars(parser: PageParser, ref: SeriesRef, timestampMs: number): void {
    const { batch } = this.#page!;
    const sample = { timestampMs, isHistogram: parser.histogram !== undefined };
    const taken = this.#exemplars.take(ref, parser.exemplars, sample);
    if (taken.length === 0) return;
    batch.exemplars ??= new Map();
    batch.exemplars.set(batch.length - 1, taken);
  }

  /** Slow path: the series at hand. One that is not even written well was not scraped: Prometheus's parser refuses it before it counts. */
  #written(parser: PageParser): Series {
    try {
      return parser.series();
    } catch (error) {
      if (!(error instanceof RepeatedLabelError)) this.scraped--;
      throw error;
    }
  }

  /** Slow path: decides about a text that is not known. */
  #add(parser: PageParser): number {
    const { series, newest, limit } = this.#parts;
    const labels = this.#parts.labels.of(this.#written(parser));
    if (labels === undefined) return series.add(parser, DROPPED);
    const hash = hashTexts(labels);
    const { limits } = this.#config;
    if (limits.series > 0 && !limit.admit(hash, limits.series)) return series.add(parser, OVER_LIMIT);
    const id = series.add(parser, { labels, hash, form: formOf(this.#page!.format, parser.type) });
    if (series.refs[id] === id) newest.reset(id);
    return id;
  }
}

function formsOf({ nativeHistograms, alwaysScrapeClassicHistograms }: ScrapeConfig): HistogramForms {
  if (!nativeHistograms) return 'classic';
  return alwaysScrapeClassicHistograms ? 'both' : 'native';
}
