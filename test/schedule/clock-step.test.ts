import assert from 'node:assert/strict';
import test from 'node:test';
import { type Logger, Metrics } from '../../src/lib/index.js';
import { Batch, SeriesTable } from '../../src/model/index.js';
import { BootClock } from '../../src/schedule/boot-clock.js';
import { ClockWatch, watchClock } from '../../src/schedule/clock-watch.js';
import { type Missed, type Resume, Schedule } from '../../src/schedule/index.js';
import { offsetOf, tickAfter } from '../../src/schedule/offset.js';
import { ManualClock } from '../manual-clock.js';

const HOUR = 3_600_000;

/** A schedule of instant runs, with all that it did. */
function scheduleOf(clock: ManualClock) {
  const runs: { item: string; plannedMs: number; atMs: number; realMs: number }[] = [];
  const missed: Record<Missed['reason'], number> = { late: 0, clock: 0, host: 0 };
  const schedule = new Schedule<string>(clock, {
    run: async (item, plannedMs) => {
      runs.push({ item, plannedMs, atMs: clock.now(), realMs: clock.monotonic() });
    },
    onSkip: () => assert.fail('nothing runs long enough'),
    onMiss: (_, { ticks, reason }) => {
      missed[reason] += ticks;
    },
  });
  return { schedule, runs, missed };
}

const plan = (key: string, intervalMs: number, resume?: Resume) => ({
  key,
  phase: `agent/${key}`,
  intervalMs,
  item: key,
  resume,
});

const rising = (stamps: readonly number[]) => stamps.every((stamp, i) => i === 0 || stamp > stamps[i - 1]!);

test('a step forward: no catch-up runs, the ticks between are counted once, the phase is kept', async () => {
  const clock = new ManualClock();
  const { schedule, runs, missed } = scheduleOf(clock);
  schedule.add(Array.from({ length: 50 }, (_, i) => plan(`t${i}`, 10_000)));
  await clock.advance(30_000);
  const before = runs.length;
  clock.step(HOUR);
  await clock.advance(1000);
  assert.ok(runs.length - before <= 10, `${runs.length - before} runs in the second after the step`);
  await clock.advance(9_000);
  const after = runs.slice(before);
  assert.ok(after.length >= 45 && after.length <= 50, `${after.length} runs in the interval after`);
  for (const { item, plannedMs } of after)
    assert.equal((plannedMs - offsetOf(`agent/${item}`, 10_000)) % 10_000, 0, 'on its own phase');
  assert.equal(missed.late + missed.host, 0);
  assert.ok(Math.abs(missed.clock - 50 * 360) <= 50, `${missed.clock} ticks`);
});

test('every tick of a step forward is either run or counted', async () => {
  const clock = new ManualClock();
  const { schedule, runs, missed } = scheduleOf(clock);
  schedule.add([plan('a', 1000)]);
  await clock.advance(5000);
  clock.step(100_500);
  await clock.advance(5000);
  const ticks = runs.slice(1).map(({ plannedMs }) => plannedMs);
  const inAll = (ticks.at(-1)! - ticks[0]!) / 1000 + 1;
  assert.equal(ticks.length + missed.clock, inAll);
});

test('a step back of an hour: the task runs on at once, by the new clock', async () => {
  const clock = new ManualClock();
  const { schedule, runs, missed } = scheduleOf(clock);
  schedule.add([plan('a', 1000)]);
  await clock.advance(5000);
  const before = runs.length;
  clock.step(-HOUR);
  await clock.advance(10_000);
  const after = runs.slice(before);
  assert.ok(after.length >= 9, `${after.length} runs in ten seconds`);
  assert.ok(after.every(({ plannedMs, atMs }) => Math.abs(atMs - plannedMs) < 1000));
  assert.deepEqual(missed, { late: 0, clock: 0, host: 0 });
});

test('a step back of a minute: runs go on, and stamps wait for the clock without going back', async () => {
  const clock = new ManualClock();
  const { schedule, runs } = scheduleOf(clock);
  schedule.add([plan('a', 1000)]);
  await clock.advance(5000);
  clock.step(-60_000);
  await clock.advance(120_000);
  const stamps = runs.map(({ plannedMs }) => plannedMs);
  assert.ok(rising(stamps), 'stamps rise');
  const gaps = runs.slice(1).map(({ realMs }, i) => realMs - runs[i]!.realMs);
  assert.ok(Math.max(...gaps) <= 2000, `a gap of ${Math.max(...gaps)} ms`);
  assert.ok(
    clock.now() - stamps.at(-1)! <= 1000,
    'once the clock has passed the old stamps, they are its own again',
  );
});

test('a step back that is shorter than the interval runs no tick twice', async () => {
  const clock = new ManualClock();
  const { schedule, runs } = scheduleOf(clock);
  schedule.add([plan('a', 60_000)]);
  const tick = tickAfter(clock.now(), 60_000, offsetOf('agent/a', 60_000));
  await clock.advance(tick - clock.now() + 1000);
  clock.step(-5000);
  await clock.advance(65_000);
  assert.deepEqual(
    runs.slice(1).map(({ plannedMs }) => plannedMs),
    [tick, tick + 60_000],
  );
});

test('a step while first runs wait neither fires them all nor holds them up', async () => {
  for (const stepMs of [HOUR, -HOUR]) {
    const clock = new ManualClock();
    const { schedule, runs } = scheduleOf(clock);
    schedule.add(Array.from({ length: 2000 }, (_, i) => plan(`t${i}`, 24 * HOUR)));
    await clock.advance(1000);
    clock.step(stepMs);
    await clock.advance(2000);
    assert.ok(Math.abs(runs.length - 1500) < 10, `${runs.length} runs in three seconds`);
  }
});

test('slow drift and small corrections are no steps', () => {
  const clock = new ManualClock();
  const watch = new ClockWatch(clock);
  for (let i = 0; i < 100; i++) {
    clock.jump(1000);
    clock.step(i % 2 === 0 ? 400 : -300);
    assert.equal(watch.look(), 0);
  }
  clock.step(-1500);
  assert.equal(watch.look(), -1500);
  assert.equal(watch.look(), 0);
});

test('a schedule that takes over goes on with the next tick; ticks without a schedule are counted', async () => {
  const f = async (
    lastAgoTicks: number,
    options: { cutShort?: boolean; sinceTickMs: number; intervalMs: number },
  ) => {
    const clock = new ManualClock();
    const { schedule, runs, missed } = scheduleOf(clock);
    const { intervalMs, sinceTickMs, cutShort = false } = options;
    const next = tickAfter(clock.now(), intervalMs, offsetOf('agent/a', intervalMs));
    clock.jump(next + sinceTickMs - clock.now());
    schedule.add([plan('a', intervalMs, { plannedMs: next - lastAgoTicks * intervalMs, cutShort })]);
    await clock.advance(1);
    const now = runs.map(({ plannedMs }) => (plannedMs === next ? 'tick' : 'first')).join();
    await clock.advance(intervalMs);
    const later = runs.slice(now === '' ? 0 : 1).map(({ plannedMs }) => (plannedMs - next) / intervalMs);
    return `now ${now || 'nothing'}, then ${later}, missed ${missed.host}`;
  };
  // The tick before was run: the next one is.
  assert.equal(await f(0, { intervalMs: 1000, sinceTickMs: 300 }), 'now nothing, then 1, missed 0');
  // Its last tick passed a moment ago, and three before that.
  assert.equal(await f(1, { intervalMs: 1000, sinceTickMs: 300 }), 'now tick, then 1, missed 0');
  assert.equal(await f(4, { intervalMs: 1000, sinceTickMs: 300 }), 'now tick, then 1, missed 3');
  // The tick passed long ago: its stamp would lie.
  assert.equal(await f(1, { intervalMs: 60_000, sinceTickMs: 9000 }), 'now first, then 1, missed 1');
  // A run that was cut short is not run again, but a long wait for the next one begins with a run.
  assert.equal(
    await f(0, { intervalMs: 60_000, sinceTickMs: 9000, cutShort: true }),
    'now first, then 1, missed 0',
  );
  assert.equal(
    await f(0, { intervalMs: 1000, sinceTickMs: 300, cutShort: true }),
    'now nothing, then 1, missed 0',
  );
  assert.equal(await f(0, { intervalMs: 60_000, sinceTickMs: 9000 }), 'now nothing, then 1, missed 0');
});

test('taking over many plans whose ticks have passed is no burst', async () => {
  const clock = new ManualClock();
  const { schedule, runs } = scheduleOf(clock);
  const lastMs = clock.now() - 20_000;
  schedule.add(
    Array.from({ length: 5000 }, (_, i) => plan(`t${i}`, 60_000, { plannedMs: lastMs, cutShort: false })),
  );
  await clock.advance(1000);
  assert.ok(runs.length > 450 && runs.length < 620, `${runs.length} in the first second`);
});

test('a step is logged and counted once', async () => {
  const clock = new ManualClock();
  const metrics = new Metrics();
  const lines: string[] = [];
  const line = (first: string | object, second?: string) =>
    void lines.push(typeof first === 'string' ? first : String(second));
  const log: Logger = { debug: line, info: line, warn: line, error: line, child: () => log };
  let stepMs = 0;
  const boot = new BootClock(clock, () => stepMs);
  const watch = watchClock({ clock, log, metrics }, boot);
  const step = async (ms: number, inFirstMinutes: boolean) => {
    stepMs = inFirstMinutes ? ms : 0;
    clock.step(ms);
    await clock.advance(5000);
  };
  await clock.advance(5000);
  await step(-90_000, true);
  await step(-30_000, true);
  await step(3_600_000, false);
  watch.stop();
  assert.deepEqual(lines, [
    'The clock went back by 1m30s; tasks go on by the new time',
    'What was not sent yet gets its times corrected: the clock was wrong since the start',
    'The clock went back by 30s; tasks go on by the new time',
    'The clock went forward by 1h; tasks go on by the new time',
  ]);
  assert.match(metrics.render(), /clock_steps_total\{direction="forward"\} 1/);
  assert.match(metrics.render(), /clock_steps_total\{direction="back"\} 2/);
});

test('a clock that is set soon after a boot: runs that began before get the right time, later ones keep theirs', () => {
  for (const stepMs of [50 * 365 * 24 * HOUR, -90_000]) {
    const clock = new ManualClock();
    const boot = new BootClock(clock, () => stepMs);
    const batchOf = (finishedMs: number) => {
      const times = { plannedMs: finishedMs - 2000, startedMs: finishedMs - 1500, finishedMs };
      const batch = new Batch({ kind: 'task', id: 'a' }, new SeriesTable(), times);
      batch.add(0, 1, times.plannedMs);
      return batch;
    };
    const before = batchOf(clock.now());
    const exemplar = { labels: ['trace_id', 'x'], value: 1, timestampMs: before.times.plannedMs };
    before.exemplars = new Map([[0, [exemplar]]]);
    clock.jump(20_000);
    clock.step(stepMs);
    assert.equal(boot.step(), true);
    boot.correct(before);
    assert.equal(clock.now() - before.timestamps[0]!, 22_000, 'its tick was 22 s ago');
    assert.equal(before.exemplars.get(0)![0]!.timestampMs, before.timestamps[0]);
    const after = batchOf(clock.now());
    boot.correct(after);
    assert.equal(clock.now() - after.timestamps[0]!, 2000);
  }
});
