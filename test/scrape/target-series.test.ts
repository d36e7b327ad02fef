import assert from 'node:assert/strict';
import test from 'node:test';
import { labelPairs, PROTOBUF_TYPE, protobufPage } from '../exposition/protobuf-page.js';
import { type Changes, configOf, TestTarget } from './series-set-up.js';

const OPENMETRICS = 'application/openmetrics-text';

test('a text without a timestamp that stands twice: the first counts, the others are counted', async () => {
  const target = new TestTarget();
  assert.deepEqual(await target.scrape(0, 'a 1; a 2; b 3; a 4'), ['a 1 @0', 'b 3 @0']);
  assert.equal(target.counts, '1 4 4 2');
  assert.equal(target.last.duplicates, 2);
});

test('with timestamps all are taken; older than before, or far ahead, is left out softly', async () => {
  const target = new TestTarget();
  const at = (second: number) => 1_700_000_000_000 + second * 1000;
  assert.deepEqual(await target.scrape(0, `a 1 ${at(0)}; a 2 ${at(1)}; a 3 ${at(-1)}`), [
    'a 1 @0',
    'a 2 @1',
    'a 3 @-1',
  ]);
  assert.deepEqual(await target.scrape(10, `a 1 ${at(1)}; a 2 ${at(0)}; a 3 ${at(2)}`), ['a 3 @2']);
  assert.equal(target.last.outOfOrder, 2);
  assert.deepEqual(await target.scrape(20, `a 1 ${at(620)}; b 1 ${at(621)}`), ['a 1 @620']);
  assert.equal(target.last.outOfBounds, 1);
  assert.equal(target.counts, '1 2 2 0');
});

test('other texts of the same labels are not found out: both samples go on', async () => {
  const target = new TestTarget();
  assert.deepEqual(await target.scrape(0, 'a{b="1",c="2"} 1; a{c="2",b="1"} 2'), [
    'a{b="1",c="2"} 1 @0',
    'a{b="1",c="2"} 2 @0',
  ]);
  assert.equal(target.series.seriesCount, 1);
  assert.deepEqual(await target.scrape(10, 'a{c="2",b="1"} 2'), ['a{b="1",c="2"} 2 @10']);
  assert.deepEqual(await target.scrape(20, 'x 1'), ['x 1 @20', 'a{b="1",c="2"} stale @20']);
});

test('an exposed series of a report name comes first, and neither is changed', async () => {
  const target = new TestTarget({ full: true, labels: [] });
  const lines = await target.scrape(0, 'up 7');
  assert.deepEqual(
    lines.filter((line) => line.startsWith('up')),
    ['up 7 @0', 'up 1 @0'],
  );
  const without = await target.scrape(10, 'a 1');
  assert.deepEqual(
    without.filter((line) => line.startsWith('up')),
    ['up stale @10', 'up 1 @10'],
  );
});

test('the report', async () => {
  const target = new TestTarget({ config: { extraMetrics: true, limits: { samples: 9 } } });
  const moment = {
    times: { plannedMs: 0, startedMs: 0, finishedMs: 0 },
    stampMs: 1,
    beganMs: target.clock.monotonic(),
  };
  target.clock.jump(250);
  target.last = await target.series.read({
    ...moment,
    body: Buffer.from('a 1\n'),
    contentType: 'text/plain',
  });
  const f = (name: string, want: number) => assert.equal(target.reported(name), want, name);
  f('scrape_duration_seconds', 0.25);
  f('scrape_timeout_seconds', 5);
  f('scrape_sample_limit', 9);
  f('scrape_body_size_bytes', 4);
  target.fail(10, 'body size limit exceeded', -1);
  f('scrape_body_size_bytes', -1);
  f('up', 0);
  target.fail(20);
  f('scrape_body_size_bytes', 0);
});

test('the Content-Type decides how a page is read, and may fail it', async () => {
  const target = new TestTarget();
  assert.deepEqual(await target.scrape(0, 'a 1 1700000000.5; # EOF', OPENMETRICS), ['a 1 @0.5']);
  assert.deepEqual(await target.scrape(10, 'a 1', 'text/html'), []);
  assert.match(target.last.error, /received unsupported Content-Type "text\/html"/);
  assert.equal(target.counts, '0 0 0 0');
  const fallback = new TestTarget({ config: { fallbackProtocol: 'PrometheusText0.0.4' } });
  assert.deepEqual(await fallback.scrape(0, 'a 1', ''), ['a 1 @0']);
});

test('what was good in one format is judged again in another', async () => {
  const f = async (page: string, contentType: string, next: string, nextType: string) => {
    const target = new TestTarget();
    await target.scrape(0, page, contentType);
    assert.equal(target.last.error, '');
    await target.scrape(10, next, nextType);
    assert.notEqual(target.last.error, '');
  };
  // no comma is needed in the text format alone
  await f('a{b="1" c="2"} 1', 'text/plain', 'a{b="1" c="2"} 1; # EOF', OPENMETRICS);
  // `unknown` is a type of OpenMetrics, `untyped` one of the text format
  await f('# TYPE a unknown; a 1; # EOF', OPENMETRICS, '# TYPE a unknown; a 1', 'text/plain');
});

test('a bare name that goes on is another series', async () => {
  const target = new TestTarget();
  await target.scrape(0, 'a 1; b{c="1"} 1');
  assert.deepEqual(await target.scrape(10, 'a {d="1"} 2; b{c="1"} 2'), [
    'a{d="1"} 2 @10',
    'b{c="1"} 2 @10',
    'a stale @10',
  ]);
  assert.deepEqual(await target.scrape(20, 'aa 2; b{c="1"}3'), [
    'aa 2 @20',
    'b{c="1"} 3 @20',
    'a{d="1"} stale @20',
  ]);
});

test('series_limit: what is beyond is dropped and counted, the scrape goes on; a day later it is decided again', async () => {
  const target = new TestTarget({ config: { limits: { series: 2 } } });
  const page = 'a 1; b 1; c 1; c 2';
  assert.deepEqual(await target.scrape(0, page), ['a 1 @0', 'b 1 @0']);
  const f = (name: string, want: number) => assert.equal(target.reported(name), want, name);
  f('scrape_series_limit', 2);
  f('scrape_series_current', 2);
  f('scrape_series_limit_samples_dropped', 2);
  assert.equal(target.counts, '1 4 4 2');
  // b has counted, and still does
  assert.deepEqual(await target.scrape(10, 'a 1; c 1'), ['a 1 @10', 'b stale @10']);
  assert.deepEqual(await target.scrape(20, 'a 1; b 1; c 1'), ['a 1 @20', 'b 1 @20']);
  await target.scrape(30, 'a 1; c 1');
  await target.scrape(40, 'a 1; c 1');
  assert.deepEqual(await target.scrape(86_400, 'a 1; c 1'), ['a 1 @86400', 'c 1 @86400']);
});

test('series_limit may come while the series stay', async () => {
  const target = new TestTarget();
  await target.scrape(0, 'a 1; b 1');
  target.series.configure(configOf({ limits: { series: 2 } }));
  assert.deepEqual(await target.scrape(10, 'a 1; b 1; c 1'), ['a 1 @10', 'b 1 @10']);
  target.series.configure(configOf({ limits: { series: 3 } }));
  assert.deepEqual(await target.scrape(20, 'a 1; b 1; c 1'), ['a 1 @20', 'b 1 @20', 'c 1 @20']);
});

test('lines may change their places', async () => {
  const target = new TestTarget();
  const f = async (second: number, page: string) => {
    const want = page.split('; ').map((line) => `${line} @${second}`);
    assert.deepEqual(await target.scrape(second, page), want);
  };
  await f(0, 'a 1; b 2; c 3; d 4');
  await f(10, 'd 1; c 2; b 3; a 4');
  await f(20, 'a 1; x 9; b 2; y 9; c 3; d 4');
  await f(30, 'x 9; y 9; a 1; b 2; c 3; d 4; z 1');
});

test('metadata is kept for ten pages after its family is gone', async () => {
  const target = new TestTarget();
  await target.scrape(0, '# HELP a Some help.; # TYPE a counter; a 1; # TYPE b gauge; b 1');
  assert.deepEqual(target.series.metadata(), [
    { family: 'a', type: 'counter', help: 'Some help.', unit: '' },
    { family: 'b', type: 'gauge', help: '', unit: '' },
  ]);
  for (let i = 1; i <= 10; i++) await target.scrape(i, '# TYPE b counter; b 1');
  assert.equal(target.series.metadata().length, 2);
  assert.equal(target.series.metadata()[1]!.type, 'counter');
  await target.scrape(11, '# TYPE b counter; b 1');
  assert.deepEqual(
    target.series.metadata().map(({ family }) => family),
    ['b'],
  );
  await target.scrape(12, '# UNIT b_seconds seconds; # EOF', OPENMETRICS);
  assert.equal(target.series.metadata()[1]!.unit, 'seconds');
});

test('metadata lines that change, come and go', async () => {
  const target = new TestTarget();
  const f = async (second: number, page: string, want: string[]) => {
    await target.scrape(second, page);
    assert.equal(target.last.error, '');
    const said = target.series.metadata().map(({ family, type, help }) => `${family} ${type} ${help}`);
    assert.deepEqual(said.sort(), want);
  };
  await f(0, '# HELP a A.; # TYPE a gauge; a 1; # HELP b B.; b 1', ['a gauge A.', 'b unknown B.']);
  await f(1, '# HELP a A.; # TYPE a gauge; a 1; # HELP b B.; b 1', ['a gauge A.', 'b unknown B.']);
  await f(2, '# HELP a AA.; # TYPE a counter; a 1; # HELP b B.', ['a counter AA.', 'b unknown B.']);
  await f(3, '# HELP n N.; # HELP a AA.; # TYPE a counter; # HELP b B.', [
    'a counter AA.',
    'b unknown B.',
    'n unknown N.',
  ]);
  await f(4, '# TYPE a counter; # HELP b B.', ['a counter AA.', 'b unknown B.', 'n unknown N.']);
  // a known TYPE line still says how bounds are written
  await f(5, '# TYPE h histogram; h_bucket{le="1"} 1', [
    'a counter AA.',
    'b unknown B.',
    'h histogram ',
    'n unknown N.',
  ]);
  assert.deepEqual(await target.scrape(6, '# TYPE h histogram; h_bucket{le="2"} 1'), [
    'h_bucket{le="2.0"} 1 @6',
    'h_bucket{le="1.0"} stale @6',
  ]);
});

test('exemplars', async () => {
  const target = new TestTarget();
  const f = async (second: number, exemplar: string, want: unknown[] | undefined) => {
    await target.scrape(second, `a 1${exemplar}; # EOF`, OPENMETRICS);
    assert.equal(target.last.error, '');
    assert.deepEqual(target.last.batch.exemplars?.get(0), want);
  };
  const ms = 1_700_000_000_000;
  await f(0, ' # {t="x"} 5', [{ labels: ['t', 'x'], value: 5, timestampMs: ms }]);
  // an unchanged one is sent once
  await f(10, ' # {t="x"} 5', undefined);
  await f(20, ' # {t="y"} 5', [{ labels: ['t', 'y'], value: 5, timestampMs: ms + 20_000 }]);
  // the time counts when one of the two has it
  await f(30, ' # {t="y"} 5 1700000020', undefined);
  await f(40, ' # {t="y"} 5 1700000021', [{ labels: ['t', 'y'], value: 5, timestampMs: ms + 21_000 }]);
  // 128 characters of names and values, not bytes
  await f(50, ` # {t="${'ä'.repeat(127)}"} 6`, [
    { labels: ['t', 'ä'.repeat(127)], value: 6, timestampMs: ms + 50_000 },
  ]);
  await f(60, ` # {t="${'z'.repeat(128)}"} 7`, undefined);
  // a name that stands twice
  await f(70, ' # {t="1",t="2"} 8', undefined);
});

test('limits may change while the series stay', async () => {
  const target = new TestTarget();
  await target.scrape(0, 'a 1; b 1');
  target.series.configure(configOf({ limits: { samples: 1 }, timeoutMs: 1000 }));
  await target.scrape(10, 'a 1; b 1');
  assert.equal(target.last.error, 'sample limit exceeded');
  target.series.configure(configOf());
  assert.deepEqual(await target.scrape(20, 'a 1; b 1'), ['a 1 @20', 'b 1 @20']);
  assert.equal(target.counts, '1 2 2 0');
});

test('pages that fail with ever new series do not grow the table for ever', async () => {
  const target = new TestTarget();
  for (let page = 0; page < 20; page++) {
    const lines = Array.from({ length: 500 }, (_, i) => `m{p="${page}",i="${i}"} 1`);
    await target.scrape(page, [...lines, 'BAD'].join('; '));
  }
  assert.ok(target.series.seriesCount <= 2000, `${target.series.seriesCount} series`);
});

test('a long page holds the process for a few milliseconds at a time', async () => {
  const target = new TestTarget();
  const page = Array.from({ length: 100_000 }, (_, i) => `m{i="${i}"} ${i}`).join('\n');
  let turns = 0;
  const ticking = setInterval(() => turns++, 1);
  await target.scrape(0, page);
  clearInterval(ticking);
  assert.equal(target.series.seriesCount, 100_000);
  // the labels of new series stay at hand until the batch has been read
  const { batch } = target.last;
  assert.equal(batch.table.labels(batch.refs[7]!), batch.table.labels(batch.refs[7]!));
  assert.ok(turns >= 3, `${turns} turns of the loop`);
});

/** A native histogram with four buckets, and an exemplar with a time and one without. */
const NATIVE = {
  name: 'h',
  type: 'HISTOGRAM',
  metric: [
    {
      histogram: {
        sample_count: 4,
        sample_sum: 9,
        schema: 1,
        zero_threshold: 0.001,
        positive_span: [{ offset: 1, length: 4 }],
        positive_delta: [1, 0, 0, 0],
        exemplars: [
          { label: labelPairs({ id: 'timed' }), value: 2, timestamp: { seconds: 1_700_000_000, nanos: 0 } },
          { label: labelPairs({ id: 'bare' }), value: 3 },
        ],
      },
    },
  ],
};

test('native histograms', async () => {
  const f = async (config: Changes, want: string) => {
    const target = new TestTarget({ config: { nativeHistograms: true, ...config } });
    const moment = {
      times: { plannedMs: 0, startedMs: 0, finishedMs: 0 },
      stampMs: 1,
      beganMs: target.clock.monotonic(),
    };
    const body = protobufPage(NATIVE);
    const { batch, error } = await target.series.read({ ...moment, body, contentType: PROTOBUF_TYPE });
    const histogram = batch.histograms?.get(0);
    const shown = histogram && `${histogram.schema}: ${histogram.positive.buckets.join(' ')}`;
    assert.equal(error === '' ? shown : error, want);
    return batch;
  };

  const batch = await f({}, '1: 1 0 0 0');
  assert.deepEqual(batch.table.labels(batch.refs[0]!), ['__name__', 'h', 'instance', 'h:1', 'job', 'j']);
  assert.deepEqual(
    batch.exemplars?.get(0)?.map(({ labels }) => labels),
    [['id', 'timed']],
  );
  await f({ limits: { buckets: 2 } }, '0: 2 0');
  await f({ nativeHistogramMinBucketFactor: 2 }, '0: 2 0');
  // a histogram whose counts do not add up fails the page
  NATIVE.metric[0]!.histogram.sample_count = 5;
  await f(
    {},
    "4 observations found in buckets, but the Count field is 5: histogram's observation count should equal the number of observations found in the buckets (in absence of NaN)",
  );
  NATIVE.metric[0]!.histogram.sample_count = 4;
  const two = new TestTarget({ config: { nativeHistograms: true, limits: { buckets: 1 } } });
  await two.scrapeBytes(0, protobufPage(NATIVE), PROTOBUF_TYPE);
  assert.equal(two.last.error, '');
  const sides = { ...NATIVE.metric[0]!.histogram, sample_count: 8 };
  const negative = { negative_span: [{ offset: 1, length: 4 }], negative_delta: [1, 0, 0, 0] };
  const wide = { ...NATIVE, metric: [{ histogram: { ...sides, ...negative } }] };
  await two.scrapeBytes(10, protobufPage(wide), PROTOBUF_TYPE);
  assert.equal(two.last.error, 'histogram bucket limit exceeded');
  assert.equal(two.last.failure, 'bucket_limit');
});

test('a native histogram that vanishes gets the marker of a float', async () => {
  const target = new TestTarget({ config: { nativeHistograms: true } });
  await target.scrapeBytes(0, protobufPage(NATIVE), PROTOBUF_TYPE);
  assert.deepEqual(await target.scrape(10, 'a 1'), ['a 1 @10', 'h stale @10']);
  assert.equal(target.last.batch.histograms, undefined);
});

test('hundreds of pages that come together are read in many turns of the loop', async () => {
  let turns = 0;
  const count = () => {
    turns++;
    timer = setImmediate(count);
  };
  let timer = setImmediate(count);
  const pages = Array.from({ length: 300 }, (_, page) =>
    Array.from({ length: 300 }, (_, i) => `page_${page}_series_${i} ${i}`).join('; '),
  );
  const read = await Promise.all(pages.map((page) => new TestTarget().scrape(0, page)));
  clearImmediate(timer);
  assert.ok(read.every(({ length }) => length === 300));
  // 90,000 new series take several hundred milliseconds.
  assert.ok(turns > 10, `${turns} turns`);
});
