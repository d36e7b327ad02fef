import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { createParser, type ExpositionFormat, ExpositionReader } from '../../src/exposition/index.js';
import { nodePage } from './page.js';
import { PAGES } from './pages.js';
import { labelPairs, protobufPage } from './protobuf-page.js';

// Foreign bytes: a typed error is fine, anything else is not. A page that is found here becomes a line of text.test.ts or openmetrics.test.ts.

const PROTOBUF_PAGE = protobufPage(
  {
    name: 'c',
    help: 'h',
    type: 'COUNTER',
    unit: 'u',
    metric: [{ label: labelPairs({ a: '1' }), counter: { value: 1 } }],
  },
  {
    name: 's',
    type: 'SUMMARY',
    metric: [{ summary: { sample_count: 1, quantile: [{ quantile: 0.5, value: 1 }] } }],
  },
  {
    name: 'h',
    type: 'HISTOGRAM',
    metric: [
      {
        histogram: {
          sample_count: 3,
          bucket: [
            { cumulative_count: 2, upper_bound: 1, exemplar: { value: 1, timestamp: { seconds: 1 } } },
          ],
          schema: 2,
          zero_count: 1,
          positive_span: [{ offset: 0, length: 2 }],
          positive_delta: [1, 1],
        },
        timestamp_ms: 5,
      },
    ],
  },
);
const FORMATS = ['text', 'openmetrics', 'protobuf'] as const;

const SEEDS: readonly Buffer[] = [
  ...PAGES.map(({ body }) => body),
  nodePage(2000),
  PROTOBUF_PAGE,
  PROTOBUF_PAGE,
];

/** Bytes that mean something to a parser. */
const TELLING = Buffer.from('{}"\\,=# \t\n\r\0:_aZ09.+-eENI\xff\xc3\x80', 'latin1');

interface Mutation {
  kind: 'set' | 'insert' | 'remove' | 'repeat' | 'cut';
  at: number;
  byte: number;
  length: number;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom('set', 'insert', 'remove', 'repeat', 'cut'),
  at: fc.nat(),
  byte: fc.oneof(fc.constantFrom(...TELLING), fc.nat(255)),
  length: fc.integer({ min: 1, max: 20 }),
});

function mutate(page: Buffer, { kind, at, byte, length }: Mutation): Buffer {
  const i = page.length === 0 ? 0 : at % page.length;
  const end = Math.min(page.length, i + length);
  const join = (...parts: Uint8Array[]) => Buffer.concat(parts);
  switch (kind) {
    case 'set':
      return join(page.subarray(0, i), Buffer.of(byte), page.subarray(i + 1));
    case 'insert':
      return join(page.subarray(0, i), Buffer.of(byte), page.subarray(i));
    case 'remove':
      return join(page.subarray(0, i), page.subarray(end));
    case 'repeat':
      return join(page.subarray(0, end), page.subarray(i));
    case 'cut':
      return page.subarray(0, i);
  }
}

const mutated = fc
  .tuple(fc.constantFrom(...SEEDS), fc.array(mutation, { minLength: 1, maxLength: 6 }))
  .map(([seed, mutations]) => mutations.reduce(mutate, seed));

/** Pulls the whole page, and checks what every entry promises. Gives the number of samples, or the message of the typed error. */
function pull(page: Buffer, format: ExpositionFormat): number | string {
  const parser = createParser(page, format, 'both');
  let samples = 0;
  let before = -1;
  try {
    for (let entry = parser.next(); entry !== 'end'; entry = parser.next()) {
      assert.ok(parser.position > before, 'every entry goes on');
      before = parser.position;
      if (entry !== 'series' && entry !== 'histogram') continue;
      samples++;
      assert.equal(parser.histogram !== undefined, entry === 'histogram');
      assert.notEqual(parser.seriesKey(), '');
      const { name, labels } = parser.series();
      assert.notEqual(name, '');
      for (let i = 2; i < labels.length; i += 2) assert.notEqual(labels[i], labels[i - 2]);
      for (let i = 0; i < labels.length; i += 2) assert.notEqual(labels[i], '');
      if (parser.hasTimestamp) assert.ok(Number.isInteger(parser.timestampMs));
    }
    return samples;
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'SEN_EXPOSITION_INVALID', String((error as Error).stack));
    assert.match((error as Error).message, /^((line|byte) \d+|family [ -~]+): [ -~]+$/);
    return (error as Error).message;
  }
}

test('fuzz: mutated pages are read or refused', () => {
  fc.assert(
    fc.property(mutated, fc.constantFrom<ExpositionFormat>(...FORMATS), (page, format) => {
      const copy = Buffer.from(page);
      const result = pull(page, format);
      assert.ok(page.equals(copy), 'the page is not changed');
      assert.equal(pull(copy, format), result, 'the same page gives the same');
    }),
    { numRuns: 20_000 },
  );
});

test('fuzz: any bytes are read or refused', () => {
  const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
  const telling = fc.array(fc.constantFrom(...TELLING), { maxLength: 60 }).map((array) => Buffer.from(array));
  fc.assert(
    fc.property(fc.oneof(bytes, telling), fc.constantFrom<ExpositionFormat>(...FORMATS), (page, format) => {
      pull(page, format);
    }),
    { numRuns: 20_000 },
  );
});

test('fuzz: a reader that knows other pages gives what a fresh one gives', async () => {
  const contentType = fc.constantFrom('text/plain', 'application/openmetrics-text');
  await fc.assert(
    fc.asyncProperty(contentType, fc.array(mutated, { minLength: 2, maxLength: 5 }), async (type, pages) => {
      // The type of a family decides how bounds are written, and a reader keeps what it wrote first (as Prometheus does): take TYPE lines away.
      const plain = pages.map((page) =>
        Buffer.from(page.toString('latin1').replaceAll('TYPE', 'TIPE'), 'latin1'),
      );
      const kept = new ExpositionReader();
      for (const page of plain) {
        const read = (reader: ExpositionReader) =>
          reader.read(page, type).catch((error: Error) => error.message);
        assert.deepEqual(await read(kept), await read(new ExpositionReader()));
      }
    }),
    { numRuns: 1000 },
  );
});
