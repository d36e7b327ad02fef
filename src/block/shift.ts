import protobuf from 'protobufjs/minimal.js';
import { compress, uncompress } from 'snappyjs';
import type { Block } from '../model/index.js';
import { TAG_EXEMPLAR_TIMESTAMP, TAG_HISTOGRAM_TIMESTAMP } from './beside.js';
import {
  TAG_SAMPLE_TIMESTAMP,
  TAG_SERIES,
  TAG_SERIES_EXEMPLAR,
  TAG_SERIES_HISTOGRAM,
  TAG_SERIES_SAMPLE,
  writeInt64,
} from './label-bytes.js';

const MAX_INT64_BYTES = 10;

/** The tag of the timestamp in what a TimeSeries has beside labels, by its own tag. */
const TIMESTAMP_TAGS: ReadonlyMap<number, number> = new Map([
  [TAG_SERIES_SAMPLE, TAG_SAMPLE_TIMESTAMP],
  [TAG_SERIES_EXEMPLAR, TAG_EXEMPLAR_TIMESTAMP],
  [TAG_SERIES_HISTOGRAM, TAG_HISTOGRAM_TIMESTAMP],
]);

/** The same block with every timestamp moved by `stepMs`: its samples were stamped by a clock that was wrong by so much. Reads only what the encoder of this folder writes. */
export function shiftBlock(block: Block, stepMs: number): Block {
  const step = Math.round(stepMs);
  const reader = protobuf.Reader.create(uncompress(block.bytes));
  const writer = protobuf.Writer.create();
  while (reader.pos < reader.len) {
    if (reader.uint32() !== TAG_SERIES) throw new Error('a block holds what is no series');
    writer.uint32(TAG_SERIES).bytes(shiftSeries(reader.bytes(), step));
  }
  const bytes = compress(writer.finish());
  return { ...block, bytes, minMs: block.minMs + step, maxMs: block.maxMs + step };
}

/** A TimeSeries, its labels copied, and its samples, exemplars and histograms moved. */
function shiftSeries(series: Uint8Array, step: number): Uint8Array {
  const reader = protobuf.Reader.create(series);
  const writer = protobuf.Writer.create();
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const field = reader.bytes();
    const timestampTag = TIMESTAMP_TAGS.get(tag);
    writer.uint32(tag).bytes(timestampTag === undefined ? field : shiftTimestamp(field, timestampTag, step));
  }
  return writer.finish();
}

/** Everything before the timestamp, which comes last, stays as it is to the bit, so that a stale marker does too. One that is not there is zero. */
function shiftTimestamp(message: Uint8Array, timestampTag: number, step: number): Uint8Array {
  const reader = protobuf.Reader.create(message);
  let end = message.length;
  let timestampMs = 0;
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const tag = reader.uint32();
    if (tag === timestampTag) {
      end = start;
      timestampMs = Number(reader.int64());
    } else reader.skipType(tag & 7);
  }
  const stamp = new Uint8Array(MAX_INT64_BYTES);
  const length = writeInt64(timestampMs + step, stamp);
  return Buffer.concat([message.subarray(0, end), Uint8Array.of(timestampTag), stamp.subarray(0, length)]);
}
