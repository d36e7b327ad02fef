import { invariant } from '../lib/index.js';
import type { Exemplar, NativeHistogram } from './histogram.js';
import type { SeriesView } from './series.js';
import type { SeriesRef } from './series-ref.js';

/** Who made a batch. */
export interface BatchSource {
  kind: 'task' | 'scrape' | 'push' | 'self';
  /** Task id, target or client. */
  id: string;
}

/** When the samples of a batch came to be; wall clock, ms. */
export interface BatchTimes {
  /** The tick that asked for it; what its samples are stamped with. */
  plannedMs: number;
  startedMs: number;
  finishedMs: number;
}

/** Bits of a sample's flags. */
export const FLAG_STALE = 1;

/**
 * The samples of one scrape or one run, as a struct of arrays; what travels the road. Refs are of `table`. A stale marker is a flag, never a
 * NaN, whose bits V8 may change; the encoder writes `0x7ff0000000000002`. Whoever is given a batch reads it before it returns, and keeps no array of it.
 */
export class Batch {
  readonly source: BatchSource;
  readonly table: SeriesView;
  readonly times: BatchTimes;
  /** Number of samples; only the first `length` places of the arrays count. */
  length = 0;
  refs: Uint32Array;
  values: Float64Array;
  /** Milliseconds since 1970. */
  timestamps: Float64Array;
  flags: Uint8Array;
  /** By index of the sample they belong to; absent in nearly all batches. */
  exemplars: Map<number, readonly Exemplar[]> | undefined = undefined;
  /** By index of the sample: it is this histogram, and its value says nothing. Absent in nearly all batches. */
  histograms: Map<number, NativeHistogram> | undefined = undefined;

  constructor(source: BatchSource, table: SeriesView, times: BatchTimes, capacity = 16) {
    this.source = source;
    this.table = table;
    this.times = times;
    this.refs = new Uint32Array(capacity);
    this.values = new Float64Array(capacity);
    this.timestamps = new Float64Array(capacity);
    this.flags = new Uint8Array(capacity);
  }

  /** Adds a sample; grows by doubling. */
  add(ref: SeriesRef, value: number, timestampMs: number): void {
    if (this.length === this.refs.length) this.#grow();
    const i = this.length++;
    this.refs[i] = ref;
    this.values[i] = value;
    this.timestamps[i] = timestampMs;
    this.flags[i] = 0;
  }

  /** Adds a stale marker: the series is known to have ended (remote-write 1.0 spec, "Stale Markers"). */
  addStale(ref: SeriesRef, timestampMs: number): void {
    this.add(ref, 0, timestampMs);
    this.flags[this.length - 1] = FLAG_STALE;
  }

  /** Adds a sample that is a native histogram. */
  addHistogram(ref: SeriesRef, histogram: NativeHistogram, timestampMs: number): void {
    this.add(ref, 0, timestampMs);
    this.histograms ??= new Map();
    this.histograms.set(this.length - 1, histogram);
  }

  /** The same samples in batches of `size` at most, in their order: who is given a long one reads it all before the loop turns. They share its arrays. */
  *parts(size: number): Generator<Batch> {
    for (let from = 0; from < this.length; from += size) {
      const part = new Batch(this.source, this.table, this.times, 0);
      const to = Math.min(from + size, this.length);
      part.length = to - from;
      part.refs = this.refs.subarray(from, to);
      part.values = this.values.subarray(from, to);
      part.timestamps = this.timestamps.subarray(from, to);
      part.flags = this.flags.subarray(from, to);
      part.exemplars = within(this.exemplars, from, to);
      part.histograms = within(this.histograms, from, to);
      yield part;
    }
  }

  #grow(): void {
    const capacity = Math.max(16, this.refs.length * 2);
    invariant(capacity <= 2 ** 28, 'batch too large');
    this.refs = grown(this.refs, new Uint32Array(capacity));
    this.values = grown(this.values, new Float64Array(capacity));
    this.timestamps = grown(this.timestamps, new Float64Array(capacity));
    this.flags = grown(this.flags, new Uint8Array(capacity));
  }
}

function grown<A extends Uint32Array | Float64Array | Uint8Array>(from: A, to: A): A {
  to.set(from);
  return to;
}

/** What belongs to samples from `from` until before `to`, counted from `from`. */
function within<T>(all: Map<number, T> | undefined, from: number, to: number): Map<number, T> | undefined {
  if (all === undefined) return undefined;
  const some = new Map<number, T>();
  for (const [i, one] of all) if (i >= from && i < to) some.set(i - from, one);
  return some.size === 0 ? undefined : some;
}

/** What a stage answers to a batch: it has taken it, or nothing of it (and has counted that). */
export type Taken = 'taken' | 'refused';

/** The next stage, handed over by `main.ts`. */
export type Next = (batch: Batch) => Taken;
