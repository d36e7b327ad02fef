// Hot path: `append` runs once per sample. Benchmark: test/bench/block/encode.bench.ts.
import { type Batch, type ByteColumn, type Exemplar, FLAG_STALE, type SeriesRef } from '../model/index.js';
import { encodeExemplars, encodeHistogram } from './beside.js';
import { labelBytesIn, seriesHead, seriesPrefix, TAG_SAMPLE_TIMESTAMP, writeInt64 } from './label-bytes.js';
import type { Labelling, SeriesDrop } from './labelling.js';
import { LEAST_PREFIX_BYTES, Prefixes, USUAL_TIMESTAMP_BYTES } from './prefixes.js';

/** A block is sealed when its bytes reach this, uncompressed. */
const MAX_BLOCK_BYTES = 2 ** 20;
const FIRST_BYTES = 2 ** 14;
const MAX_TIMESTAMP_BYTES = 10;
/** A double, a tag and a timestamp. */
const MAX_TAIL_BYTES = 8 + 1 + MAX_TIMESTAMP_BYTES;
/** The schema of histograms with custom buckets, which remote write 1.0 cannot say. */
const CUSTOM_BUCKETS = -53;

/** Why a sample, and its exemplars with it, did not become part of a block. */
export type EncodeDrop = SeriesDrop | 'histogram' | 'custom_buckets';

/** What a route takes beside plain samples. Exemplars that it does not take are passed over, and not told of one by one. */
export interface Beside {
  exemplars: boolean;
  histograms: boolean;
}

/** Is told of what is left out. */
export interface DropCounter {
  sample(reason: EncodeDrop): void;
  exemplars(reason: EncodeDrop, count: number): void;
}

const NO_EXEMPLARS: readonly Exemplar[] = [];

/**
 * Writes samples as the `timeseries` of a remote-write 1.0 WriteRequest, one element per sample. What does not change with a sample is
 * decided and encoded once per series and kept in a column of the series' table; a sample is a copy of that, eight bytes of value and a timestamp
 * that is mostly the one of the sample before. Owns one growing byte buffer, used again for every block.
 */
export class Encoder {
  readonly #labelling: Labelling;
  readonly #beside: Beside;
  readonly #drops: DropCounter;
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  #stampMs = Number.NaN;
  readonly #stamp = new Uint8Array(MAX_TIMESTAMP_BYTES);
  #stampLength = 0;
  /** The tag and a usual timestamp as two numbers of four bytes, which share the byte in the middle. */
  #stampHead = 0;
  #stampEnd = 0;

  /** Samples and exemplars since `clear`, and the oldest and newest timestamp of the samples in ms. */
  samples = 0;
  exemplars = 0;
  minMs = Infinity;
  maxMs = -Infinity;

  constructor(labelling: Labelling, beside: Beside, drops: DropCounter) {
    this.#labelling = labelling;
    this.#beside = beside;
    this.#drops = drops;
  }

  /** Appends the samples of `batch` from `start`, until the block is full; gives the index of the first one left over. */
  append(batch: Batch, start: number, maxItems: number): number {
    const isPlain = batch.histograms === undefined && this.#exemplarsIn(batch) === undefined;
    return isPlain ? this.#appendPlain(batch, start, maxItems) : this.#appendMixed(batch, start, maxItems);
  }

  #appendPlain(batch: Batch, start: number, maxItems: number): number {
    const { table, refs, values, timestamps, flags, length } = batch;
    const prefixes = new Prefixes(this.#labelling, table);
    const { column, lender } = prefixes;
    const maxSamples = maxItems - this.exemplars;
    let i = start;
    for (; i < length; i++) {
      if (this.samples >= maxSamples || this.#length >= MAX_BLOCK_BYTES) return i;
      const timestampMs = timestamps[i]!;
      if (timestampMs !== this.#stampMs) this.#setStamp(timestampMs);
      const ref = refs[i]!;
      let source = column;
      if (column.length(ref) < LEAST_PREFIX_BYTES) {
        const note = prefixes.noteOf(ref);
        if (note === 'lent') source = lender;
        else if (note !== undefined) {
          this.#drop(batch, i, note);
          continue;
        }
      }
      this.#write(source, ref, values[i]!, flags[i]! & FLAG_STALE);
    }
    return i;
  }

  /** Slow path: a batch that has exemplars or histograms. */
  #appendMixed(batch: Batch, start: number, maxItems: number): number {
    const { table, refs, values, timestamps, flags, length } = batch;
    const prefixes = new Prefixes(this.#labelling, table);
    const { column, lender } = prefixes;
    let i = start;
    for (; i < length && !this.isFull(maxItems); i++) {
      if (timestamps[i] !== this.#stampMs) this.#setStamp(timestamps[i]!);
      const ref = refs[i]!;
      const note = prefixes.noteOf(ref);
      const source = note === 'lent' ? lender : column;
      if (note !== undefined && note !== 'lent') this.#drop(batch, i, note);
      else if (!this.#writeBeside(batch, i, source.get(ref)))
        this.#write(source, ref, values[i]!, flags[i]! & FLAG_STALE);
    }
    return i;
  }

  /** Whether the next sample belongs to another block: this one has `maxItems` samples and exemplars, or 1 MiB. */
  isFull(maxItems: number): boolean {
    return this.samples + this.exemplars >= maxItems || this.#length >= MAX_BLOCK_BYTES;
  }

  /** The bytes so far; a view that the next `append` overwrites. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Begins the next block. */
  clear(): void {
    this.#length = 0;
    this.samples = 0;
    this.exemplars = 0;
    this.minMs = Infinity;
    this.maxMs = -Infinity;
  }

  #write(source: ByteColumn, ref: SeriesRef, value: number, stale: number): void {
    if (this.#stampLength !== USUAL_TIMESTAMP_BYTES) {
      // Slow path: a time outside of 1971 to 2109.
      this.#writeBehind(seriesPrefix(labelBytesIn(source.get(ref)), this.#stampLength), value, stale);
      return;
    }
    const needed = this.#length + source.length(ref) + MAX_TAIL_BYTES;
    if (needed > this.#bytes.length) this.#grow(needed);
    const at = this.#writeValue(source.copy(ref, this.#view, this.#length), value, stale);
    this.#view.setUint32(at, this.#stampHead, true);
    this.#view.setUint32(at + 3, this.#stampEnd, true);
    this.#count(at + 7);
  }

  /** Writes a prefix that stands in no column, and what comes behind it. */
  #writeBehind(prefix: Uint8Array, value: number, stale: number): void {
    this.#put(prefix);
    const needed = this.#length + MAX_TAIL_BYTES;
    if (needed > this.#bytes.length) this.#grow(needed);
    const at = this.#writeValue(this.#length, value, stale);
    this.#bytes[at] = TAG_SAMPLE_TIMESTAMP;
    this.#bytes.set(this.#stamp.subarray(0, this.#stampLength), at + 1);
    this.#count(at + 1 + this.#stampLength);
  }

  /** Writes eight bytes at `at`, and gives the index behind them. */
  #writeValue(at: number, value: number, stale: number): number {
    if (stale !== 0) writeBits(this.#view, at, 0x7ff0_0000, 2);
    // The bits of a NaN that came in are not kept: they might be those of a stale marker.
    else if (Number.isNaN(value)) writeBits(this.#view, at, 0x7ff8_0000, 1);
    else this.#view.setFloat64(at, value, true);
    return at + 8;
  }

  /** A sample ends at `end`. */
  #count(end: number): void {
    this.#length = end;
    this.samples++;
    if (this.#stampMs < this.minMs) this.minMs = this.#stampMs;
    if (this.#stampMs > this.maxMs) this.maxMs = this.#stampMs;
  }

  /** A sample with exemplars, or one that is a histogram; false when it is neither. A stale marker of a histogram is one of any series. */
  #writeBeside(batch: Batch, i: number, prefix: Uint8Array): boolean {
    const stale = batch.flags[i]! & FLAG_STALE;
    const histogram = stale === 0 ? batch.histograms?.get(i) : undefined;
    if (histogram !== undefined && (!this.#beside.histograms || histogram.schema === CUSTOM_BUCKETS)) {
      this.#drop(batch, i, this.#beside.histograms ? 'custom_buckets' : 'histogram');
      return true;
    }
    const exemplars = this.#exemplarsIn(batch)?.get(i) ?? NO_EXEMPLARS;
    if (histogram === undefined && exemplars.length === 0) return false;
    const labelBytes = labelBytesIn(prefix);
    const after = encodeExemplars(exemplars);
    if (histogram === undefined) {
      this.#writeBehind(seriesPrefix(labelBytes, this.#stampLength, after.length), batch.values[i]!, stale);
      this.#put(after);
    } else {
      const body = encodeHistogram(histogram, this.#stampMs);
      this.#put(seriesHead(labelBytes, after.length + body.length));
      this.#put(after);
      this.#put(body);
      this.samples++;
      this.minMs = Math.min(this.minMs, this.#stampMs);
      this.maxMs = Math.max(this.maxMs, this.#stampMs);
    }
    this.exemplars += exemplars.length;
    return true;
  }

  /** Those of a batch, when they are wanted. */
  #exemplarsIn(batch: Batch): Batch['exemplars'] {
    return this.#beside.exemplars ? batch.exemplars : undefined;
  }

  #drop(batch: Batch, i: number, reason: EncodeDrop): void {
    this.#drops.sample(reason);
    const exemplars = this.#exemplarsIn(batch)?.get(i);
    if (exemplars !== undefined) this.#drops.exemplars(reason, exemplars.length);
  }

  #put(bytes: Uint8Array): void {
    const end = this.#length + bytes.length;
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.set(bytes, this.#length);
    this.#length = end;
  }

  #setStamp(timestampMs: number): void {
    this.#stampMs = timestampMs;
    const stamp = this.#stamp;
    this.#stampLength = writeInt64(timestampMs, stamp);
    this.#stampHead = TAG_SAMPLE_TIMESTAMP | (stamp[0]! << 8) | (stamp[1]! << 16) | (stamp[2]! << 24);
    this.#stampEnd = stamp[2]! | (stamp[3]! << 8) | (stamp[4]! << 16) | (stamp[5]! << 24);
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
