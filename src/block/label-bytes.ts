import protobuf from 'protobufjs/minimal.js';
import { compareBytes, type Labels } from '../model/index.js';

// Field numbers and wire types of remote-write 1.0 (prompb/types.proto): tag = field << 3 | wire type.
export const TAG_SERIES = 0x0a;
const TAG_LABEL = 0x0a;
const TAG_NAME = 0x0a;
const TAG_VALUE = 0x12;
/** `samples`, `exemplars` and `histograms` of a TimeSeries. */
export const TAG_SERIES_SAMPLE = 0x12;
export const TAG_SERIES_EXEMPLAR = 0x1a;
export const TAG_SERIES_HISTOGRAM = 0x22;
/** `value` of a Sample, a double. */
const TAG_SAMPLE_VALUE = 0x09;
/** `timestamp` of a Sample, an int64. */
export const TAG_SAMPLE_TIMESTAMP = 0x10;

const LEAST_INT64 = -(2 ** 63);
/** The greatest number below 2^63 that a double holds. */
const GREATEST_INT64 = 2 ** 63 - 1024;

/** Bytes of `Sample` beside the varint of its timestamp: two tags and a double. */
const SAMPLE_FIXED_BYTES = 10;
/** Two tags and a length. */
const SAMPLE_TAGS_BYTES = 3;

/** Both sorted; of a name in both the series' own value counts, as Prometheus adds `external_labels`. */
export function withAbsent(labels: Labels, external: Labels): Labels {
  const merged: string[] = [];
  let i = 0;
  let j = 0;
  while (i < labels.length || j < external.length) {
    const order = i >= labels.length ? 1 : j >= external.length ? -1 : compareBytes(labels[i]!, external[j]!);
    if (order <= 0) merged.push(labels[i++]!, labels[i++]!);
    else merged.push(external[j++]!, external[j++]!);
    if (order === 0) j += 2;
  }
  return merged;
}

/** The `labels` of a TimeSeries. Lone surrogates become U+FFFD: a receiver refuses a whole request for one text that is not UTF-8. */
export function encodeLabels(labels: Labels): Uint8Array {
  const writer = protobuf.Writer.create();
  for (let i = 0; i < labels.length; i += 2) {
    writer.uint32(TAG_LABEL).fork();
    writer.uint32(TAG_NAME).bytes(Buffer.from(labels[i]!, 'utf8'));
    writer.uint32(TAG_VALUE).bytes(Buffer.from(labels[i + 1]!, 'utf8'));
    writer.ldelim();
  }
  return writer.finish();
}

/**
 * All of a TimeSeries with one sample up to the double, for a timestamp whose varint has `timestampBytes`, and `bytesAfter` bytes behind the sample:
 *
 *   timeseries | length | labels ... | samples | length | value |   then: 8 bytes, the tag of the timestamp, its varint
 */
export function seriesPrefix(labelBytes: Uint8Array, timestampBytes: number, bytesAfter = 0): Uint8Array {
  const sampleLength = SAMPLE_FIXED_BYTES + timestampBytes;
  const tags = [TAG_SERIES_SAMPLE, sampleLength, TAG_SAMPLE_VALUE];
  return seriesHead(labelBytes, 2 + sampleLength + bytesAfter, tags);
}

/** All of a TimeSeries up to the end of its labels and `tags`, for `bytesAfter` bytes behind the labels. One allocation: prefixes that lie apart in memory cost the encoder twice its time. */
export function seriesHead(
  labelBytes: Uint8Array,
  bytesAfter: number,
  tags: readonly number[] = [],
): Uint8Array {
  const writer = protobuf.Writer.create();
  writer.uint32(TAG_SERIES).uint32(labelBytes.length + bytesAfter);
  const start = writer.finish();
  const head = new Uint8Array(start.length + labelBytes.length + tags.length);
  head.set(start);
  head.set(labelBytes, start.length);
  head.set(tags, start.length + labelBytes.length);
  return head;
}

/** The labels in a prefix that `seriesPrefix` gave; a view. */
export function labelBytesIn(prefix: Uint8Array): Uint8Array {
  let start = 1;
  while (prefix[start]! > 0x7f) start++;
  return prefix.subarray(start + 1, prefix.length - SAMPLE_TAGS_BYTES);
}

/** What an int64 can hold of a number. A fraction is cut off, and NaN is 0: a plugin may give any number. */
export function toInt64(number: number): number {
  return Math.trunc(Math.min(Math.max(number || 0, LEAST_INT64), GREATEST_INT64));
}

/** Writes the varint of an int64 at the start of `into` (ten bytes are enough); gives its length. */
export function writeInt64(number: number, into: Uint8Array): number {
  const value = toInt64(number);
  let length = 0;
  if (value < 0) {
    // Two's complement in 64 bits: always ten bytes.
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest > 0x7fn; rest >>= 7n) into[length++] = Number(rest & 0x7fn) | 0x80;
    into[length++] = Number(rest);
    return length;
  }
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) into[length++] = (rest % 0x80) | 0x80;
  into[length++] = rest;
  return length;
}
