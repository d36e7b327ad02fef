// What few samples have: exemplars, and histograms in place of a value. Field numbers are those of remote-write 1.0 (prompb/types.proto).
import protobuf from 'protobufjs/minimal.js';
import type { BucketSide, Exemplar, NativeHistogram } from '../model/index.js';
import { encodeLabels, TAG_SERIES_EXEMPLAR, TAG_SERIES_HISTOGRAM, toInt64 } from './label-bytes.js';

/** Wire types: a varint, eight bytes, and a length with bytes. */
const VARINT = 0;
const DOUBLE = 1;
const BYTES = 2;

const HISTOGRAM = {
  countInt: 1,
  countFloat: 2,
  sum: 3,
  schema: 4,
  zeroThreshold: 5,
  zeroCountInt: 6,
  zeroCountFloat: 7,
  negative: { spans: 8, deltas: 9, counts: 10 },
  positive: { spans: 11, deltas: 12, counts: 13 },
  resetHint: 14,
  timestamp: 15,
} as const;
/** `timestamp` of an Exemplar. */
export const TAG_EXEMPLAR_TIMESTAMP = (3 << 3) | VARINT;
/** `timestamp` of a Histogram. */
export const TAG_HISTOGRAM_TIMESTAMP = (HISTOGRAM.timestamp << 3) | VARINT;

const EXEMPLAR_VALUE = 2;
const SPAN_OFFSET = 1;
const SPAN_LENGTH = 2;

type Writer = protobuf.Writer;

/** The `exemplars` of a TimeSeries. */
export function encodeExemplars(exemplars: readonly Exemplar[]): Uint8Array {
  const writer = protobuf.Writer.create();
  for (const { labels, value, timestampMs } of exemplars) {
    // Field 1 of an Exemplar is `labels`, as it is of a TimeSeries.
    const labelBytes = encodeLabels(labels);
    const rest = protobuf.Writer.create();
    double(rest, EXEMPLAR_VALUE, value);
    int64(rest, TAG_EXEMPLAR_TIMESTAMP, timestampMs);
    writer.uint32(TAG_SERIES_EXEMPLAR).bytes(Buffer.concat([labelBytes, rest.finish()]));
  }
  return writer.finish();
}

/** The `histograms` of a TimeSeries: this one. */
export function encodeHistogram(histogram: NativeHistogram, timestampMs: number): Uint8Array {
  const { isFloat, count, sum, schema, zeroThreshold, zeroCount, resetHint } = histogram;
  const writer = protobuf.Writer.create();
  writer.uint32(TAG_SERIES_HISTOGRAM).fork();
  // The counts are a oneof each: written when they are zero too, because that says which of the two they are.
  if (isFloat) writer.uint32((HISTOGRAM.countFloat << 3) | DOUBLE).double(plain(count));
  else writer.uint32((HISTOGRAM.countInt << 3) | VARINT).uint64(count);
  double(writer, HISTOGRAM.sum, sum);
  if (schema !== 0) writer.uint32((HISTOGRAM.schema << 3) | VARINT).sint32(schema);
  double(writer, HISTOGRAM.zeroThreshold, zeroThreshold);
  if (isFloat) writer.uint32((HISTOGRAM.zeroCountFloat << 3) | DOUBLE).double(plain(zeroCount));
  else writer.uint32((HISTOGRAM.zeroCountInt << 3) | VARINT).uint64(zeroCount);
  buckets(writer, HISTOGRAM.negative, histogram.negative, isFloat);
  buckets(writer, HISTOGRAM.positive, histogram.positive, isFloat);
  if (resetHint !== 0) writer.uint32((HISTOGRAM.resetHint << 3) | VARINT).int32(resetHint);
  int64(writer, TAG_HISTOGRAM_TIMESTAMP, timestampMs);
  return writer.ldelim().finish();
}

/** Writes an int64 unless it is zero. */
export function int64(writer: Writer, tag: number, number: number): void {
  const value = toInt64(number);
  if (value !== 0) writer.uint32(tag).int64(value);
}

function double(writer: Writer, fieldNumber: number, value: number): void {
  if (value !== 0) writer.uint32((fieldNumber << 3) | DOUBLE).double(plain(value));
}

/** The bits of a NaN that came in are not kept: they might be those of a stale marker. */
function plain(value: number): number {
  return Number.isNaN(value) ? Number.NaN : value;
}

function buckets(
  writer: Writer,
  numbers: { spans: number; deltas: number; counts: number },
  { spans, buckets }: BucketSide,
  isFloat: boolean,
): void {
  for (const { offset, length } of spans) {
    writer.uint32((numbers.spans << 3) | BYTES).fork();
    if (offset !== 0) writer.uint32((SPAN_OFFSET << 3) | VARINT).sint32(offset);
    if (length !== 0) writer.uint32((SPAN_LENGTH << 3) | VARINT).uint32(length);
    writer.ldelim();
  }
  if (buckets.length === 0) return;
  writer.uint32(((isFloat ? numbers.counts : numbers.deltas) << 3) | BYTES).fork();
  for (const bucket of buckets) {
    if (isFloat) writer.double(plain(bucket));
    else writer.sint64(bucket);
  }
  writer.ldelim();
}
