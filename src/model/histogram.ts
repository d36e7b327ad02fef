/** Neighbouring buckets: `offset` buckets are skipped after the span before (or from bucket 0), then `length` follow. */
export interface BucketSpan {
  offset: number;
  length: number;
}

/** One side of a native histogram. The counts of the buckets as differences to the one before when the histogram is of whole numbers, else as they are. */
export interface BucketSide {
  spans: readonly BucketSpan[];
  buckets: readonly number[];
}

/** A sample that is a native histogram (remote-write 1.0 and 2.0, message Histogram). */
export interface NativeHistogram {
  /** Whether counts are floats; else they are whole numbers. */
  isFloat: boolean;
  /** -4..8; -53 has custom buckets. */
  schema: number;
  count: number;
  sum: number;
  zeroThreshold: number;
  zeroCount: number;
  negative: BucketSide;
  positive: BucketSide;
  /** Upper bounds of custom buckets, without the last one, +Inf. */
  customValues: readonly number[];
  /** 0 unknown, 1 yes, 2 no, 3 a gauge. */
  resetHint: 0 | 1 | 2 | 3;
}

/** An example behind a sample (OpenMetrics 1.0, "Exemplars"). */
export interface Exemplar {
  /** Name and value in turn, sorted. */
  labels: readonly string[];
  value: number;
  /** Milliseconds since 1970. */
  timestampMs: number;
}
