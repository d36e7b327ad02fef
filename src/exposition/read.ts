import { SentinelError } from '../lib/index.js';
import { type ExpositionFormat, formatOf } from './format.js';
import { OpenMetricsParser } from './openmetrics-parser.js';
import type { ExpositionParser } from './parser.js';
import type { Series } from './series.js';
import { TextParser } from './text-parser.js';

/** How long a page may hold the process at a stretch, ms. */
const SLICE_MS = 4;
/** Lines and bytes between two looks at the clock. */
const LINES = 64;
const BYTES = 2 ** 17;

/** One sample of a page. */
export interface ExposedSample {
  name: string;
  /** Without empty values: an empty value is an absent label. */
  labels: Record<string, string>;
  value: number;
  /** Milliseconds since 1970; only where the page gives one. */
  timestampMs?: number;
}

/** How a page is read. */
export interface ExpositionOptions {
  /** The format of a page whose Content-Type is blank, malformed or not known. Without it such a page fails. */
  fallback?: ExpositionFormat;
  /** false = the page's timestamps are checked and left out. */
  honorTimestamps?: boolean;
  /** More samples than this fail the page (SEN_LIMIT); 0 = none. */
  sampleLimit?: number;
  /** Stops reading: its reason is thrown. */
  signal?: AbortSignal;
}

/** What a page gives. */
export interface Exposition {
  samples: ExposedSample[];
  /** Samples on the page, repeated ones included. */
  scraped: number;
  /** Samples left out because a series without timestamp stood on the page before: the first one counts, as in Prometheus. */
  repeated: number;
}

/** The pull parser for a page of this format. It does not copy the page, unless its last line has no end. */
export function createParser(page: Uint8Array, format: ExpositionFormat): ExpositionParser {
  return format === 'text' ? new TextParser(page) : new OpenMetricsParser(page);
}

/**
 * Reads a whole page: the text format or OpenMetrics, chosen by its Content-Type. A malformed page fails as a whole: SEN_EXPOSITION_INVALID with the line.
 * An empty body is a page without samples, whatever its Content-Type. Lets the process do other work every few milliseconds.
 */
export async function parseExposition(
  body: Uint8Array,
  contentType: string,
  options: ExpositionOptions = {},
): Promise<Exposition> {
  if (body.length === 0) return { samples: [], scraped: 0, repeated: 0 };
  const reader = new PageReader(createParser(body, formatOf(contentType, options.fallback)), options);
  while (!reader.readSlice(performance.now() + SLICE_MS)) {
    await new Promise((resume) => setImmediate(resume));
    options.signal?.throwIfAborted();
  }
  return reader.exposition;
}

class PageReader {
  readonly exposition: Exposition = { samples: [], scraped: 0, repeated: 0 };
  readonly #parser: ExpositionParser;
  readonly #honorTimestamps: boolean;
  readonly #limit: number;
  readonly #seen = new Set<string>();

  constructor(parser: ExpositionParser, options: ExpositionOptions) {
    this.#parser = parser;
    this.#honorTimestamps = options.honorTimestamps ?? true;
    this.#limit = options.sampleLimit ?? 0;
  }

  /** Reads on until `endMs` of the monotonic clock; true when the page is done. */
  readSlice(endMs: number): boolean {
    do {
      const stop = this.#parser.position + BYTES;
      for (let i = 0; i < LINES && this.#parser.position < stop; i++) {
        const entry = this.#parser.next();
        if (entry === 'series') this.#take();
        else if (entry === 'end') return true;
      }
    } while (performance.now() < endMs);
    return false;
  }

  #take(): void {
    const parser = this.#parser;
    const { samples } = this.exposition;
    this.exposition.scraped++;
    const stamped = parser.hasTimestamp && this.#honorTimestamps;
    const key = parser.seriesKey();
    const known = this.#seen.size;
    this.#seen.add(key);
    if (this.#seen.size === known && !stamped) {
      this.exposition.repeated++;
      return;
    }
    const series = parser.series();
    const sample: ExposedSample = { name: series.name, labels: labelMap(series), value: parser.value };
    if (stamped) sample.timestampMs = parser.timestampMs;
    samples.push(sample);
    if (this.#limit > 0 && samples.length > this.#limit)
      throw new SentinelError(
        'SEN_LIMIT',
        `sample limit exceeded: more than ${this.#limit} samples (sample_limit)`,
      );
  }
}

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
