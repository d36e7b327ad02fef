import protobuf from 'protobufjs/minimal.js';
import { compareBytes, type Labels } from '../model/index.js';

// Field numbers and wire types of remote-write 1.0 (prompb/types.proto): tag = field << 3 | wire type.
export const TAG_SERIES = 0x0a;
const TAG_LABEL = 0x0a;
const TAG_NAME = 0x0a;
const TAG_VALUE = 0x12;
/** `samples` of a TimeSeries. */
export const TAG_SERIES_SAMPLE = 0x12;
/** `value` of a Sample, a double. */
const TAG_SAMPLE_VALUE = 0x09;
/** `timestamp` of a Sample, an int64. */
export const TAG_SAMPLE_TIMESTAMP = 0x10;

const LEAST_INT64 = -(2 ** 63);
/** The greatest number below 2^63 that a double holds. */
const GREATEST_INT64 = 2 ** 63 - 1024;

/** Bytes of `Sample` beside the varint of its timestamp: two tags and a double. */
const SAMPLE_FIXED_BYTES = 10;

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
 * All of a TimeSeries with one sample up to the double, for a timestamp whose varint has `timestampBytes`:
 *
 *   timeseries | length | labels ... | samples | length | value |   then: 8 bytes, the tag of the timestamp, its varint
 */
export function seriesPrefix(labelBytes: Uint8Array, timestampBytes: number): Uint8Array {
  const sampleLength = SAMPLE_FIXED_BYTES + timestampBytes;
  const writer = protobuf.Writer.create();
  writer.uint32(TAG_SERIES).uint32(labelBytes.length + 2 + sampleLength);
  const head = writer.finish();
  const prefix = new Uint8Array(head.length + labelBytes.length + 3);
  prefix.set(head);
  prefix.set(labelBytes, head.length);
  prefix.set([TAG_SERIES_SAMPLE, sampleLength, TAG_SAMPLE_VALUE], head.length + labelBytes.length);
  return prefix;
}

/**
 * Writes the varint of an int64 at the start of `into` (ten bytes are enough); gives its length. A fraction is cut off, what an int64 does not hold
 * becomes its edge, and NaN 0: a plugin may give any number, and Infinity would be written for ever.
 */
export function writeInt64(number: number, into: Uint8Array): number {
  const value = Math.min(Math.max(number || 0, LEAST_INT64), GREATEST_INT64);
  let length = 0;
  if (value < 0) {
    // Two's complement in 64 bits: always ten bytes.
    let rest = BigInt.asUintN(64, BigInt(Math.trunc(value)));
    for (; rest > 0x7fn; rest >>= 7n) into[length++] = Number(rest & 0x7fn) | 0x80;
    into[length++] = Number(rest);
    return length;
  }
  let rest = Math.floor(value);
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) into[length++] = (rest % 0x80) | 0x80;
  into[length++] = rest;
  return length;
}
