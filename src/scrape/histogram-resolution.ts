import type { BucketSide, BucketSpan, NativeHistogram } from '../model/index.js';

/** Schemas of exponential buckets: the bounds are powers of 2^(2^-schema). */
const COARSEST = -4;
const FINEST = 8;

/** The finest schema whose buckets grow by at least `factor` each (`native_histogram_min_bucket_factor`); up to 1 = the finest of all. */
export function schemaOfFactor(factor: number): number {
  if (factor <= 1) return FINEST;
  return Math.min(FINEST, Math.max(COARSEST, 0 - Math.ceil(Math.log2(Math.log2(factor)))));
}

/** The histogram with a schema of at most `schema`; the same one where it is that coarse already, or has custom buckets. */
export function atSchema(histogram: NativeHistogram, schema: number): NativeHistogram {
  if (!isExponential(histogram) || histogram.schema <= schema) return histogram;
  const { isFloat } = histogram;
  const shift = histogram.schema - schema;
  const negative = coarser(histogram.negative, shift, isFloat);
  const positive = coarser(histogram.positive, shift, isFloat);
  return { ...histogram, schema, negative, positive };
}

/** The histogram at the finest resolution that has at most `limit` buckets, both sides together; `undefined` when there is none. */
export function withinBuckets(histogram: NativeHistogram, limit: number): NativeHistogram | undefined {
  let coarse = histogram;
  while (coarse.positive.buckets.length + coarse.negative.buckets.length > limit) {
    if (!isExponential(coarse) || coarse.schema <= COARSEST) return undefined;
    coarse = atSchema(coarse, coarse.schema - 1);
  }
  return coarse;
}

/** Custom buckets have schema -53. */
function isExponential({ schema }: NativeHistogram): boolean {
  return schema >= COARSEST;
}

/** Buckets whose bounds fall away are added to the next one up; at each step of the schema two become one. */
function coarser({ spans, buckets }: BucketSide, shift: number, isFloat: boolean): BucketSide {
  const counts = new Map<number, number>();
  let index = 0;
  let place = 0;
  let count = 0;
  for (const { offset, length } of spans) {
    index += offset;
    for (const end = index + length; index < end; index++) {
      count = isFloat ? buckets[place]! : count + buckets[place]!;
      place++;
      // Bucket i ends at base^i: i and i-1 of a pair are those of one coarser bucket.
      const target = ((index - 1) >> shift) + 1;
      counts.set(target, (counts.get(target) ?? 0) + count);
    }
  }
  return sideOf(counts, isFloat);
}

/** `counts` by index, in rising order. */
function sideOf(counts: ReadonlyMap<number, number>, isFloat: boolean): BucketSide {
  const spans: BucketSpan[] = [];
  const buckets: number[] = [];
  let next = 0;
  let before = 0;
  for (const [index, count] of counts) {
    if (spans.length === 0 || index !== next) spans.push({ offset: index - next, length: 0 });
    spans[spans.length - 1]!.length++;
    buckets.push(isFloat ? count : count - before);
    before = count;
    next = index + 1;
  }
  return { spans, buckets };
}
