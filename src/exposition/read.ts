import { SentinelError } from '../lib/index.js';
import { type ExpositionFormat, formatOf } from './format.js';
import { OpenMetricsParser } from './openmetrics-parser.js';
import type { PageParser } from './parser.js';
import { type HistogramForms, ProtobufParser } from './protobuf-parser.js';
import type { Series } from './series.js';
import { TextParser } from './text-parser.js';

// Hot path: `#take` runs per sample. Benchmark: test/bench/exposition.

/** How long a page may hold the process at a stretch, ms. */
const SLICE_MS = 4;
/** Lines and bytes between two looks at the clock. */
const LINES = 64;
const BYTES = 2 ** 14;

/** One sample of a page. */
export interface ExposedSample {
  name: string;
  /** Without empty values: an empty value is an absent label. Shared between pages: not to be changed. */
  labels: Readonly<Record<string, string>>;
  value: number;
  /** Milliseconds since 1970; only where the page gives one. */
  timestampMs?: number;
}

/** How pages are read. */
export interface ExpositionOptions {
  /** The format of a page whose Content-Type is blank, malformed or not known. Without it such a page fails. */
  fallback?: ExpositionFormat | undefined;
  /** false = the page's timestamps are checked and left out. */
  honorTimestamps?: boolean | undefined;
  /** More samples than this fail the page (SEN_LIMIT); 0 = none. */
  sampleLimit?: number | undefined;
}

/** What a page gives. */
export interface Exposition {
  samples: ExposedSample[];
  /** Samples on the page, repeated ones included. */
  scraped: number;
  /** Samples left out because their series stood on the page before, and they have no timestamp: the first one counts, as in Prometheus. */
  repeated: number;
}

/** The pull parser for a page of this format. It does not copy the page, unless its last line has no end. `histograms` counts for protobuf alone; without it, all are read as classic ones. */
export function createParser(
  page: Uint8Array,
  format: ExpositionFormat,
  histograms: HistogramForms = 'classic',
): PageParser {
  if (format === 'protobuf') return new ProtobufParser(page, histograms);
  return format === 'text' ? new TextParser(page) : new OpenMetricsParser(page);
}

/** Reads one page; see `ExpositionReader.read`. */
export function parseExposition(
  body: Uint8Array,
  contentType: string,
  options: ExpositionOptions & { signal?: AbortSignal } = {},
): Promise<Exposition> {
  return new ExpositionReader(options).read(body, contentType, options.signal);
}

interface KnownSeries {
  readonly key: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Number of the last page that had it. */
  page: number;
}

/**
 * Reads the pages of one target, one after the other. It remembers the series of the last page, so that an unchanged series costs a compare of its bytes
 * and no text: series n of a page is mostly series n of the one before.
 */
export class ExpositionReader {
  readonly #honorTimestamps: boolean;
  readonly #limit: number;
  readonly #fallback: ExpositionFormat | undefined;
  readonly #known = new Map<string, KnownSeries>();
  /** The series of the last page in its order; overwritten from the front while a page is read. */
  readonly #order: KnownSeries[] = [];
  #page = 0;
  /** Series of this page, each counted once. */
  #distinct = 0;

  constructor(options: ExpositionOptions = {}) {
    this.#honorTimestamps = options.honorTimestamps ?? true;
    this.#limit = options.sampleLimit ?? 0;
    this.#fallback = options.fallback;
  }

  /**
   * Reads a whole page: the text format or OpenMetrics, chosen by its Content-Type. A malformed page fails as a whole: SEN_EXPOSITION_INVALID with the line.
   * An empty body is a page without samples, whatever its Content-Type. Lets the process do other work every few milliseconds; not to be called meanwhile.
   * An aborted `signal` throws its reason.
   */
  async read(body: Uint8Array, contentType: string, signal?: AbortSignal): Promise<Exposition> {
    const page: Exposition = { samples: [], scraped: 0, repeated: 0 };
    this.#page++;
    this.#distinct = 0;
    try {
      if (body.length === 0) return page;
      const parser = createParser(body, formatOf(contentType, this.#fallback));
      while (!this.#readSlice(parser, page)) {
        await new Promise((resume) => setImmediate(resume));
        signal?.throwIfAborted();
      }
      return page;
    } finally {
      this.#forget(page.scraped);
    }
  }

  /** Reads on for a few milliseconds; true when the page is done. */
  #readSlice(parser: PageParser, page: Exposition): boolean {
    const endMs = performance.now() + SLICE_MS;
    do {
      const stop = parser.position + BYTES;
      for (let i = 0; i < LINES && parser.position < stop; i++) {
        const entry = parser.next(this.#order[page.scraped]?.key);
        if (entry === 'series') this.#take(parser, page);
        else if (entry === 'end') return true;
      }
    } while (performance.now() < endMs);
    return false;
  }

  #take(parser: PageParser, page: Exposition): void {
    const place = page.scraped;
    let series = this.#order[place];
    if (series === undefined || !parser.isExpected) {
      series = this.#find(parser);
      this.#order[place] = series;
    }
    page.scraped++;
    const stamped = this.#honorTimestamps && parser.hasTimestamp;
    if (series.page !== this.#page) {
      series.page = this.#page;
      this.#distinct++;
    } else if (!stamped) {
      page.repeated++;
      return;
    }
    const { name, labels } = series;
    const { value } = parser;
    page.samples.push(
      stamped ? { name, labels, value, timestampMs: parser.timestampMs } : { name, labels, value },
    );
    if (this.#limit > 0 && page.samples.length > this.#limit)
      throw new SentinelError('SEN_LIMIT', `sample limit exceeded: more than ${this.#limit} (sample_limit)`);
  }

  /** Slow path: a series that is new, or stood elsewhere on the last page. */
  #find(parser: PageParser): KnownSeries {
    const key = parser.seriesKey();
    let known = this.#known.get(key);
    if (known === undefined) {
      const series = parser.series();
      known = { key, name: series.name, labels: labelMap(series), page: 0 };
      this.#known.set(key, known);
    }
    return known;
  }

  /** Lets go of the series that this page did not have, also after a page that failed half-way. */
  #forget(places: number): void {
    this.#order.length = places;
    if (this.#known.size === this.#distinct) return;
    for (const series of this.#known.values()) if (series.page !== this.#page) this.#known.delete(series.key);
  }
}

/** The labels that have a value. A label may be called `__proto__`. */
function labelMap(series: Series): Record<string, string> {
  const map: Record<string, string> = {};
  for (let i = 0; i < series.labels.length; i += 2) {
    const name = series.labels[i]!;
    const value = series.labels[i + 1]!;
    if (value === '') continue;
    if (name === '__proto__')
      Object.defineProperty(map, name, { value, enumerable: true, configurable: true, writable: true });
    else map[name] = value;
  }
  return map;
}
