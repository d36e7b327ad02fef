import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { compress } from 'snappyjs';
import { Encoder } from '../../src/block/encoder.js';
import { withAbsent } from '../../src/block/label-bytes.js';
import type { Labelling } from '../../src/block/labelling.js';
import { Batch, compareBytes, labelsOf, SeriesTable } from '../../src/model/index.js';
import { decodeWriteRequest, type ReceivedSample } from '../receiver.js';
import { NO_DROPS } from './set-up.js';

const TIMES = { plannedMs: 0, startedMs: 0, finishedMs: 0 };

/** Of any names, also those that a receiver would not take. */
function encoderOf(external: Record<string, string>): Encoder {
  const stage = Symbol('test');
  const labelling: Labelling = {
    decide: (labels) => withAbsent(labels, labelsOf(external)),
    columnOf: (table) => table.bytes(stage),
    lenderOf: () => undefined,
  };
  return new Encoder(labelling, { exemplars: false, histograms: false }, NO_DROPS);
}

function encode(batch: Batch, external: Record<string, string> = {}, encoder = encoderOf(external)) {
  encoder.append(batch, 0, Infinity);
  return decodeWriteRequest(compress(encoder.bytes()));
}

function batchOf(
  ...samples: [labels: Record<string, string>, value: number | 'stale', timestampMs: number][]
) {
  const table = new SeriesTable();
  const batch = new Batch({ kind: 'task', id: 't' }, table, TIMES, 1);
  for (const [labels, value, timestampMs] of samples) {
    const key = JSON.stringify(labels);
    const ref = table.find(key) ?? table.add(key, labelsOf(labels));
    if (value === 'stale') batch.addStale(ref, timestampMs);
    else batch.add(ref, value, timestampMs);
  }
  return batch;
}

const brief = (samples: ReceivedSample[]) => samples.map((s) => [s.labels, s.value, s.timestampMs]);

test('encoder: what protobufjs reads is what was pushed', () => {
  const f = (...samples: [Record<string, string>, number, number][]) =>
    assert.deepEqual(brief(encode(batchOf(...samples))), samples);

  f([{ __name__: 'up' }, 1, 1_700_000_000_000]);
  // several samples, series and timestamps
  f(
    [{ __name__: 'a' }, 0, 1],
    [{ __name__: 'b', x: 'y' }, -1.5, 1_700_000_000_001],
    [{ __name__: 'a' }, 2, 3],
  );
  // values at the edges
  f(
    [{ a: '1' }, Infinity, 1e12],
    [{ a: '1' }, -Infinity, 1e12],
    [{ a: '1' }, -0, 1e12],
    [{ a: '1' }, 5e-324, 1e12],
  );
  // timestamps whose varint is shorter, longer, or ten bytes
  f(
    [{ a: '1' }, 1, 0],
    [{ a: '1' }, 2, 127],
    [{ a: '1' }, 3, 2 ** 42 - 1],
    [{ a: '1' }, 4, 2 ** 42],
    [{ a: '1' }, 5, -1],
  );
  // timestamps that an int64 does not hold go to its edge, and come to an end
  const g = (timestampMs: number, want: number) =>
    assert.equal(encode(batchOf([{ a: '1' }, 1, timestampMs]))[0]!.timestampMs, want);
  for (const timestampMs of [2 ** 63, 1e300, Infinity]) g(timestampMs, 2 ** 63 - 1024);
  for (const timestampMs of [-(2 ** 63), -1e300, -Infinity]) g(timestampMs, -(2 ** 63));
  g(NaN, 0);
  // labels beyond ASCII
  f([{ __name__: 'é', 日本: '😀', empty_not: ' ' }, 1, 1e12]);
  // a label longer than the first buffer
  f([{ long: 'x'.repeat(100_000) }, 1, 1e12], [{ a: '1' }, 1, 1e12]);
});

test('encoder: any labels, values and timestamps come out as they went in', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
  const sample = fc.record({
    labels: fc.dictionary(text, text, { minKeys: 1, maxKeys: 6, noNullPrototype: true }),
    value: fc.double({ noNaN: true }),
    timestampMs: fc.integer({ min: -(2 ** 45), max: 2 ** 45 }),
  });
  fc.assert(
    fc.property(fc.array(sample, { minLength: 1, maxLength: 20 }), (samples) => {
      const got = encode(
        batchOf(
          ...samples.map(
            (s) => [s.labels, s.value, s.timestampMs] as [Record<string, string>, number, number],
          ),
        ),
      );
      assert.deepEqual(
        brief(got),
        samples.map((s) => [s.labels, s.value, s.timestampMs]),
      );
      for (const { names } of got) assert.deepEqual(names, [...names].sort(compareBytes));
    }),
    { numRuns: 200 },
  );
});

test('encoder: a stale marker is a flag, and never made of a NaN', () => {
  const staleNan = new Float64Array(new BigUint64Array([0x7ff0000000000002n]).buffer)[0]!;
  const got = encode(
    batchOf([{ a: '1' }, 'stale', 1e12], [{ a: '1' }, Number.NaN, 1e12], [{ a: '1' }, staleNan, 1e12]),
  );
  assert.deepEqual(
    got.map((s) => s.bits),
    ['7ff0000000000002', '7ff8000000000001', '7ff8000000000001'],
  );
});

test('encoder: external labels are added where absent, all sorted by bytes', () => {
  const f = (labels: Record<string, string>, external: Record<string, string>, want: string) => {
    const [sample] = encode(batchOf([labels, 1, 1e12]), external);
    assert.equal(sample!.names.map((name) => `${name}=${sample!.labels[name]}`).join(' '), want);
  };
  f({ __name__: 'up' }, {}, '__name__=up');
  f({ __name__: 'up', job: 'a' }, { site: 'x' }, '__name__=up job=a site=x');
  f({ __name__: 'up', job: 'a' }, { Zone: 'x', dc: 'y' }, 'Zone=x __name__=up dc=y job=a');
  // the series' own value counts
  f({ __name__: 'up', site: 'own' }, { site: 'x', a: '1' }, '__name__=up a=1 site=own');
  // an empty external label is absent
  f({ __name__: 'up' }, { site: '' }, '__name__=up');
  // bytes, not code units: U+FF21 comes before U+1F600
  f({ '😀': '2', Ａ: '1' }, {}, 'Ａ=1 😀=2');
});

test('encoder: a lone surrogate does not make the request unreadable', () => {
  const [sample] = encode(batchOf([{ a: 'x\ud800y' }, 1, 1e12]));
  assert.equal(sample!.labels.a, 'x\ufffdy');
});

test('encoder: a ref that is given to another series loses the old labels', () => {
  const table = new SeriesTable();
  const encoder = encoderOf({});
  const first = table.add('a', labelsOf({ a: '1' }));
  const one = new Batch({ kind: 'task', id: 't' }, table, TIMES);
  one.add(first, 1, 1e12);
  assert.deepEqual(encode(one, {}, encoder)[0]!.labels, { a: '1' });
  table.remove(first);
  const second = table.add('b', labelsOf({ b: '2' }));
  assert.equal(second, first);
  const two = new Batch({ kind: 'task', id: 't' }, table, TIMES);
  two.add(second, 1, 1e12);
  encoder.clear();
  assert.deepEqual(encode(two, {}, encoder)[0]!.labels, { b: '2' });
});
