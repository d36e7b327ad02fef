import assert from 'node:assert/strict';
import test from 'node:test';
import type { BucketSide, NativeHistogram } from '../../src/model/index.js';
import { histogramFault } from '../../src/scrape/histogram-faults.js';
import { atSchema, schemaOfFactor, withinBuckets } from '../../src/scrape/histogram-resolution.js';

const NONE: BucketSide = { spans: [], buckets: [] };

function histogramOf(changes: Partial<NativeHistogram>): NativeHistogram {
  return {
    isFloat: false,
    schema: 0,
    count: 0,
    sum: 0,
    zeroThreshold: 0,
    zeroCount: 0,
    negative: NONE,
    positive: NONE,
    customValues: [],
    resetHint: 0,
    ...changes,
  };
}

/** `offset+length offset+length: bucket bucket`. */
function side(text: string): BucketSide {
  const [spans = '', buckets = ''] = text.split(':');
  const numbers = (list: string) =>
    list
      .trim()
      .split(/\s+/)
      .filter((word) => word !== '');
  return {
    spans: numbers(spans).map((span) => {
      const [offset, length] = span.split('+').map(Number);
      return { offset: offset!, length: length! };
    }),
    buckets: numbers(buckets).map(Number),
  };
}

const text = ({ spans, buckets }: BucketSide) =>
  `${spans.map(({ offset, length }) => `${offset}+${length}`).join(' ')}: ${buckets.join(' ')}`;

test('a coarser schema', () => {
  const f = (positive: string, schema: number, want: string, isFloat = false) => {
    const histogram = histogramOf({ schema: 2, positive: side(positive), isFloat });
    assert.equal(text(atSchema(histogram, schema).positive), want);
  };

  // buckets 1 2 3 4 with counts 1 2 3 4: 1 and 2 become 1, 3 and 4 become 2
  f('1+4: 1 1 1 1', 1, '1+2: 3 4');
  // one step more: all of them become 1
  f('1+4: 1 1 1 1', 0, '1+1: 10');
  // 0 is the upper one of its pair (-1, 0)
  f('-1+3: 5 -1 -1', 1, '0+2: 9 -6');
  // a gap that stays one: 1, 2 and 7, 8
  f('1+2 4+2: 1 1 1 1', 1, '1+1 2+1: 3 4');
  // a gap that closes: 1 and 3
  f('1+1 1+1: 2 3', 1, '1+2: 2 3');
  // a gap within one bucket: 1 and 4 of schema 2 are in bucket 1 of schema 0
  f('1+1 2+1: 2 3', 0, '1+1: 7');
  // an empty bucket stays
  f('1+3: 0 0 4', 1, '1+2: 0 4');
  // floats are counts, no differences
  f('1+4: 0.5 1.5 2 3', 1, '1+2: 2 5', true);
  f('', 0, ': ');
  // as coarse already
  f('1+2: 1 1', 2, '1+2: 1 1');
  assert.equal(atSchema(histogramOf({ schema: -53 }), -4).schema, -53);
});

test('both sides become coarser, and nothing else changes', () => {
  const sides = { negative: side('1+2: 1 1'), positive: side('2+1: 4') };
  const fine = histogramOf({ schema: 3, count: 9, sum: 2.5, zeroCount: 2, zeroThreshold: 0.1, ...sides });
  const want = { schema: 2, negative: side('1+1: 3'), positive: side('1+1: 4') };
  assert.deepEqual(atSchema(fine, 2), { ...fine, ...want });
});

test('as many buckets as allowed', () => {
  const fine = histogramOf({ schema: 1, positive: side('1+4: 1 0 0 0'), negative: side('1+2: 1 0') });
  assert.equal(withinBuckets(fine, 6), fine);
  assert.equal(withinBuckets(fine, 5)?.schema, 0);
  assert.equal(withinBuckets(fine, 2)?.schema, -1);
  // two sides need two buckets
  assert.equal(withinBuckets(fine, 1), undefined);
  const custom = histogramOf({ schema: -53, positive: side('0+3: 1 0 0') });
  assert.equal(withinBuckets(custom, 2), undefined);
  assert.equal(withinBuckets(custom, 3), custom);
});

test('the schema of a factor', () => {
  const f = (factor: number, want: number) => assert.equal(schemaOfFactor(factor), want, `${factor}`);
  f(0, 8);
  f(1, 8);
  f(1.00271, 8);
  // 2^(1/8) = 1.0905: too small
  f(1.1, 2);
  f(1.09, 3);
  f(2, 0);
  f(4, -1);
  f(65_536, -4);
  f(1e30, -4);
});

test('what is wrong with a histogram', () => {
  const f = (changes: Partial<NativeHistogram>, want: RegExp | undefined) => {
    const fault = histogramFault(histogramOf(changes));
    if (want === undefined) assert.equal(fault, undefined);
    else assert.match(fault ?? '', want);
  };

  f({ count: 5, zeroCount: 2, positive: side('0+2: 1 1') }, undefined);
  f(
    { count: 6, zeroCount: 2, positive: side('0+2: 1 1') },
    /^5 observations found in buckets, but the Count field is 6/,
  );
  f({ count: 6, sum: NaN, zeroCount: 2, positive: side('0+2: 1 1') }, undefined);
  f({ count: 4, sum: NaN, zeroCount: 2, positive: side('0+2: 1 1') }, /should be at least/);
  f({ count: 6.5, isFloat: true, positive: side('0+2: 1 1') }, undefined);
  f({ positive: side('0+2: 1') }, /positive side: spans need 2 buckets, have 1 buckets/);
  f({ negative: side('0+1 -1+1: 1 1') }, /negative side: span number 2 with offset -1/);
  f({ positive: side('0+2: 1 -2') }, /bucket number 2 has observation count of -1/);
  f({ schema: -53, customValues: [1, 1], count: 1, positive: side('0+1: 1') }, /upper bound number 2/);
  f({ schema: -53, customValues: [1], count: 1, zeroCount: 1 }, /zero count of 0/);
});
