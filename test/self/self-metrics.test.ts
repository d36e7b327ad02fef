import assert from 'node:assert/strict';
import test from 'node:test';
import { Metrics } from '../../src/lib/index.js';
import { type Batch, FLAG_STALE, labelsToMap, type Taken } from '../../src/model/index.js';
import { LoopDelay, SelfMetrics, type SelfSettings } from '../../src/self/index.js';
import { ManualClock } from '../manual-clock.js';
import { until } from '../until.js';

const settings: SelfSettings = {
  intervalMs: 60_000,
  name: 'agent1',
  region: 'north',
  labels: { rack: 'r7' },
};

/** A source with its clock; what it pushed, as lines of `name{labels} value` without the labels of the agent. */
function setUp(answer: Taken = 'taken') {
  const clock = new ManualClock();
  const metrics = new Metrics();
  const batches: Batch[] = [];
  const texts: string[][] = [];
  const self = new SelfMetrics({
    clock,
    metrics,
    next: (batch) => {
      batches.push(batch);
      texts.push(linesOf(batch));
      return answer;
    },
  });
  return { clock, metrics, batches, texts, self };
}

function linesOf(batch: Batch): string[] {
  return Array.from({ length: batch.length }, (_, i) => {
    const { __name__: name, ...labels } = labelsToMap(batch.table.labels(batch.refs[i]!));
    const shown = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
    return `${name}{${shown.join()}} ${batch.flags[i] === FLAG_STALE ? 'stale' : batch.values[i]}`;
  });
}

const OWN = 'rack="r7",region="north",sentinel="agent1"';

test('every family travels, with the labels of the agent', async () => {
  const { clock, metrics, batches, texts, self } = setUp();
  metrics.counter('a_total', 'A.').inc(3);
  metrics.family('gauge', 'b', 'B.').with({ lane: 'ping', rack: 'x' }).set(0.5);
  metrics.gaugeOf('c', 'C.', () => Number.NaN);
  self.apply(settings);
  await clock.advance(70_000);
  assert.equal(batches.length, 1);
  assert.deepEqual(texts[0], [
    `a_total{${OWN}} 3`,
    `b{exported_rack="x",lane="ping",${OWN}} 0.5`,
    `c{${OWN}} NaN`,
    `sentinel_self_dropped_samples_total{rack="r7",reason="refused",region="north",sentinel="agent1"} 0`,
    `sentinel_self_samples_total{${OWN}} 0`,
  ]);
  assert.deepEqual(batches[0]!.source, { kind: 'self', id: 'agent1' });
});

test('ticks lie on the wall clock, one interval apart, and none in the first ten seconds', async () => {
  const { clock, batches, self } = setUp();
  const start = clock.now();
  self.apply(settings);
  await clock.advance(300_000);
  const stamps = batches.map(({ times }) => times.plannedMs);
  assert.ok(stamps.length === 4 || stamps.length === 5);
  assert.ok(stamps[0]! - start >= 10_000 && stamps[0]! - start <= 70_000);
  for (let i = 1; i < stamps.length; i++) assert.equal(stamps[i]! - stamps[i - 1]!, 60_000);
  for (const { timestamps, length, times } of batches)
    for (let i = 0; i < length; i++) assert.equal(timestamps[i], times.plannedMs);

  // the same phase after a restart, another one for another agent
  const again = setUp();
  again.self.apply(settings);
  await again.clock.advance(70_000);
  assert.equal(again.batches[0]!.times.plannedMs, stamps[0]);
  const other = setUp();
  other.self.apply({ ...settings, name: 'agent2' });
  await other.clock.advance(70_000);
  assert.notEqual(other.batches[0]!.times.plannedMs, stamps[0]);
});

test('a child that goes gets one stale marker, and its ref is given away only afterwards', async () => {
  const { clock, metrics, texts, self } = setUp();
  const family = metrics.family('gauge', 'host', 'H.');
  family.with({ lane: 'ping' }).set(1);
  self.apply(settings);
  await clock.advance(70_000);
  family.remove({ lane: 'ping' });
  family.with({ lane: 'probe' }).set(2);
  await clock.advance(60_000);
  const ofHost = (lines: string[]) => lines.filter((line) => line.startsWith('host{'));
  assert.deepEqual(ofHost(texts[1]!), [`host{lane="probe",${OWN}} 2`, `host{lane="ping",${OWN}} stale`]);
  await clock.advance(60_000);
  assert.deepEqual(ofHost(texts[2]!), [`host{lane="probe",${OWN}} 2`]);
});

test('what is pushed is counted: in = out + dropped', async () => {
  const { clock, metrics, batches, self } = setUp('refused');
  metrics.counter('a_total', 'A.');
  self.apply(settings);
  await clock.advance(130_000);
  const pushed = batches.reduce((sum, { length }) => sum + length, 0);
  assert.ok(pushed >= 6);
  assert.match(metrics.render(), new RegExp(`^sentinel_self_samples_total ${pushed}$`, 'm'));
  assert.match(
    metrics.render(),
    new RegExp(`^sentinel_self_dropped_samples_total\\{reason="refused"\\} ${pushed}$`, 'm'),
  );
});

test('0 = only on /metrics', async () => {
  const { clock, batches, self } = setUp();
  self.apply({ ...settings, intervalMs: 0 });
  await clock.advance(600_000);
  assert.equal(batches.length, 0);
  assert.equal(clock.waiting, 0);
});

test('other labels, or off: the series so far end', async () => {
  const { clock, texts, self } = setUp();
  self.apply(settings);
  await clock.advance(70_000);
  self.apply({ ...settings, intervalMs: 30_000 });
  assert.equal(texts.length, 1);
  self.apply({ ...settings, region: 'south' });
  assert.equal(texts.length, 2);
  assert.ok(texts[1]!.length > 0 && texts[1]!.every((line) => /region="north".* stale$/.test(line)));
  await clock.advance(70_000);
  assert.ok(texts[2]!.every((line) => line.includes('region="south"')));
  self.apply({ ...settings, region: 'south', intervalMs: 0 });
  assert.ok(texts[3]!.every((line) => line.endsWith('stale')));
  self.stop();
  await clock.advance(300_000);
  assert.equal(texts.length, 4);
});

test('a step of the wall clock: neither a stamp far from now nor a burst', async () => {
  const { clock, batches, self } = setUp();
  self.apply(settings);
  await clock.advance(70_000);
  clock.step(3_600_000);
  await clock.advance(60_000);
  clock.step(-7_200_000);
  await clock.advance(180_000);
  assert.ok(batches.length >= 3 && batches.length <= 6, String(batches.length));
  for (const { times } of batches) assert.ok(Math.abs(times.plannedMs - times.startedMs) < 60_000);
});

test('the loop that is held is seen', async () => {
  const metrics = new Metrics();
  const delay = new LoopDelay({ clock: new ManualClock(), metrics });
  try {
    // The histogram sees the time between two of its own timers, so that the first one must have passed.
    await until('the delay to be seen', () => {
      const end = performance.now() + 150;
      while (performance.now() < end);
      return delay.worstMs() >= 60;
    });
    assert.match(metrics.render(), /^sentinel_self_loop_delay_seconds \d+\.\d+$/m);
  } finally {
    delay.stop();
  }
});
