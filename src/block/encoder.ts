// Hot path: `append` runs once per sample. Benchmark: test/bench/block/encode.bench.ts.
import { type Batch, type Column, FLAG_STALE, type Labels, type SeriesRef } from '../model/index.js';
import { encodeLabels, seriesPrefix, TAG_SAMPLE_TIMESTAMP, withAbsent, writeInt64 } from './label-bytes.js';

/** A block is sealed when its bytes reach this, uncompressed. */
const MAX_BLOCK_BYTES = 2 ** 20;
const FIRST_BYTES = 2 ** 14;
/** The varint of every time from 1971 to 2109. */
const USUAL_TIMESTAMP_BYTES = 6;
const MAX_TIMESTAMP_BYTES = 10;
/** A double, a tag and a timestamp. */
const MAX_TAIL_BYTES = 8 + 1 + MAX_TIMESTAMP_BYTES;

/**
 * Writes samples as the `timeseries` of a remote-write 1.0 WriteRequest, one element per sample. What does not change with a sample is
 * encoded once per series and kept in a column of the series' table; a sample is a copy of that, eight bytes of value and a timestamp
 * that is mostly the one of the sample before. Owns one growing byte buffer, used again for every block.
 */
export class Encoder {
  readonly #external: Labels;
  readonly #stage: symbol;
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  #stampMs = Number.NaN;
  readonly #stamp = new Uint8Array(MAX_TIMESTAMP_BYTES);
  #stampLength = 0;

  /** Samples since `clear`, and their oldest and newest timestamp in ms. */
  samples = 0;
  minMs = Infinity;
  maxMs = -Infinity;

  /** `external` is added to series that lack these labels. */
  constructor(external: Labels) {
    this.#external = external;
    // Equal labels share a column: encoders of several routes, and those after a reload, do not encode a series again.
    this.#stage = Symbol.for(`sentinel.block ${JSON.stringify(external)}`);
  }

  /** Appends the samples of `batch` from `start`, until the block is full; gives the index of the first one left over. */
  append(batch: Batch, start: number, maxSamples: number): number {
    const { refs, values, timestamps, flags, length } = batch;
    const column: Column<Uint8Array> = batch.table.column(this.#stage);
    let i = start;
    for (; i < length; i++) {
      if (this.isFull(maxSamples)) return i;
      const timestampMs = timestamps[i]!;
      if (timestampMs !== this.#stampMs) this.#setStamp(timestampMs);
      let prefix = column[refs[i]!] ?? this.#learn(batch, refs[i]!, column);
      if (this.#stampLength !== USUAL_TIMESTAMP_BYTES) prefix = this.#unusualPrefix(batch, refs[i]!);
      this.#write(prefix, values[i]!, flags[i]! & FLAG_STALE);
    }
    return i;
  }

  /** Whether the next sample belongs to another block. */
  isFull(maxSamples: number): boolean {
    return this.samples >= maxSamples || this.#length >= MAX_BLOCK_BYTES;
  }

  /** The bytes so far; a view that the next `append` overwrites. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Begins the next block. */
  clear(): void {
    this.#length = 0;
    this.samples = 0;
    this.minMs = Infinity;
    this.maxMs = -Infinity;
  }

  #write(prefix: Uint8Array, value: number, stale: number): void {
    let at = this.#length;
    if (at + prefix.length + MAX_TAIL_BYTES > this.#bytes.length)
      this.#grow(at + prefix.length + MAX_TAIL_BYTES);
    const bytes = this.#bytes;
    bytes.set(prefix, at);
    at += prefix.length;
    if (stale !== 0) writeBits(this.#view, at, 0x7ff0_0000, 2);
    // The bits of a NaN that came in are not kept: they might be those of a stale marker.
    else if (Number.isNaN(value)) writeBits(this.#view, at, 0x7ff8_0000, 1);
    else this.#view.setFloat64(at, value, true);
    at += 8;
    bytes[at++] = TAG_SAMPLE_TIMESTAMP;
    const stamp = this.#stamp;
    for (let i = 0; i < this.#stampLength; i++) bytes[at++] = stamp[i]!;
    this.#length = at;
    this.samples++;
    if (this.#stampMs < this.minMs) this.minMs = this.#stampMs;
    if (this.#stampMs > this.maxMs) this.maxMs = this.#stampMs;
  }

  #setStamp(timestampMs: number): void {
    this.#stampMs = timestampMs;
    this.#stampLength = writeInt64(timestampMs, this.#stamp);
  }

  /** Slow path: a new series. */
  #learn(batch: Batch, ref: SeriesRef, column: Column<Uint8Array>): Uint8Array {
    const prefix = seriesPrefix(this.#labelBytes(batch, ref), USUAL_TIMESTAMP_BYTES);
    column[ref] = prefix;
    return prefix;
  }

  /** Slow path: a timestamp outside of 1971 to 2109. */
  #unusualPrefix(batch: Batch, ref: SeriesRef): Uint8Array {
    return seriesPrefix(this.#labelBytes(batch, ref), this.#stampLength);
  }

  #labelBytes(batch: Batch, ref: SeriesRef): Uint8Array {
    return encodeLabels(withAbsent(batch.table.labels(ref), this.#external));
  }

  #grow(needed: number): void {
    const bytes = new Uint8Array(Math.max(this.#bytes.length * 2, needed));
    bytes.set(this.bytes());
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

/** Writes a double by its bits: V8 may change those of a NaN that it holds as a number. */
function writeBits(view: DataView, at: number, high: number, low: number): void {
  view.setUint32(at, low, true);
  view.setUint32(at + 4, high, true);
}
