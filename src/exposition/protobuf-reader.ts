import { isUtf8 } from 'node:buffer';
import type protobuf from 'protobufjs/minimal.js';
import type { BucketSide, BucketSpan, NativeHistogram } from '../model/index.js';
import type { PageExemplar } from './parser.js';

// Messages of client_model's metrics.proto, by its field numbers. Whatever is malformed throws protobufjs's RangeError or Error.

type Reader = protobuf.Reader;
/** Reads the field of this number, or gives false: then it is skipped. The wire type counts for lists alone, which come packed (2) or one by one. */
type ReadField = (field: number, wireType: number) => unknown;

/** Reads the fields of a message that ends at `end`. */
export function readFields(reader: Reader, end: number, read: ReadField): void {
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (read(tag >>> 3, tag & 7) === false) reader.skipType(tag & 7);
  }
  if (reader.pos !== end) throw new RangeError('a field goes beyond its message');
}

/** Reads a message whose length stands before it. */
function readMessage(reader: Reader, read: ReadField): void {
  const length = reader.uint32();
  if (reader.pos + length > reader.len) throw new RangeError('a message goes beyond the page');
  readFields(reader, reader.pos + length, read);
}

// An int64 is given as the nearest number.
const uint64 = (reader: Reader) => Number(reader.uint64());

/** A string, which must be UTF-8. */
export function readText(reader: Reader): string {
  const bytes = Buffer.from(reader.bytes());
  if (!isUtf8(bytes)) throw new RangeError('a text is not valid UTF-8');
  return bytes.toString('utf8');
}

/** Name and value in turn, as they come. */
export function readLabelPair(reader: Reader, labels: string[]): void {
  let name = '';
  let value = '';
  readMessage(reader, (field) => {
    if (field === 1) name = readText(reader);
    else if (field === 2) value = readText(reader);
    else return false;
  });
  labels.push(name, value);
}

function readExemplar(reader: Reader): PageExemplar {
  const exemplar: PageExemplar = { labels: [], value: 0, timestampMs: undefined };
  readMessage(reader, (field) => {
    if (field === 1) readLabelPair(reader, exemplar.labels);
    else if (field === 2) exemplar.value = reader.double();
    else if (field === 3) exemplar.timestampMs = readTimestamp(reader);
    else return false;
  });
  return exemplar;
}

/** Milliseconds since 1970. */
function readTimestamp(reader: Reader): number {
  let seconds = 0;
  let nanoseconds = 0;
  readMessage(reader, (field) => {
    if (field === 1) seconds = Number(reader.int64());
    else if (field === 2) nanoseconds = reader.int32();
    else return false;
  });
  return seconds * 1000 + Math.trunc(nanoseconds / 1e6);
}

/** The value of a counter, gauge or untyped metric. */
export interface Simple {
  value: number;
  exemplars: PageExemplar[];
}

/** Counter, Gauge and Untyped. */
export function readSimple(reader: Reader): Simple {
  const simple: Simple = { value: 0, exemplars: [] };
  readMessage(reader, (field) => {
    if (field === 1) simple.value = reader.double();
    else if (field === 2) simple.exemplars.push(readExemplar(reader));
    else return false;
  });
  return simple;
}

/** A Summary. */
export interface Summary {
  count: number;
  sum: number;
  quantiles: { quantile: number; value: number }[];
}

/** Reads a Summary. */
export function readSummary(reader: Reader): Summary {
  const summary: Summary = { count: 0, sum: 0, quantiles: [] };
  readMessage(reader, (field) => {
    if (field === 1) summary.count = uint64(reader);
    else if (field === 2) summary.sum = reader.double();
    else if (field === 3) summary.quantiles.push(readQuantile(reader));
    else return false;
  });
  return summary;
}

function readQuantile(reader: Reader): Summary['quantiles'][number] {
  const one = { quantile: 0, value: 0 };
  readMessage(reader, (field) => {
    if (field === 1) one.quantile = reader.double();
    else if (field === 2) one.value = reader.double();
    else return false;
  });
  return one;
}

/** A Histogram: its classic buckets, and what it has of a native one. */
export interface ExposedHistogram {
  count: number;
  sum: number;
  buckets: { count: number; bound: number; exemplar: PageExemplar | undefined }[];
  /** Exemplars of the native part. */
  exemplars: PageExemplar[];
  /** `undefined` when it has no native part. */
  native: NativeHistogram | undefined;
}

interface Side {
  spans: BucketSpan[];
  deltas: number[];
  counts: number[];
}

/** The fields of a Histogram, as they stand there. */
interface Written {
  countInt: number;
  countFloat: number;
  sum: number;
  schema: number;
  zeroThreshold: number;
  zeroInt: number;
  zeroFloat: number;
  buckets: ExposedHistogram['buckets'];
  negative: Side;
  positive: Side;
  exemplars: PageExemplar[];
}

/** Reads a Histogram; `isGauge` says which resets it can have. Throws a RangeError when spans and buckets do not fit. */
export function readHistogram(reader: Reader, isGauge: boolean): ExposedHistogram {
  const written = readWritten(reader);
  const { countInt, countFloat, sum, buckets, exemplars } = written;
  const count = countFloat > 0 ? countFloat : countInt;
  return { count, sum, buckets, exemplars, native: nativeOf(written, isGauge) };
}

function readWritten(reader: Reader): Written {
  const it: Written = {
    countInt: 0,
    countFloat: 0,
    sum: 0,
    schema: 0,
    zeroThreshold: 0,
    zeroInt: 0,
    zeroFloat: 0,
    buckets: [],
    negative: { spans: [], deltas: [], counts: [] },
    positive: { spans: [], deltas: [], counts: [] },
    exemplars: [],
  };
  readMessage(reader, (field, wireType) => {
    if (field === 1) it.countInt = uint64(reader);
    else if (field === 2) it.sum = reader.double();
    else if (field === 3) it.buckets.push(readBucket(reader));
    else if (field === 4) it.countFloat = reader.double();
    else if (field === 5) it.schema = reader.sint32();
    else if (field === 6) it.zeroThreshold = reader.double();
    else if (field === 7) it.zeroInt = uint64(reader);
    else if (field === 8) it.zeroFloat = reader.double();
    else if (field >= 9 && field <= 11) readSide(reader, field - 9, wireType, it.negative);
    else if (field >= 12 && field <= 14) readSide(reader, field - 12, wireType, it.positive);
    else if (field === 16) it.exemplars.push(readExemplar(reader));
    else return false;
  });
  return it;
}

/** Spans, deltas and counts of one side stand in three fields. */
function readSide(reader: Reader, field: number, wireType: number, side: Side): void {
  if (field === 0) side.spans.push(readSpan(reader));
  else if (field === 1) readList(reader, wireType, side.deltas, () => Number(reader.sint64()));
  else readList(reader, wireType, side.counts, () => reader.double());
}

function readSpan(reader: Reader): BucketSpan {
  const span = { offset: 0, length: 0 };
  readMessage(reader, (field) => {
    if (field === 1) span.offset = reader.sint32();
    else if (field === 2) span.length = reader.uint32();
    else return false;
  });
  return span;
}

function readList(reader: Reader, wireType: number, into: number[], read: () => number): void {
  if (wireType !== 2) {
    into.push(read());
    return;
  }
  const end = reader.uint32() + reader.pos;
  if (end > reader.len) throw new RangeError('a list goes beyond the page');
  while (reader.pos < end) into.push(read());
}

function readBucket(reader: Reader): ExposedHistogram['buckets'][number] {
  let [countInt, countFloat, bound] = [0, 0, 0];
  let exemplar: PageExemplar | undefined;
  readMessage(reader, (field) => {
    if (field === 1) countInt = uint64(reader);
    else if (field === 2) bound = reader.double();
    else if (field === 3) exemplar = readExemplar(reader);
    else if (field === 4) countFloat = reader.double();
    else return false;
  });
  return { count: countFloat > 0 ? countFloat : countInt, bound, exemplar };
}

function nativeOf(it: Written, isGauge: boolean): NativeHistogram | undefined {
  const isFloat = it.countFloat > 0 || it.zeroFloat > 0;
  const spans = it.negative.spans.length + it.positive.spans.length;
  if (spans === 0 && !(it.zeroThreshold > 0) && !(it.zeroInt > 0) && !(it.zeroFloat > 0)) return undefined;
  return {
    isFloat,
    schema: it.schema,
    count: isFloat ? it.countFloat : it.countInt,
    sum: it.sum,
    zeroThreshold: it.zeroThreshold,
    zeroCount: isFloat ? it.zeroFloat : it.zeroInt,
    negative: sideOf(it.negative, isFloat, 'negative'),
    positive: sideOf(it.positive, isFloat, 'positive'),
    customValues: [],
    resetHint: isGauge ? 3 : 0,
  };
}

function sideOf(side: Side, isFloat: boolean, name: string): BucketSide {
  const buckets = isFloat ? side.counts : side.deltas;
  const wanted = side.spans.reduce((sum, { length }) => sum + length, 0);
  if (wanted !== buckets.length)
    throw new RangeError(`${name} side: spans require ${wanted} buckets, have ${buckets.length}`);
  return { spans: side.spans, buckets };
}
