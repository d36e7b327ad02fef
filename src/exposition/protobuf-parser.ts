import protobuf from 'protobufjs/minimal.js';
import { SentinelError } from '../lib/index.js';
import type { FamilyType, NativeHistogram } from '../model/index.js';
import { printable } from './fault.js';
import { normaliseBound } from './float.js';
import { type Entry, NO_EXEMPLARS, type PageExemplar, type PageParser } from './parser.js';
import {
  type ExposedHistogram,
  readFields,
  readHistogram,
  readLabelPair,
  readSimple,
  readSummary,
  readText,
} from './protobuf-reader.js';
import { RepeatedLabelError, type Series, sortedLabels } from './series.js';

/** In which forms a histogram of the protobuf format is given: `classic`; `native` where it has that form, else classic; `both`. */
export type HistogramForms = 'classic' | 'native' | 'both';

/** MetricType of client_model, by its numbers. */
const TYPES: readonly FamilyType[] = [
  'counter',
  'gauge',
  'summary',
  'unknown',
  'histogram',
  'gaugehistogram',
];
/** Types whose value stands in this field of a Metric. */
const VALUE_TYPES: Readonly<Record<number, readonly FamilyType[]>> = {
  2: ['gauge'],
  3: ['counter'],
  4: ['summary'],
  5: ['unknown'],
  7: ['histogram', 'gaugehistogram'],
};
/** Fields of a family that are looked at before the caller may pause. */
const FIELDS = 2000;
const MAX_LABELS = 1000;

/** A sample of the metric at hand. */
interface Point {
  suffix: string;
  /** `le` or `quantile` and its value; empty = none. */
  extra: readonly string[];
  value: number;
  exemplars: readonly PageExemplar[];
  histogram: NativeHistogram | undefined;
}

interface Family {
  name: string;
  help: string;
  unit: string;
  type: FamilyType;
  /** Where its metrics stand in the page. */
  metrics: { start: number; end: number }[];
  end: number;
}

/**
 * The delimited protobuf format (client_model's MetricFamily, each with its length before it), as Prometheus 3 reads it: model/textparse/protobufparse.go.
 * A family gives HELP, UNIT when it has one, TYPE, then its series. A timestamp of 0 is none.
 */
export class ProtobufParser implements PageParser {
  value = 0;
  hasTimestamp = false;
  timestampMs = 0;
  exemplars: readonly PageExemplar[] = NO_EXEMPLARS;
  histogram: NativeHistogram | undefined = undefined;
  type: FamilyType = 'unknown';
  family = '';
  text = '';
  readonly #reader: protobuf.Reader;
  readonly #forms: HistogramForms;
  #entries = 0;
  #current: Family | undefined;
  #scanned = false;
  /** Entries of the family that come before its series. */
  #head: Entry[] = [];
  #nextMetric = 0;
  #points: Point[] = [];
  #point = 0;
  #labels: string[] = [];
  /** What all points of the metric share of their key. */
  #labelKey = '';
  #key = '';
  #expected = '';

  constructor(page: Uint8Array, forms: HistogramForms) {
    this.#reader = protobuf.Reader.create(page);
    this.#forms = forms;
  }

  get position(): number {
    return this.#entries;
  }

  get isExpected(): boolean {
    return this.#key === this.#expected;
  }

  next(expected = ''): Entry {
    this.#expected = expected;
    const start = this.#reader.pos;
    this.#entries++;
    try {
      return this.#next();
    } catch (error) {
      if (error instanceof SentinelError) throw error;
      const { message } = error as Error;
      throw new SentinelError('SEN_EXPOSITION_INVALID', `byte ${start}: ${message}`, { cause: error });
    }
  }

  series(): Series {
    const point = this.#points[this.#point]!;
    const labels = sortedLabels([...this.#labels, ...point.extra], (what) => {
      const text = `family ${shown(this.family)}: ${what}`;
      throw new RepeatedLabelError(new SentinelError('SEN_EXPOSITION_INVALID', text));
    });
    return { name: this.family + point.suffix, labels };
  }

  lineText(): string {
    return '';
  }

  seriesKey(): string {
    return this.#key;
  }

  #next(): Entry {
    if (this.#current === undefined) {
      if (this.#reader.pos >= this.#reader.len) return 'end';
      this.#begin();
    }
    const family = this.#current!;
    if (!this.#scanned) return this.#scan(family);
    const head = this.#head.shift();
    if (head !== undefined) return this.#giveHead(head, family);
    this.#point++;
    if (this.#point < this.#points.length) return this.#givePoint();
    if (this.#nextMetric < family.metrics.length) return this.#readMetric(family);
    this.#reader.pos = family.end;
    this.#current = undefined;
    return 'other';
  }

  #begin(): void {
    const reader = this.#reader;
    const start = reader.pos;
    const length = reader.uint32();
    if (reader.pos - start > 5) throw new RangeError('the length of a family is too long');
    const end = reader.pos + length;
    if (end > reader.len) throw new RangeError('a family goes beyond the page');
    this.#current = { name: '', help: '', unit: '', type: 'counter', metrics: [], end };
    this.#scanned = false;
    this.#nextMetric = 0;
    this.#points = [];
    this.#point = 0;
  }

  /** Finds name, type and metrics, whatever their order. */
  #scan(family: Family): Entry {
    const reader = this.#reader;
    for (let i = 0; i < FIELDS && reader.pos < family.end; i++) {
      const tag = reader.uint32();
      if (tag >>> 3 === 4) {
        const length = reader.uint32();
        family.metrics.push({ start: reader.pos, end: reader.pos + length });
        reader.skip(length);
      } else if (tag >>> 3 === 1) family.name = readText(reader);
      else if (tag >>> 3 === 2) family.help = readText(reader);
      else if (tag >>> 3 === 3) family.type = typeOf(reader.int32());
      else if (tag >>> 3 === 5) family.unit = readText(reader);
      else reader.skipType(tag & 7);
    }
    if (reader.pos < family.end) return 'other';
    if (reader.pos > family.end) throw new RangeError('a field goes beyond its family');
    if (family.name === '') throw new RangeError('a family has no name');
    this.#scanned = true;
    this.#head =
      family.metrics.length === 0 ? [] : ['help', ...(family.unit === '' ? [] : ['unit' as const]), 'type'];
    return 'other';
  }

  #giveHead(entry: Entry, family: Family): Entry {
    this.family = family.name;
    this.text = entry === 'unit' ? family.unit : family.help;
    if (entry === 'type') this.type = family.type;
    return entry;
  }

  #readMetric(family: Family): Entry {
    const { start, end } = family.metrics[this.#nextMetric++]!;
    const reader = this.#reader;
    reader.pos = start;
    const labels: string[] = [];
    let timestampMs = 0;
    let points: Point[] = [];
    readFields(reader, end, (field) => {
      if (field === 1) readLabelPair(reader, labels);
      else if (field === 6) timestampMs = Number(reader.int64());
      else if (field >= 2 && field <= 7) points = this.#readValue(field, family);
      else return false;
    });
    if (labels.length > 2 * MAX_LABELS) throw new RangeError(`more than ${MAX_LABELS} labels`);
    if (labels.some((text, i) => i % 2 === 0 && (text === '' || text === '__name__')))
      throw new RangeError('invalid label name');
    this.#labels = labels;
    this.#labelKey = JSON.stringify(labels);
    this.hasTimestamp = timestampMs !== 0;
    this.timestampMs = timestampMs;
    this.#points = points;
    this.#point = 0;
    return points.length === 0 ? 'other' : this.#givePoint();
  }

  /** The value of a metric; the number of its field says what it is. */
  #readValue(field: number, { name, type }: Family): Point[] {
    if (!VALUE_TYPES[field]!.includes(type))
      throw new RangeError(`a metric of the ${type} ${shown(name)} has another type`);
    if (field === 4) return summaryPoints(this.#reader);
    if (field === 7) return this.#histogramPoints(type);
    const { value, exemplars } = readSimple(this.#reader);
    return [point('', value, { exemplars })];
  }

  #histogramPoints(type: FamilyType): Point[] {
    const histogram = readHistogram(this.#reader, type === 'gaugehistogram');
    const { native } = histogram;
    if (this.#forms === 'classic' || native === undefined) return classicPoints(histogram);
    const own = histogram.exemplars.length > 0 ? histogram.exemplars : bucketExemplars(histogram);
    const exemplars = own.filter(({ timestampMs }) => timestampMs !== undefined);
    const whole = point('', 0, { exemplars, histogram: native });
    return this.#forms === 'both' ? [whole, ...classicPoints(histogram)] : [whole];
  }

  #givePoint(): Entry {
    const point = this.#points[this.#point]!;
    this.value = point.value;
    this.exemplars = point.exemplars;
    this.histogram = point.histogram;
    const kind = point.histogram === undefined ? '' : 'native';
    this.#key = `${this.family}${point.suffix}\0${kind}\0${point.extra.join('\0')}\0${this.#labelKey}`;
    return point.histogram === undefined ? 'series' : 'histogram';
  }
}

function typeOf(number: number): FamilyType {
  const type = TYPES[number];
  if (type === undefined) throw new RangeError(`unknown metric type ${number}`);
  return type;
}

function point(suffix: string, value: number, more: Partial<Point> = {}): Point {
  return { suffix, value, extra: [], exemplars: NO_EXEMPLARS, histogram: undefined, ...more };
}

function summaryPoints(reader: protobuf.Reader): Point[] {
  const { count, sum, quantiles } = readSummary(reader);
  const points = quantiles.map(({ quantile, value }) =>
    point('', value, { extra: ['quantile', bound(quantile)] }),
  );
  return [point('_count', count), point('_sum', sum), ...points];
}

function classicPoints({ count, sum, buckets }: ExposedHistogram): Point[] {
  const points = buckets.map((bucket) =>
    point('_bucket', bucket.count, {
      extra: ['le', bound(bucket.bound)],
      exemplars: bucket.exemplar === undefined ? NO_EXEMPLARS : [bucket.exemplar],
    }),
  );
  if (buckets.at(-1)?.bound !== Infinity) points.push(point('_bucket', count, { extra: ['le', '+Inf'] }));
  return [point('_count', count), point('_sum', sum), ...points];
}

function bucketExemplars({ buckets }: ExposedHistogram): PageExemplar[] {
  return buckets.flatMap(({ exemplar }) => (exemplar === undefined ? [] : [exemplar]));
}

/** The beginning of a name, safe in a log. */
const shown = (name: string) => printable(Buffer.from(name.slice(0, 60)));

const bound = (value: number) => normaliseBound(value === Infinity ? '+Inf' : String(value));
