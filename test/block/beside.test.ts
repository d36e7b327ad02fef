import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Batch, type Exemplar, labelsOf, type NativeHistogram, SeriesTable } from '../../src/model/index.js';
import { decodeBeside, decodeWriteRequest } from '../receiver.js';
import { PLAIN, type RouteLook, stageOf } from './set-up.js';

const T = 1_700_000_000_000;
const EMPTY: NativeHistogram = {
  isFloat: false,
  schema: 0,
  count: 0,
  sum: 0,
  zeroThreshold: 0,
  zeroCount: 0,
  negative: { spans: [], buckets: [] },
  positive: { spans: [], buckets: [] },
  customValues: [],
  resetHint: 0,
};
const BOTH = { sendExemplars: true, sendNativeHistograms: true };

const exemplarOf = (id: string, value: number, timestampMs: number): Exemplar => ({
  labels: ['trace_id', id],
  value,
  timestampMs,
});

/** Encodes one batch of `m`, `n` and `h`, filled by `fill`. */
function encode(look: Partial<RouteLook>, fill: (batch: Batch, refs: number[]) => void) {
  const set = stageOf([{ ...PLAIN, ...look, name: 'd', batchSize: 1000, flushIntervalMs: 1000 }]);
  const table = new SeriesTable();
  const refs = ['m', 'n', 'h'].map((name) => table.add(name, labelsOf({ __name__: name, x: 'y' })));
  const batch = new Batch({ kind: 'scrape', id: 't' }, table, { plannedMs: 0, startedMs: 0, finishedMs: 0 });
  fill(batch, refs);
  set.stage.push(batch);
  set.stage.flush();
  const bodies = set.blocks.map(({ bytes }) => bytes);
  return {
    ...set,
    samples: bodies.flatMap(decodeWriteRequest).map((s) => `${s.labels.__name__} ${s.bits} ${s.timestampMs}`),
    exemplars: bodies.flatMap((body) => decodeBeside(body).exemplars),
    histograms: bodies.flatMap((body) => decodeBeside(body).histograms),
  };
}

test('histograms: what protobufjs reads by the published schema is what was pushed, zeros absent, counts there', () => {
  const f = (histogram: NativeHistogram, timestampMs: number, want: Record<string, unknown>) => {
    const got = encode(BOTH, (batch, refs) => batch.addHistogram(refs[2]!, histogram, timestampMs));
    assert.deepEqual(got.histograms, [{ labels: { __name__: 'h', x: 'y' }, timestampMs, fields: want }]);
    assert.deepEqual(got.samples, []);
    assert.equal(got.blocks[0]!.samples, 1);
    assert.deepEqual([got.blocks[0]!.minMs, got.blocks[0]!.maxMs], [timestampMs, timestampMs]);
  };
  // both counts are there though they are zero, nothing else is
  f(EMPTY, T, { countInt: 0, zeroCountInt: 0 });
  f({ ...EMPTY, isFloat: true }, T, { countFloat: 0, zeroCountFloat: 0 });
  // everything
  f(
    {
      ...EMPTY,
      schema: 3,
      count: 2 ** 52 + 1,
      sum: -1.5,
      zeroThreshold: 2.938735877055719e-39,
      zeroCount: 7,
      negative: { spans: [{ offset: -4, length: 1 }], buckets: [3] },
      positive: {
        spans: [
          { offset: 0, length: 2 },
          { offset: 300, length: 1 },
        ],
        buckets: [5, -3, 2 ** 40],
      },
      resetHint: 2,
    },
    T,
    {
      countInt: 2 ** 52 + 1,
      sum: -1.5,
      schema: 3,
      zeroThreshold: 2.938735877055719e-39,
      zeroCountInt: 7,
      negativeSpans: [{ offset: -4, length: 1 }],
      negativeDeltas: [3],
      positiveSpans: [{ length: 2 }, { offset: 300, length: 1 }],
      positiveDeltas: [5, -3, 2 ** 40],
      resetHint: 2,
    },
  );
  f(
    {
      ...EMPTY,
      isFloat: true,
      schema: -4,
      count: 0.5,
      sum: Infinity,
      positive: { spans: [{ offset: 1, length: 2 }], buckets: [0.25, 0] },
      resetHint: 3,
    },
    -5,
    {
      countFloat: 0.5,
      sum: Infinity,
      schema: -4,
      zeroCountFloat: 0,
      positiveSpans: [{ offset: 1, length: 2 }],
      positiveCounts: [0.25, 0],
      resetHint: 3,
    },
  );
});

test('histograms: any of them comes out as it went in', () => {
  const side = fc.record({
    spans: fc.array(fc.record({ offset: fc.integer(), length: fc.nat() }, { noNullPrototype: true }), {
      maxLength: 4,
    }),
    buckets: fc.array(fc.maxSafeInteger(), { maxLength: 8 }),
  });
  const histogram = fc.record({
    isFloat: fc.boolean(),
    schema: fc.integer({ min: -4, max: 8 }),
    count: fc.maxSafeNat(),
    sum: fc.double({ noNaN: true }),
    zeroThreshold: fc.double({ noNaN: true }),
    zeroCount: fc.maxSafeNat(),
    negative: side,
    positive: side,
    customValues: fc.constant([]),
    resetHint: fc.constantFrom(0 as const, 1 as const, 2 as const, 3 as const),
  });
  fc.assert(
    fc.property(histogram, fc.integer({ min: -(2 ** 45), max: 2 ** 45 }), (given, timestampMs) => {
      const got = encode(BOTH, (batch, refs) => batch.addHistogram(refs[2]!, given, timestampMs));
      const [{ fields, timestampMs: gotMs }] = got.histograms as [(typeof got.histograms)[0]];
      const kind = given.isFloat ? 'Float' : 'Int';
      assert.equal(gotMs || 0, timestampMs || 0);
      assert.deepEqual(
        [fields[`count${kind}`], fields[`zeroCount${kind}`], fields.schema ?? 0, fields.resetHint ?? 0],
        [given.count, given.zeroCount, given.schema, given.resetHint],
      );
      assert.deepEqual(
        [fields.sum ?? 0, fields.zeroThreshold ?? 0],
        [given.sum + 0, given.zeroThreshold + 0],
      );
      for (const name of ['negative', 'positive'] as const) {
        const spans = (fields[`${name}Spans`] ?? []) as Partial<{ offset: number; length: number }>[];
        assert.deepEqual(
          spans.map(({ offset = 0, length = 0 }) => ({ offset, length })),
          given[name].spans,
        );
        const buckets = fields[`${name}${given.isFloat ? 'Counts' : 'Deltas'}`] ?? [];
        assert.deepEqual(buckets, given[name].buckets);
      }
    }),
    { numRuns: 200 },
  );
});

test('exemplars: they stand beside their sample, also beside a histogram', () => {
  const got = encode(BOTH, (batch, [m, n, h]) => {
    batch.add(m!, 1, T);
    batch.add(n!, 2, 5);
    batch.addHistogram(h!, { ...EMPTY, count: 9 }, T);
    batch.addStale(m!, T);
    batch.exemplars = new Map([
      [0, [exemplarOf('a', 0.5, T - 1), exemplarOf('b', 0, 0)]],
      [1, [exemplarOf('c', -1, T)]],
      [2, [exemplarOf('d', 4, T)]],
    ]);
  });
  assert.deepEqual(got.samples, [
    `m 3ff0000000000000 ${T}`,
    'n 4000000000000000 5',
    `m 7ff0000000000002 ${T}`,
  ]);
  assert.deepEqual(
    got.exemplars.map((e) => [e.series.__name__, e.labels.trace_id, e.value, e.timestampMs]),
    [
      ['m', 'a', 0.5, T - 1],
      ['m', 'b', 0, 0],
      ['n', 'c', -1, T],
      ['h', 'd', 4, T],
    ],
  );
  assert.equal(got.histograms[0]!.fields.countInt, 9);
  assert.equal(got.blocks[0]!.samples, 4);
  const route = '{route="1000/1s/exemplars/histograms"}';
  assert.equal(got.metric(`sentinel_block_exemplars_in_total${route}`), 4);
  assert.equal(got.metric(`sentinel_block_exemplars_out_total${route}`), 4);
  assert.equal(got.metric(`sentinel_block_exemplars_pending${route}`), 0);
});

test('a route that does not want them gets neither, and counts both', () => {
  const fill = (batch: Batch, [m, n, h]: number[]) => {
    batch.add(m!, 1, T);
    batch.addHistogram(h!, EMPTY, T);
    batch.addHistogram(n!, { ...EMPTY, schema: -53, customValues: [1] }, T);
    batch.exemplars = new Map([
      [0, [exemplarOf('a', 1, T)]],
      [1, [exemplarOf('b', 1, T), exemplarOf('c', 1, T)]],
    ]);
  };
  const plain = encode({}, fill);
  assert.deepEqual(plain.samples, [`m 3ff0000000000000 ${T}`]);
  assert.deepEqual([...plain.exemplars, ...plain.histograms], []);
  const drops = (route: string, what: string, reason: string) =>
    `sentinel_block_${what}_dropped_total{route="${route}",reason="${reason}"}`;
  assert.equal(plain.metric(drops('1000/1s', 'samples', 'histogram')), 2);
  assert.equal(plain.metric(drops('1000/1s', 'exemplars', 'unwanted')), 3);
  assert.equal(plain.metric('sentinel_block_samples_in_total{route="1000/1s"}'), 3);
  assert.equal(plain.metric('sentinel_block_samples_out_total{route="1000/1s"}'), 1);
  // Histograms with custom buckets cannot be said in remote write 1.0.
  const histograms = encode({ sendNativeHistograms: true }, fill);
  assert.equal(histograms.histograms.length, 1);
  // An exemplar goes the way of its sample.
  const exemplars = encode({ sendExemplars: true }, fill);
  assert.equal(exemplars.exemplars.length, 1);
  assert.equal(exemplars.metric(drops('1000/1s/exemplars', 'exemplars', 'histogram')), 2);
  assert.equal(histograms.metric(drops('1000/1s/histograms', 'samples', 'custom_buckets')), 1);
});

test('the stale marker of a histogram is a sample, also for a route without histograms', () => {
  const got = encode({}, (batch, [, , h]) => {
    batch.addHistogram(h!, EMPTY, T);
    batch.addStale(h!, T + 1);
  });
  assert.deepEqual(got.samples, [`h 7ff0000000000002 ${T + 1}`]);
});

test('a NaN in a histogram or an exemplar is never a stale marker', () => {
  const staleNan = new Float64Array(new BigUint64Array([0x7ff0000000000002n]).buffer)[0]!;
  const got = encode(BOTH, (batch, [m, , h]) => {
    batch.add(m!, 1, T);
    batch.addHistogram(h!, { ...EMPTY, sum: staleNan }, T);
    batch.exemplars = new Map([[0, [exemplarOf('a', staleNan, T)]]]);
  });
  const bits = (value: unknown) =>
    new BigUint64Array(new Float64Array([value as number]).buffer)[0]!.toString(16);
  assert.equal(bits(got.histograms[0]!.fields.sum), '7ff8000000000000');
  assert.equal(bits(got.exemplars[0]!.value), '7ff8000000000000');
});

test('exemplars count for the batch size', () => {
  const { stage, blocks, push } = stageOf([
    { ...PLAIN, ...BOTH, name: 'd', batchSize: 4, flushIntervalMs: 1000 },
  ]);
  push({ a: 1, b: 2, c: 3 }, (batch) => {
    batch.exemplars = new Map([0, 1, 2].map((i) => [i, [exemplarOf(String(i), 1, T)]]));
  });
  stage.flush();
  assert.deepEqual(
    blocks.map(({ samples }) => samples),
    [2, 1],
  );
});
