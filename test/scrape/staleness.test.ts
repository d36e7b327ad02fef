import assert from 'node:assert/strict';
import test from 'node:test';
import { TestTarget } from './series-set-up.js';

// Cases of knowledge/prometheus.md 3, "Staleness". `; ` parts the lines of a page.

test('a series that vanishes is marked once, at the time of the scrape', async () => {
  const target = new TestTarget();
  assert.deepEqual(await target.scrape(0, 'a 1; b 2'), ['a 1 @0', 'b 2 @0']);
  assert.deepEqual(await target.scrape(10, 'a 1'), ['a 1 @10', 'b stale @10']);
  assert.deepEqual(await target.scrape(20, 'a 1'), ['a 1 @20']);
  assert.equal(target.series.seriesCount, 1);
  assert.deepEqual(await target.scrape(30, 'b 3; a 1'), ['b 3 @30', 'a 1 @30']);
  assert.equal(target.reported('scrape_series_added'), 1);
});

test('a failed scrape and an empty body mark all, once', async () => {
  const target = new TestTarget();
  await target.scrape(0, 'a 1; b 2');
  assert.deepEqual(target.fail(10), ['a stale @10', 'b stale @10']);
  assert.equal(target.counts, '0 0 0 0');
  assert.equal(target.last.error, 'refused');
  assert.deepEqual(target.fail(20), []);
  assert.deepEqual(await target.scrape(30, 'a 1; b 2'), ['a 1 @30', 'b 2 @30']);
  // the texts were known all the time
  assert.equal(target.counts, '1 2 2 0');
  assert.deepEqual(await target.scrape(40, '', 'nonsense'), ['a stale @40', 'b stale @40']);
  assert.equal(target.counts, '1 0 0 0');
});

test('a page that is broken half-way: what was reached counts as seen, the rest is marked', async () => {
  const target = new TestTarget();
  await target.scrape(0, 'a 1; b 1; c 1');
  assert.deepEqual(await target.scrape(10, 'a 1; b 1; BAD'), ['c stale @10']);
  assert.equal(target.counts, '0 2 2 0');
  assert.deepEqual(await target.scrape(20, 'a 1; b 1; BAD'), []);
  assert.deepEqual(await target.scrape(30, 'x 1'), ['x 1 @30', 'a stale @30', 'b stale @30']);
  assert.deepEqual(await target.scrape(40, 'x 1'), ['x 1 @40']);
  assert.equal(target.series.seriesCount, 1);
});

test('sample_limit: no marker for what is within; what a refused page brought may be marked later', async () => {
  const target = new TestTarget({ config: { limits: { samples: 2 } } });
  assert.deepEqual(await target.scrape(0, 'a 1; b 1'), ['a 1 @0', 'b 1 @0']);
  assert.deepEqual(await target.scrape(10, 'a 1; n 1; b 1'), ['b stale @10']);
  assert.equal(target.last.error, 'sample limit exceeded');
  assert.equal(target.counts, '0 3 3 1');
  assert.deepEqual(await target.scrape(20, 'a 1'), ['a 1 @20', 'n stale @20']);
});

test('sample_limit: what is beyond it was not seen, and gets no marker unless it had samples', async () => {
  const target = new TestTarget({ config: { limits: { samples: 1 } } });
  assert.deepEqual(await target.scrape(0, 'a 1'), ['a 1 @0']);
  assert.deepEqual(await target.scrape(10, 'a 1; n 1'), []);
  assert.equal(target.counts, '0 2 2 0');
  assert.deepEqual(await target.scrape(20, 'a 1'), ['a 1 @20']);
  assert.deepEqual(await target.scrape(30, 'n 1'), ['n 1 @30', 'a stale @30']);
  assert.equal(target.counts, '1 1 1 1');
});

test('a series with a time of its own is not marked, unless that is asked for', async () => {
  const plain = new TestTarget();
  assert.deepEqual(await plain.scrape(0, 'a 1 1700000000500; b 1'), ['a 1 @0.5', 'b 1 @0']);
  assert.deepEqual(await plain.scrape(10, 'b 1'), ['b 1 @10']);
  const tracked = new TestTarget({ config: { trackTimestampsStaleness: true } });
  await tracked.scrape(0, 'a 1 1700000000500');
  assert.deepEqual(await tracked.scrape(10, 'b 1'), ['b 1 @10', 'a stale @10']);
  const ignored = new TestTarget({ config: { honorTimestamps: false } });
  assert.deepEqual(await ignored.scrape(0, 'a 1 1600000000000'), ['a 1 @0']);
  assert.deepEqual(await ignored.scrape(10, 'b 1'), ['b 1 @10', 'a stale @10']);
});

test('a series that gets a time of its own is marked, as Prometheus does', async () => {
  const target = new TestTarget();
  await target.scrape(0, 'a 1');
  assert.deepEqual(await target.scrape(10, 'a 1 1700000009000'), ['a 1 @9', 'a stale @10']);
});

test('an out-of-order sample is left out, and its series marked', async () => {
  const target = new TestTarget({ config: { trackTimestampsStaleness: true } });
  await target.scrape(0, 'a 1 1700000000000');
  assert.deepEqual(await target.scrape(10, 'a 2 1600000000000'), ['a stale @10']);
  assert.equal(target.last.outOfOrder, 1);
  assert.equal(target.counts, '1 1 1 0');
});

test('the same series under another text has not ended', async () => {
  const dropVersion = (labels: readonly string[]) => {
    const at = labels.indexOf('version');
    return at < 0 ? labels : [...labels.slice(0, at), ...labels.slice(at + 2)];
  };
  const target = new TestTarget({ relabel: dropVersion });
  await target.scrape(0, 'a{version="1"} 1');
  assert.deepEqual(await target.scrape(10, 'a{version="2"} 2'), ['a 2 @10']);
  assert.deepEqual(await target.scrape(20, 'a{version="2"} 3'), ['a 3 @20']);
  assert.equal(target.series.seriesCount, 1);
  assert.deepEqual(await target.scrape(30, 'b 1'), ['b 1 @30', 'a stale @30']);
  const order = new TestTarget();
  await order.scrape(0, 'a{b="1",c="2"} 1');
  assert.deepEqual(await order.scrape(10, 'a{c="2",b="1"} 1'), ['a{b="1",c="2"} 1 @10']);
});

test('the end of a target marks its series and its report, but not what another one gives now', async () => {
  const target = new TestTarget({ full: true, labels: [] });
  const report = [
    'up',
    'scrape_duration_seconds',
    'scrape_samples_scraped',
    'scrape_samples_post_metric_relabeling',
    'scrape_series_added',
  ];
  await target.scrape(0, 'a 1; b 1; c 1 1700000000000');
  const all = ['a', 'b', ...report];
  assert.deepEqual(
    target.end(20),
    all.map((name) => `${name} stale @20`),
  );

  const next = new TestTarget({ labels: [] });
  await next.scrape(15, 'b 1; d 1');
  const before = new TestTarget({ full: true, labels: [] });
  await before.scrape(0, 'a 1; b 1');
  assert.deepEqual(
    before.end(20, (labels) => next.series.writes(labels)),
    ['a stale @20'],
  );
});

test('the end of a target that was never scraped, or has failed since, has little to mark', async () => {
  assert.deepEqual(new TestTarget().end(20), []);
  const target = new TestTarget();
  await target.scrape(0, 'a 1');
  target.fail(10);
  assert.deepEqual(target.end(20), []);
});

test('no_stale_markers', async () => {
  const target = new TestTarget({ config: { noStaleMarkers: true }, full: true });
  await target.scrape(0, 'a 1');
  const lines = [...target.fail(10), ...(await target.scrape(20, 'b 1')), ...target.end(30)];
  assert.deepEqual(
    lines.filter((line) => line.includes('stale')),
    [],
  );
});

test('an aborted page leaves what the last one gave', async () => {
  const target = new TestTarget();
  await target.scrape(0, 'a 1; b 1');
  const many = Array.from({ length: 300_000 }, (_, i) => `n${i} 1\n`).join('');
  const moment = { times: { plannedMs: 0, startedMs: 0, finishedMs: 0 }, stampMs: 0, beganMs: 0 };
  const aborted = AbortSignal.abort(new Error('stop'));
  const read = target.series.read({ ...moment, body: Buffer.from(many), contentType: 'text/plain' }, aborted);
  await assert.rejects(read, /stop/);
  assert.deepEqual(target.end(20).slice(0, 2), ['a stale @20', 'b stale @20']);
});
