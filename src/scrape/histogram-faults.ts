import type { BucketSide, NativeHistogram } from '../model/index.js';

const CUSTOM = -53;

/** What is wrong with a native histogram, in the words of Prometheus (model/histogram, Validate); `undefined` = nothing. It fails the scrape. */
export function histogramFault(histogram: NativeHistogram): string | undefined {
  const { isFloat, negative, positive } = histogram;
  const fault = boundsFault(histogram) ?? sideFault('negative', negative) ?? sideFault('positive', positive);
  if (fault !== undefined) return fault;
  const sides = [countsOf(negative, isFloat), countsOf(positive, isFloat)];
  for (const counts of sides) {
    const place = counts.findIndex((count) => count < 0);
    if (place >= 0)
      return `bucket number ${place + 1} has observation count of ${counts[place]}: histogram has a bucket whose observation count is negative`;
  }
  // Sums of floats are not exact.
  return isFloat ? undefined : countFault(histogram, sides.flat());
}

function boundsFault({ schema, negative, zeroCount, customValues }: NativeHistogram): string | undefined {
  if (schema !== CUSTOM) return undefined;
  if (zeroCount !== 0 || negative.spans.length > 0 || negative.buckets.length > 0)
    return 'custom buckets: must have zero count of 0 and no negative buckets';
  const place = customValues.findIndex((bound, i) => i > 0 && !(bound > customValues[i - 1]!));
  return place < 0
    ? undefined
    : `custom buckets: upper bound number ${place + 1} is not above the one before`;
}

function sideFault(name: string, { spans, buckets }: BucketSide): string | undefined {
  const place = spans.findIndex(({ offset }, i) => i > 0 && offset < 0);
  if (place >= 0)
    return `${name} side: span number ${place + 1} with offset ${spans[place]!.offset}: histogram has a span whose offset is negative`;
  const needed = spans.reduce((sum, { length }) => sum + length, 0);
  if (needed === buckets.length) return undefined;
  return `${name} side: spans need ${needed} buckets, have ${buckets.length} buckets: histogram spans specify different number of buckets than provided`;
}

function countsOf({ buckets }: BucketSide, isFloat: boolean): number[] {
  let count = 0;
  return isFloat ? [...buckets] : buckets.map((delta) => (count += delta));
}

/** Observations of NaN are in no bucket, so that then there may be more of them. */
function countFault(
  { count, sum, zeroCount }: NativeHistogram,
  counts: readonly number[],
): string | undefined {
  const found = counts.reduce((total, bucket) => total + bucket, zeroCount);
  if (Number.isNaN(sum) ? found <= count : found === count) return undefined;
  const rule = Number.isNaN(sum)
    ? 'be at least the number of observations found in the buckets'
    : 'equal the number of observations found in the buckets (in absence of NaN)';
  return `${found} observations found in buckets, but the Count field is ${count}: histogram's observation count should ${rule}`;
}
