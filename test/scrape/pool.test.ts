import assert from 'node:assert/strict';
import test from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { labelsToMap } from '../../src/model/index.js';
import { ManualClock } from '../manual-clock.js';
import { ruleOf } from '../relabel/rule-of.js';
import { until } from '../until.js';
import { exporter, exposing, holding } from './exporter.js';
import { staticTargets } from './fake-discovery.js';
import { active, INTERVAL_MS, interval, job, markers } from './job.js';
import { scrapeConfig } from './scrape-config.js';
import { Scraping } from './scraping.js';

test('another interval: the loop moves, its series go on without a marker', async (t) => {
  const clock = new ManualClock();
  const scraping = new Scraping(t, clock);
  const { address } = await exposing(t);
  await scraping.apply([job([address])]);
  await interval(scraping, clock, 1);
  await scraping.apply([job([address], { intervalMs: 5000, timeoutMs: 5000 })]);
  assert.equal(scraping.active()[0]!.health, 'up');
  for (let i = 0; i < 4; i++) await interval(scraping, clock, 1, 5000);
  assert.deepEqual(markers(scraping), []);
  assert.deepEqual(
    scraping.of('scrape_series_added').map(({ value }) => value),
    [2, 0, 0, 0, 0],
  );
  assert.equal(scraping.active()[0]!.intervalMs, 5000);
});

test('other settings of the client or another sample_limit: loops and series go on, by the new ones', async (t) => {
  const clock = new ManualClock();
  const scraping = new Scraping(t, clock);
  const asked: (string | undefined)[] = [];
  const address = await exporter(t, ({ headers }, response) => {
    asked.push(headers['x-own'] as string | undefined);
    response.setHeader('content-type', 'text/plain');
    response.end('a 1\nb 2\n');
  });
  await scraping.apply([job([address])]);
  await interval(scraping, clock, 1);
  await scraping.apply([job([address], { http: { keepAlive: true, headers: { 'X-Own': 'x' } } })]);
  await interval(scraping, clock, 1);
  assert.deepEqual(asked, [undefined, 'x']);
  const limits = { ...scrapeConfig().limits, samples: 1 };
  await scraping.apply([job([address], { limits })]);
  await interval(scraping, clock, 1);
  assert.deepEqual(
    scraping.of('up').map(({ value }) => value),
    [1, 1, 0],
  );
  assert.equal(scraping.active()[0]!.lastError, 'sample limit exceeded');
  assert.deepEqual(
    scraping
      .of('scrape_series_added')
      .map(({ value }) => value)
      .slice(0, 2),
    [2, 0],
  );
});

test('a scrape that runs while the settings of the client change comes to its end', async (t) => {
  const clock = new ManualClock();
  const scraping = new Scraping(t, clock);
  const held = await holding(t);
  await scraping.apply([job([held.address])]);
  await clock.advance(INTERVAL_MS);
  const answer = await until('the request', () => held.answer);
  await scraping.apply([job([held.address], { http: { keepAlive: false } })]);
  answer();
  await until('the scrape', () => scraping.batches === 1);
  assert.equal(scraping.of('up')[0]!.value, 1);
  assert.equal(scraping.count('aborted_total'), 0);
});

for (const [what, changed] of [
  ['its target goes', (address: string) => job([address], { relabel: [ruleOf({ action: 'drop' })] })],
  ['its interval changes', (address: string) => job([address], { intervalMs: 2 * INTERVAL_MS })],
  ['its series depend on what changes', (address: string) => job([address], { honorLabels: true })],
] as const)
  test(`a scrape that runs while ${what} comes to its end, as in Prometheus`, async (t) => {
    const clock = new ManualClock();
    const scraping = new Scraping(t, clock);
    const held = await holding(t);
    await scraping.apply([job([held.address])]);
    await clock.advance(INTERVAL_MS);
    const answer = await until('the request', () => held.answer);
    await scraping.apply([changed(held.address)]);
    answer();
    await until('the scrape', () => scraping.batches === 1);
    assert.equal(scraping.of('up')[0]!.value, 1);
    assert.equal(scraping.count('aborted_total'), 0);
  });

test('the scrape of a target that has gone is cut short when the stage stops', async (t) => {
  const clock = new ManualClock();
  const scraping = new Scraping(t, clock);
  let asked = false;
  const address = await exporter(t, () => {
    asked = true;
  });
  await scraping.apply([job([address])]);
  await clock.advance(INTERVAL_MS);
  await until('the request', () => asked);
  await scraping.apply([job([address], { relabel: [ruleOf({ action: 'drop' })] })]);
  await scraping.scrapes.stop();
  assert.equal(scraping.count('aborted_total'), 1);
});

test('targets and rules that change together are one change', async (t) => {
  const clock = new ManualClock();
  const scraping = new Scraping(t, clock);
  const [one, other] = [await exposing(t), await exposing(t)];
  const keep = (address: string) => [
    ruleOf({ action: 'keep', sourceLabels: ['__address__'], regex: address }),
  ];
  await scraping.apply([job([one.address], { relabel: keep(one.address) })]);
  await interval(scraping, clock, 1);
  // The old target by the new rules, or the new target by the old ones, would be none.
  const both = job([one.address, other.address], { relabel: keep('.*') });
  await scraping.apply([both]);
  assert.deepEqual(
    scraping.active().map(({ health }) => health),
    ['up', 'unknown'],
  );
  await clock.advance(INTERVAL_MS);
  await until('both', () => scraping.batches === 3);
  assert.deepEqual(markers(scraping), []);
});

test('other metric_relabel_configs: new series, and markers for those that are not given any more', async (t) => {
  const clock = new ManualClock();
  const scraping = new Scraping(t, clock);
  const { address } = await exposing(t);
  await scraping.apply([job([address], { offsetMs: 5000 })]);
  await interval(scraping, clock, 1);
  const metricRelabel = [ruleOf({ action: 'drop', sourceLabels: ['__name__'], regex: 'b' })];
  await scraping.apply([job([address], { offsetMs: 5000, metricRelabel })]);
  await interval(scraping, clock, 1);
  assert.equal(scraping.of('b').length, 1);
  await interval(scraping, clock, 2);
  assert.deepEqual(
    markers(scraping).map(({ name }) => name),
    ['b'],
  );
});

test('a reload in which one of 1,000 targets changes leaves the others untouched', async (t) => {
  const clock = new ManualClock();
  const scraping = new Scraping(t, clock);
  const addresses = Array.from({ length: 1000 }, (_, i) => `127.0.0.1:1/${i}`);
  const relabel = [
    ruleOf({ sourceLabels: ['__address__'], regex: '(.*)/(.*)', targetLabel: 'n', replacement: '$2' }),
    ruleOf({ sourceLabels: ['__address__'], regex: '(.*)/(.*)', targetLabel: '__address__' }),
  ];
  const config = job(addresses, { relabel, targetLimit: 2000 });
  await scraping.apply([config]);
  scraping.keeps = false;
  await interval(scraping, clock, 1000);
  const before = new Map(scraping.active().map((status) => [status.labels.join(), status]));
  assert.equal(before.size, 1000);
  const changed = ['127.0.0.1:1/new', ...addresses.slice(1)];
  await scraping.apply([{ ...config, discovery: staticTargets(changed), relabel: structuredClone(relabel) }]);
  const after = scraping.active();
  assert.equal(after.length, 1000);
  const untouched = after.filter(({ labels, lastScrapeMs }) => {
    return before.get(labels.join())?.lastScrapeMs === lastScrapeMs && lastScrapeMs !== undefined;
  });
  assert.equal(untouched.length, 999);
  assert.equal(scraping.count('aborted_total'), 0);
  // all of them once in the next interval, in their phase
  await interval(scraping, clock, 1000);
});

test('an equal configuration changes nothing', async (t) => {
  const clock = new ManualClock();
  const scraping = new Scraping(t, clock);
  const source = await exposing(t);
  await scraping.apply([job([source.address])]);
  source.hold = true;
  await clock.advance(INTERVAL_MS);
  await until('the request', () => source.asked === 1);
  await scraping.apply([job([source.address])]);
  assert.equal(scraping.count('aborted_total'), 0);
});

test('what discovery alone knows may change: the target goes on, and shows it', async (t) => {
  const clock = new ManualClock();
  const scraping = new Scraping(t, clock);
  const { address } = await exposing(t);
  await scraping.apply([job([], { discovery: [] })]);
  scraping.discover('job', [address], { __meta_zone: 'a' });
  await active(scraping, 1);
  await interval(scraping, clock, 1);
  scraping.discover('job', [address], { __meta_zone: 'b' });
  const zone = () => labelsToMap(scraping.active()[0]!.discoveredLabels).__meta_zone;
  await until('the new label', () => zone() === 'b');
  assert.equal(scraping.active()[0]!.health, 'up');
});

test('a job that goes while its targets are sorted out leaves no metric behind', async (t) => {
  const scraping = new Scraping(t, new ManualClock());
  await scraping.apply([job([], { discovery: [], relabel: [ruleOf({ action: 'drop' })] })]);
  const addresses = Array.from({ length: 20_000 }, (_, i) => `t${i}:1`);
  scraping.discover('job', addresses);
  // The sorting of so many gives way to others.
  for (let i = 0; i < 3; i++) await setImmediate();
  await scraping.apply([]);
  await scraping.scrapes.stop();
  assert.doesNotMatch(scraping.metrics.render(), /job="job"/);
});

test('more targets than target_limit: none is asked, also while their loops are still being made', async (t) => {
  const clock = new ManualClock();
  const scraping = new Scraping(t, clock);
  const source = await exposing(t);
  const relabel = [
    ruleOf({ sourceLabels: ['__address__'], regex: '(.*)/(.*)', targetLabel: 'n', replacement: '$2' }),
    ruleOf({ sourceLabels: ['__address__'], regex: '(.*)/(.*)', targetLabel: '__address__' }),
  ];
  await scraping.apply([job([], { discovery: [], relabel, targetLimit: 10 })]);
  const count = 5000;
  scraping.discover(
    'job',
    Array.from({ length: count }, (_, i) => `${source.address}/${i}`),
  );
  const made = () => scraping.scrapes.pools()[0]!.active().length;
  while (made() === 0) await setImmediate();
  const early = made();
  assert.ok(early < count);
  await clock.advance(INTERVAL_MS);
  await until('the scrapes of the first', () => scraping.batches >= early);
  assert.ok(scraping.of('up').every(({ value }) => value === 0));
  assert.equal(source.asked, 0);
});

test('targets whose series begin anew are never without a loop: none of their ticks is lost', async (t) => {
  const scraping = new Scraping(t, new ManualClock());
  const count = 5000;
  const addresses = Array.from({ length: count }, (_, i) => `t${i}:1`);
  await scraping.apply([job(addresses)]);
  const loops = () => scraping.scrapes.pools()[0]!.active();
  const before = new Set(loops());
  const renewed = () => loops().filter((loop) => !before.has(loop)).length;
  const done = scraping.apply([job(addresses, { honorLabels: true })]);
  const seen = new Set<number>();
  while (renewed() < count) {
    await setImmediate();
    assert.equal(loops().length, count);
    seen.add(renewed());
  }
  await done;
  assert.ok(seen.size > 2, 'it gave way to others');
});
