import assert from 'node:assert/strict';
import test from 'node:test';
import { labelsOf, labelsToMap } from '../../src/model/index.js';
import type { ScrapeConfig } from '../../src/scrape/index.js';
import { ManualClock } from '../manual-clock.js';
import { ruleOf } from '../relabel/rule-of.js';
import { until } from '../until.js';
import { exporter, exposing, holding } from './exporter.js';
import { active, INTERVAL_MS, interval, job, markers } from './job.js';
import { Scraping } from './scraping.js';

test('a target is scraped at its first tick, at most an interval away, and then every interval', async (t) => {
  const clock = new ManualClock();
  const scraping = new Scraping(t, clock);
  const { address } = await exposing(t);
  await scraping.apply([job([address])]);
  const [before] = scraping.active();
  assert.deepEqual([before!.health, before!.lastScrapeMs], ['unknown', undefined]);
  for (let i = 0; i < 3; i++) await interval(scraping, clock, 1);
  const stamps = scraping.of('up').map(({ timestampMs }) => timestampMs);
  assert.equal(stamps.length, 3);
  assert.deepEqual([stamps[1]! - stamps[0]!, stamps[2]! - stamps[1]!], [INTERVAL_MS, INTERVAL_MS]);
  const [sample] = scraping.of('a');
  assert.deepEqual(sample?.labels, { __name__: 'a', instance: address, job: 'job' });
  assert.equal(sample?.timestampMs, stamps[0]);
  const [status] = scraping.active();
  assert.equal(status!.health, 'up');
  assert.deepEqual([status!.lastError, status!.lastSamples, status!.series], ['', 2, 2]);
  assert.equal(scraping.count('scrapes_total', { result: 'ok' }), 3);
  assert.equal(scraping.count('samples_in_total'), scraping.count('samples_out_total'));
});

test('the place in the interval: the same after a restart, another for another agent; exact or aligned where asked', async (t) => {
  const { address } = await exposing(t);
  const phase = async (more: Partial<ScrapeConfig>, site: string) => {
    const clock = new ManualClock();
    const scraping = new Scraping(t, clock);
    await scraping.apply([job([address], more)], { externalLabels: { site } });
    await interval(scraping, clock, 1);
    return scraping.of('up')[0]!.timestampMs % INTERVAL_MS;
  };
  const own = await phase({}, 'a');
  assert.equal(await phase({}, 'a'), own);
  // One other agent may have the same place among a hundred, four hardly.
  const others = await Promise.all(['b', 'c', 'd', 'e'].map((site) => phase({}, site)));
  assert.notDeepEqual(others, Array(4).fill(own));
  assert.equal(await phase({ offsetMs: 1234 }, 'a'), 1234);
  assert.equal((await phase({ alignIntervalMs: 1000 }, 'a')) % 1000, 0);
  assert.equal(await phase({ alignIntervalMs: 60_000 }, 'a'), 0);
});

test('a target that fails is down, with the error; its series end once', async (t) => {
  const clock = new ManualClock();
  const scraping = new Scraping(t, clock);
  const source = await exposing(t);
  await scraping.apply([job([source.address])]);
  await interval(scraping, clock, 1);
  source.status = 404;
  await interval(scraping, clock, 1);
  await interval(scraping, clock, 1);
  const ups = scraping.of('up').map(({ value }) => value);
  assert.deepEqual(ups, [1, 0, 0]);
  const failedMs = scraping.of('up')[1]!.timestampMs;
  assert.deepEqual(markers(scraping), [
    { name: 'a', timestampMs: failedMs },
    { name: 'b', timestampMs: failedMs },
  ]);
  const [status] = scraping.active();
  assert.deepEqual(
    [status!.health, status!.lastError],
    ['down', 'server returned HTTP status 404 Not Found'],
  );
  assert.equal(scraping.count('scrapes_total', { result: 'status' }), 2);
});

test('a removed target: markers after its second tick that was not to be, at the time of the first', async (t) => {
  const clock = new ManualClock();
  const scraping = new Scraping(t, clock);
  const { address } = await exposing(t);
  await scraping.apply([job([], { discovery: [] })]);
  scraping.discover('job', [address]);
  await active(scraping, 1);
  await interval(scraping, clock, 1);
  const lastMs = scraping.of('up')[0]!.timestampMs;
  scraping.discover('job', []);
  await active(scraping, 0);
  await clock.advance(lastMs + INTERVAL_MS * 2.1 - 1 - clock.now());
  assert.deepEqual(markers(scraping), []);
  await clock.advance(1);
  const ended = markers(scraping);
  assert.deepEqual(new Set(ended.map(({ timestampMs }) => timestampMs)), new Set([lastMs + INTERVAL_MS]));
  assert.deepEqual(
    new Set(ended.map(({ name }) => name)),
    new Set([
      'a',
      'b',
      'up',
      'scrape_duration_seconds',
      'scrape_samples_scraped',
      'scrape_samples_post_metric_relabeling',
      'scrape_series_added',
    ]),
  );
});

test('a target that comes back: markers only for the series that it does not give again', async (t) => {
  const clock = new ManualClock();
  const scraping = new Scraping(t, clock);
  const source = await exposing(t);
  await scraping.apply([job([], { discovery: [], offsetMs: 5000 })]);
  scraping.discover('job', [source.address]);
  await active(scraping, 1);
  await interval(scraping, clock, 1);
  scraping.discover('job', []);
  await active(scraping, 0);
  source.page = 'a 1\n';
  scraping.discover('job', [source.address]);
  await active(scraping, 1);
  // the markers come in the second interval, 11 s after the first tick
  for (const batches of [1, 2, 1]) await interval(scraping, clock, batches);
  assert.deepEqual(
    markers(scraping).map(({ name }) => name),
    ['b'],
  );
});

test('no markers at a stop, nor for a job that leaves the configuration', async (t) => {
  const clock = new ManualClock();
  const scraping = new Scraping(t, clock);
  const [one, other] = [await exposing(t), await exposing(t)];
  const gone = job([one.address], { jobName: 'gone' });
  const left = job([other.address], { jobName: 'left' });
  await scraping.apply([gone, left]);
  await interval(scraping, clock, 2);
  scraping.discover('left', []);
  await active(scraping, 1);
  await scraping.apply([{ ...left, discovery: [] }]);
  assert.deepEqual(
    scraping.scrapes.pools().map((pool) => pool.job),
    ['left'],
  );
  await scraping.scrapes.stop();
  await clock.advance(INTERVAL_MS * 5);
  assert.deepEqual(markers(scraping), []);
  assert.equal(scraping.batches, 2);
  assert.equal(scraping.count('targets'), 0);
});

test('a scrape that is cut short gives nothing, and is counted', async (t) => {
  const clock = new ManualClock();
  const scraping = new Scraping(t, clock);
  const source = await exposing(t);
  await scraping.apply([job([source.address])]);
  source.hold = true;
  await clock.advance(INTERVAL_MS);
  await until('the request', () => source.asked === 1);
  await scraping.scrapes.stop();
  assert.equal(scraping.batches, 0);
  assert.equal(scraping.count('aborted_total'), 1);
  assert.deepEqual(scraping.logged, []);
});

test('a scrape that goes on over its tick: one tick is made up for, with the time at which it began', async (t) => {
  const clock = new ManualClock();
  const scraping = new Scraping(t, clock);
  const held = await holding(t);
  await scraping.apply([job([held.address], { offsetMs: 0, intervalMs: 1000, timeoutMs: 1000 })]);
  await clock.advance(1000);
  const answer = await until('the request', () => held.answer);
  const tickMs = clock.now() - (clock.now() % 1000);
  // the agent is held just before the deadline and over two ticks
  answer();
  clock.jump(2400);
  await until('the first scrape', () => scraping.batches === 1);
  await clock.advance(0);
  const next = await until('the next request', () => held.answer);
  next();
  await until('the next scrape', () => scraping.batches === 2);
  const [first, second] = scraping.of('up').map(({ timestampMs }) => timestampMs);
  assert.equal(first, tickMs);
  assert.equal(second, Math.floor(clock.now()));
  assert.ok(second! - first! > 2000 && second! % 1000 !== 0);
});

test('the clock is set back by an hour: samples go on at once, with the new time', async (t) => {
  const clock = new ManualClock();
  const scraping = new Scraping(t, clock);
  const { address } = await exposing(t);
  // In the middle of the interval: a tick within the second before the step is noticed would be lost.
  await scraping.apply([job([address], { offsetMs: INTERVAL_MS / 2 })]);
  await interval(scraping, clock, 1);
  clock.step(-3_600_000);
  await interval(scraping, clock, 1);
  await interval(scraping, clock, 1);
  for (const name of ['up', 'a']) {
    const stamps = scraping.of(name).map(({ timestampMs }) => timestampMs);
    assert.equal(stamps.length, 3, name);
    assert.ok(stamps[1]! < stamps[0]! && stamps[1]! <= clock.now(), name);
    assert.equal(stamps[2]! - stamps[1]!, INTERVAL_MS, name);
  }
  assert.deepEqual(markers(scraping), []);
});

test('more targets than target_limit: none is asked, and all are down', async (t) => {
  const clock = new ManualClock();
  const scraping = new Scraping(t, clock);
  const sources = await Promise.all([exposing(t), exposing(t), exposing(t)]);
  const addresses = sources.map(({ address }) => address);
  await scraping.apply([job(addresses, { targetLimit: 2 })]);
  await interval(scraping, clock, 3);
  assert.deepEqual(
    scraping.of('up').map(({ value }) => value),
    [0, 0, 0],
  );
  assert.equal(scraping.active()[0]!.lastError, 'target_limit exceeded (number of targets: 3, limit: 2)');
  assert.deepEqual(
    sources.map(({ asked }) => asked),
    [0, 0, 0],
  );
  await scraping.apply([job(addresses, { targetLimit: 3 })]);
  await interval(scraping, clock, 3);
  assert.ok(scraping.active().every(({ health }) => health === 'up'));
});

test('what is not scraped is listed with the reason', async (t) => {
  const scraping = new Scraping(t, new ManualClock());
  const relabel = [ruleOf({ action: 'drop', sourceLabels: ['__address__'], regex: 'no:.*' })];
  const addresses = ['no:1', 'yes:1', 'yes:1', 'bad/x', 'no:2', 'no:3'];
  await scraping.apply([job(addresses, { relabel })]);
  const [pool] = scraping.scrapes.pools();
  assert.equal(pool!.active().length, 1);
  assert.deepEqual(pool!.droppedCounts, { relabel: 3, cluster: 0, duplicate: 1, invalid: 1 });
  assert.equal(pool!.droppedCount, 5);
  assert.deepEqual(
    pool!.dropped.map(({ reason }) => reason),
    ['relabel', 'duplicate', 'invalid', 'relabel', 'relabel'],
  );
  assert.match(pool!.dropped[0]!.detail, /drop/);
  assert.equal(pool!.dropped[2]!.detail, '"bad/x" is not a valid hostname');
  assert.equal(labelsToMap(pool!.dropped[0]!.discoveredLabels).__address__, 'no:1');
  assert.equal(scraping.count('sync_failed_total', { job: 'job' }), 1);
  assert.deepEqual(scraping.logged, ['warn Creating targets failed']);

  await scraping.apply([job(addresses, { relabel, keepDroppedTargets: 2 })]);
  const [kept] = scraping.scrapes.pools();
  assert.equal(kept!.dropped.length, 2);
  assert.equal(kept!.droppedCount, 5);
});

test('a cluster: this member scrapes its part, and the others are listed', async (t) => {
  const scraping = new Scraping(t, new ManualClock());
  const addresses = Array.from({ length: 100 }, (_, i) => `host${i}:1`);
  await scraping.apply([job(addresses)], { members: 4 });
  const [pool] = scraping.scrapes.pools();
  assert.ok(pool!.active().length > 10 && pool!.active().length < 45, `${pool!.active().length} active`);
  assert.equal(pool!.droppedCounts.cluster, 100 - pool!.active().length);
  await scraping.apply([job(addresses)], { members: 1 });
  assert.equal(scraping.active().length, 100);
});

test('metadata and relabelling can be looked at', async (t) => {
  const clock = new ManualClock();
  const scraping = new Scraping(t, clock);
  const { address } = await exposing(t, '# TYPE a counter\n# HELP a help\na 1\n');
  const relabel = [ruleOf({ sourceLabels: ['__address__'], targetLabel: 'x' })];
  const metricRelabel = [ruleOf({ action: 'drop', sourceLabels: ['__name__'], regex: 'nothing' })];
  await scraping.apply([job([address], { relabel, metricRelabel })]);
  await interval(scraping, clock, 1);
  const [{ target, families } = { target: [], families: [] }] = scraping.scrapes.metadata();
  assert.deepEqual(labelsToMap(target), { instance: address, job: 'job', x: address });
  assert.deepEqual(families, [{ family: 'a', type: 'counter', help: 'help', unit: '' }]);
  const [step] = scraping.scrapes.explain('discovered', 'job', labelsOf({ __address__: 'h:1' }))!;
  assert.deepEqual(labelsToMap(step!.after!), { __address__: 'h:1', x: 'h:1' });
  const [whole] = scraping.scrapes.explain(
    'target',
    'job',
    labelsOf({ __address__: 'h:1', __scheme__: 'x' }),
  )!;
  const { job: name, __scheme__, __metrics_path__, x } = labelsToMap(whole!.after!);
  assert.deepEqual([name, __scheme__, __metrics_path__, x], ['job', 'x', '/metrics', 'h:1']);
  const [last] = scraping.scrapes.explain('metric', 'job', labelsOf({ __name__: 'nothing' }))!;
  assert.equal(last!.after, undefined);
  assert.equal(scraping.scrapes.explain('target', 'other', []), undefined);
});

test('targets behind one port that do not answer do not hold up the others there', async (t) => {
  const clock = new ManualClock();
  const scraping = new Scraping(t, clock);
  let held = 0;
  const address = await exporter(t, ({ url }, response) => {
    if (url!.includes('slow')) held++;
    else response.setHeader('content-type', 'text/plain').end('a 1\n');
  });
  const names = [...Array.from({ length: 60 }, (_, i) => `slow${i}`), 'quick'];
  const targets = names.map((name) => ({ __address__: address, __param_name: name, name }));
  const discovery = [{ kind: 'static' as const, groups: [{ source: '0', targets, labels: {} }] }];
  await scraping.apply([job([], { discovery, offsetMs: 0 })]);
  await clock.advance(INTERVAL_MS);
  await until('every request', () => held === 60 && scraping.batches === 1);
  assert.equal(scraping.of('up')[0]!.labels.name, 'quick');
});
