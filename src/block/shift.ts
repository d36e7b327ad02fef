import protobuf from 'protobufjs/minimal.js';
import { compress, uncompress } from 'snappyjs';
import type { Block } from '../model/index.js';
import { TAG_SAMPLE_TIMESTAMP, TAG_SERIES, TAG_SERIES_SAMPLE, writeInt64 } from './label-bytes.js';

const MAX_INT64_BYTES = 10;

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

/** A TimeSeries, its labels copied and its samples moved. */
function shiftSeries(series: Uint8Array, step: number): Uint8Array {
  const reader = protobuf.Reader.create(series);
  const writer = protobuf.Writer.create();
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const field = reader.bytes();
    writer.uint32(tag).bytes(tag === TAG_SERIES_SAMPLE ? shiftSample(field, step) : field);
  }
  return writer.finish();
}

/** A Sample: the tag and the eight bytes of its value stay as they are, so that a stale marker does too; then its timestamp. */
function shiftSample(sample: Uint8Array, step: number): Uint8Array {
  const value = sample.subarray(0, 9);
  const reader = protobuf.Reader.create(sample.subarray(9));
  if (reader.uint32() !== TAG_SAMPLE_TIMESTAMP) throw new Error('a block holds a sample without its time');
  const stamp = new Uint8Array(MAX_INT64_BYTES);
  const length = writeInt64(Number(reader.int64()) + step, stamp);
  const shifted = new Uint8Array(10 + length);
  shifted.set(value);
  shifted[9] = TAG_SAMPLE_TIMESTAMP;
  shifted.set(stamp.subarray(0, length), 10);
  return shifted;
}
