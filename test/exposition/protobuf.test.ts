import assert from 'node:assert/strict';
import test from 'node:test';
import { type HistogramForms, parseExposition } from '../../src/exposition/index.js';
import { labelPairs, PROTOBUF_TYPE, protobufPage } from './protobuf-page.js';
import { render } from './render.js';

function f(family: object, want: readonly string[], histograms?: HistogramForms): void {
  assert.deepEqual(render(protobufPage(family), 'protobuf', histograms), want);
}

function fault(page: Uint8Array, want: RegExp): void {
  assert.throws(() => render(page, 'protobuf'), { code: 'SEN_EXPOSITION_INVALID', message: want });
}

test('protobuf: counters, gauges and untyped ones', () => {
  f(
    {
      name: 'c_total',
      help: 'Some help.',
      type: 'COUNTER',
      unit: 'total',
      metric: [
        {
          label: labelPairs({ b: '2', a: '1' }),
          counter: {
            value: 3,
            exemplar: {
              label: labelPairs({ id: 'x' }),
              value: 0.5,
              timestamp: { seconds: 10, nanos: 5_999_999 },
            },
          },
        },
        { counter: { value: 4 }, timestamp_ms: 1234 },
      ],
    },
    [
      'HELP c_total "Some help."',
      'UNIT c_total "total"',
      'TYPE c_total counter',
      'c_total{a="1",b="2"} 3 # {id="x"} 0.5 @10005',
      'c_total 4 @1234',
    ],
  );
  f({ name: 'g', type: 'GAUGE', metric: [{ gauge: { value: -0.5 } }] }, [
    'HELP g ""',
    'TYPE g gauge',
    'g -0.5',
  ]);
  f({ name: 'u', type: 'UNTYPED', metric: [{ untyped: { value: NaN } }] }, [
    'HELP u ""',
    'TYPE u unknown',
    'u NaN',
  ]);
});

test('protobuf: a family without metrics gives nothing', () => {
  f({ name: 'c', help: 'x', type: 'COUNTER' }, []);
});

test('protobuf: a summary, quantiles behind count and sum', () => {
  f(
    {
      name: 's',
      type: 'SUMMARY',
      metric: [
        {
          summary: {
            sample_count: 2,
            sample_sum: 3.5,
            quantile: [
              { quantile: 0.5, value: 1 },
              { quantile: 1, value: 2 },
            ],
          },
        },
      ],
    },
    ['HELP s ""', 'TYPE s summary', 's_count 2', 's_sum 3.5', 's{quantile="0.5"} 1', 's{quantile="1.0"} 2'],
  );
});

const CLASSIC = {
  sample_count: 7,
  sample_sum: 1.5,
  bucket: [
    { cumulative_count: 2, upper_bound: 0.5, exemplar: { label: labelPairs({ id: 'x' }), value: 0.1 } },
    { cumulative_count: 5, upper_bound: 1 },
  ],
};
const CLASSIC_LINES = [
  'h_count 7',
  'h_sum 1.5',
  'h_bucket{le="0.5"} 2 # {id="x"} 0.1',
  'h_bucket{le="1.0"} 5',
  'h_bucket{le="+Inf"} 7',
];
const NATIVE = {
  ...CLASSIC,
  schema: 3,
  zero_threshold: 0.001,
  zero_count: 1,
  positive_span: [
    { offset: 0, length: 2 },
    { offset: 3, length: 1 },
  ],
  positive_delta: [2, -1, 3],
  negative_span: [{ offset: -2, length: 1 }],
  negative_delta: [1],
};
const family = (histogram: object, type = 'HISTOGRAM') => ({ name: 'h', type, metric: [{ histogram }] });

test('protobuf: classic histograms; the last bucket is added', () => {
  f(family(CLASSIC), ['HELP h ""', 'TYPE h histogram', ...CLASSIC_LINES]);
  f(family(CLASSIC), ['HELP h ""', 'TYPE h histogram', ...CLASSIC_LINES], 'native');
  f(family({ ...CLASSIC, sample_count_float: 7.5 }, 'GAUGE_HISTOGRAM'), [
    'HELP h ""',
    'TYPE h gaugehistogram',
    'h_count 7.5',
    ...CLASSIC_LINES.slice(1, -1),
    'h_bucket{le="+Inf"} 7.5',
  ]);
});

test('protobuf: native histograms of whole numbers and of floats', () => {
  const whole = {
    isFloat: false,
    schema: 3,
    count: 7,
    sum: 1.5,
    zeroThreshold: 0.001,
    zeroCount: 1,
    negative: { spans: [{ offset: -2, length: 1 }], buckets: [1] },
    positive: {
      spans: [
        { offset: 0, length: 2 },
        { offset: 3, length: 1 },
      ],
      buckets: [2, -1, 3],
    },
    customValues: [],
    resetHint: 0,
  };
  const head = ['HELP h ""', 'TYPE h histogram'];
  f(family(NATIVE), [...head, ...CLASSIC_LINES]);
  f(family(NATIVE), [...head, `h ${JSON.stringify(whole)}`], 'native');
  f(family(NATIVE), [...head, `h ${JSON.stringify(whole)}`, ...CLASSIC_LINES], 'both');
  const float = {
    sample_count_float: 4.5,
    zero_count_float: 1.5,
    sample_sum: 2,
    positive_span: [{ offset: 1, length: 1 }],
    positive_count: [3],
  };
  f(
    family(float, 'GAUGE_HISTOGRAM'),
    [
      'HELP h ""',
      'TYPE h gaugehistogram',
      `h ${JSON.stringify({
        ...whole,
        isFloat: true,
        schema: 0,
        count: 4.5,
        sum: 2,
        zeroThreshold: 0,
        zeroCount: 1.5,
        negative: { spans: [], buckets: [] },
        positive: { spans: [{ offset: 1, length: 1 }], buckets: [3] },
        resetHint: 3,
      })}`,
    ],
    'native',
  );
});

test('protobuf: what is malformed fails the page', () => {
  const good = protobufPage(family(NATIVE));
  for (let length = 1; length < good.length; length++) fault(good.subarray(0, length), /^byte \d+: /);
  fault(Buffer.from('not protobuf at all'), /^byte 0: /);
  fault(protobufPage({ name: '', type: 'GAUGE', metric: [{ gauge: { value: 1 } }] }), /has no name/);
  fault(
    protobufPage(family({ positive_span: [{ offset: 0, length: 2 }], positive_delta: [1] })),
    /positive side: spans require 2 buckets, have 1/,
  );
  fault(
    protobufPage({
      name: 'g',
      type: 'GAUGE',
      metric: [{ label: [{ name: '', value: 'x' }], gauge: { value: 1 } }],
    }),
    /label name/,
  );
  fault(
    protobufPage({
      name: 'g',
      type: 'GAUGE',
      metric: [
        {
          label: [
            { name: 'a', value: '1' },
            { name: 'a', value: '2' },
          ],
          gauge: {},
        },
      ],
    }),
    /not unique/,
  );
  fault(protobufPage({ name: 'g', type: 'GAUGE', metric: [{ counter: { value: 1 } }] }), /another type/);
});

test('protobuf: the keys of a page tell its series apart, and the next page finds them', async () => {
  const page = protobufPage(family(NATIVE), {
    name: 'g',
    type: 'GAUGE',
    metric: [
      { label: labelPairs({ a: '1' }), gauge: { value: 1 } },
      { label: labelPairs({ a: '2' }), gauge: { value: 2 } },
    ],
  });
  const { samples, repeated } = await parseExposition(page, PROTOBUF_TYPE);
  assert.equal(repeated, 0);
  assert.deepEqual(samples.at(-1), { name: 'g', labels: { a: '2' }, value: 2 });
  assert.equal(samples.length, 7);
});
