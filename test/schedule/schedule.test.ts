import assert from 'node:assert/strict';
import test from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Schedule } from '../../src/schedule/index.js';
import { offsetOf, tickAfter } from '../../src/schedule/offset.js';
import { ManualClock } from '../manual-clock.js';

/** A schedule whose runs take `runMs`, with all that it did. */
function scheduleOf(clock: ManualClock, runMs = 0) {
  const runs: { item: string; plannedMs: number; atMs: number }[] = [];
  const counts = { skipped: 0, missed: 0, late: 0, clock: 0, host: 0 };
  const schedule = new Schedule<string>(clock, {
    run: (item, plannedMs) => {
      runs.push({ item, plannedMs, atMs: clock.now() });
      return runMs === 0 ? Promise.resolve() : new Promise((resolve) => clock.after(runMs, resolve));
    },
    onSkip: (_, { ticks }) => {
      counts.skipped += ticks;
    },
    onMiss: (_, { ticks, reason }) => {
      counts.missed += ticks;
      counts[reason] += ticks;
    },
  });
  return { schedule, runs, counts };
}

const plan = (key: string, intervalMs: number) => ({ key, phase: `agent/${key}`, intervalMs, item: key });

test('a plan runs once at once, then on its own ticks of the wall clock', async () => {
  const clock = new ManualClock();
  const { schedule, runs } = scheduleOf(clock);
  const start = clock.now();
  schedule.add([plan('a', 10_000)]);
  await clock.advance(45_000);
  const want = [start];
  for (
    let tick = tickAfter(start, 10_000, offsetOf('agent/a', 10_000));
    tick <= start + 45_000;
    tick += 10_000
  )
    want.push(tick);
  assert.deepEqual(
    runs.map((run) => run.plannedMs),
    want,
  );
});

test('ticks do not drift with the length of a run', async () => {
  const clock = new ManualClock();
  const { schedule, runs } = scheduleOf(clock, 900);
  schedule.add([plan('a', 1000)]);
  await clock.advance(60_000);
  const gaps = runs.slice(2).map((run, i) => run.plannedMs - runs[i + 1]!.plannedMs);
  assert.ok(gaps.length > 50);
  assert.ok(
    gaps.every((gap) => gap === 1000),
    `gaps ${gaps}`,
  );
});

test('a tick during a run is skipped and counted, and never queued', async () => {
  const clock = new ManualClock();
  const { schedule, runs, counts } = scheduleOf(clock, 2500);
  schedule.add([plan('a', 1000)]);
  await clock.advance(31_000);
  assert.ok(counts.skipped >= 18 && counts.skipped <= 21, `skipped ${counts.skipped}`);
  assert.equal(counts.missed, 0);
  for (let i = 1; i < runs.length; i++) assert.ok(runs[i]!.atMs - runs[i - 1]!.atMs >= 2500);
});

test('ticks that passed unseen are counted, and only the latest is run', async () => {
  const clock = new ManualClock();
  const { schedule, runs, counts } = scheduleOf(clock);
  schedule.add([plan('a', 1000)]);
  await clock.advance(5000);
  const before = runs.length;
  clock.jump(10_000);
  await clock.advance(0);
  assert.equal(runs.length, before + 1);
  assert.equal(counts.missed, 9);
  assert.ok(clock.now() - runs.at(-1)!.plannedMs < 1000);
});

test('first runs come in the order of their hash, 500 a second', async () => {
  const clock = new ManualClock();
  const { schedule, runs } = scheduleOf(clock);
  const start = clock.now();
  schedule.add(Array.from({ length: 1000 }, (_, i) => plan(`t${i}`, 86_400_000)));
  await clock.advance(1000);
  assert.ok(Math.abs(runs.length - 500) <= 2, `${runs.length} in the first second`);
  await clock.advance(1000);
  assert.equal(new Set(runs.map((run) => run.item)).size, 1000);
  assert.ok(runs.at(-1)!.plannedMs - start < 2001);
});

test('phases spread over the interval and are the same after a restart', () => {
  const offsets = Array.from({ length: 10_000 }, (_, i) => offsetOf(`agent/task-${i}`, 60_000));
  const perSecond = new Array(60).fill(0);
  for (const offset of offsets) perSecond[Math.floor(offset / 1000)]++;
  assert.ok(Math.min(...perSecond) > 110 && Math.max(...perSecond) < 230, perSecond.join(' '));
  assert.equal(offsetOf('agent/task-1', 60_000), offsets[1]);
});

test('a removed plan runs no more, a replaced one runs by its new interval', async () => {
  const clock = new ManualClock();
  const { schedule, runs } = scheduleOf(clock);
  schedule.add([plan('a', 1000), plan('b', 1000)]);
  await clock.advance(3000);
  schedule.remove('a');
  schedule.add([plan('b', 10_000)]);
  const before = runs.length;
  await clock.advance(20_000);
  const after = runs.slice(before);
  assert.ok(after.every((run) => run.item === 'b'));
  assert.equal(after.length, 3);
});

test('nothing runs after stop', async () => {
  const clock = new ManualClock();
  const { schedule, runs } = scheduleOf(clock);
  schedule.add([plan('a', 1000)]);
  await clock.advance(3000);
  schedule.stop();
  const before = runs.length;
  await clock.advance(10_000);
  assert.equal(runs.length, before);
});

test('a first run that goes on over many ticks: those are counted when it ends', async () => {
  const clock = new ManualClock();
  const { schedule, runs, counts } = scheduleOf(clock, 5500);
  schedule.add([plan('a', 1000)]);
  await clock.advance(6600);
  assert.equal(runs.length, 2);
  assert.deepEqual(counts, { skipped: 5, missed: 0, late: 0, clock: 0, host: 0 });
});

/** A plan that keeps to its ticks. */
const ticking = (key: string, intervalMs: number, offsetMs: number) => ({
  ...plan(key, intervalMs),
  ticks: { offsetMs },
});

test('a plan that keeps to its ticks first runs at the next one, at the given offset', async () => {
  const clock = new ManualClock();
  const { schedule, runs } = scheduleOf(clock);
  const start = clock.now();
  schedule.add([ticking('a', 10_000, 3000)]);
  await clock.advance(30_000);
  const first = tickAfter(start, 10_000, 3000);
  assert.ok(first > start && first - start <= 10_000);
  assert.deepEqual(
    runs.map((run) => [run.plannedMs, run.atMs]),
    [first, first + 10_000, first + 20_000].map((tick) => [tick, tick]),
  );
});

test('of the ticks that come during a run, such a plan runs the last right after it, and counts the others', async () => {
  const clock = new ManualClock();
  const { schedule, runs, counts } = scheduleOf(clock, 2600);
  const start = tickAfter(clock.now(), 1000, 0);
  schedule.add([ticking('a', 1000, 0)]);
  await clock.advance(start - clock.now() + 5300);
  assert.deepEqual(
    runs.map((run) => [run.plannedMs - start, run.atMs - start]),
    [
      [0, 0],
      [2000, 2600],
      [5000, 5200],
    ],
  );
  // 1000, 3000 and 4000.
  assert.equal(counts.skipped, 3);
});

test('a tick that waits for the end of a run is not run after the plan was removed', async () => {
  const clock = new ManualClock();
  const { schedule, runs } = scheduleOf(clock, 2500);
  const start = tickAfter(clock.now(), 1000, 0);
  schedule.add([ticking('a', 1000, 0)]);
  await clock.advance(start - clock.now() + 1500);
  schedule.remove('a');
  await clock.advance(10_000);
  assert.equal(runs.length, 1);
});

test('a tick that waits while the clock is set back is not run in the future', async () => {
  const clock = new ManualClock();
  const { schedule, runs } = scheduleOf(clock, 2500);
  schedule.add([ticking('a', 1000, 0)]);
  await clock.advance(2100);
  clock.step(-3_600_000);
  await clock.advance(10_000);
  assert.ok(runs.length >= 3);
  for (const { plannedMs, atMs } of runs) assert.ok(plannedMs <= atMs, `${plannedMs - atMs} ms ahead`);
});

test('with slack, runs that are due within it begin together: announced first, at most so late, on their exact ticks', async () => {
  const clock = new ManualClock();
  const instants: { atMs: number; announced: string[]; ran: string[] }[] = [];
  const schedule = new Schedule<string>(clock, {
    onStart: (starts) =>
      void instants.push({ atMs: clock.now(), announced: starts.map(({ item }) => item), ran: [] }),
    run: async (item, plannedMs) => {
      instants.at(-1)!.ran.push(item);
      if (firstRan.has(item)) ticks.push({ item, plannedMs, lateMs: clock.now() - plannedMs });
      firstRan.add(item);
    },
    onSkip: () => assert.fail('nothing runs long enough'),
    onMiss: () => assert.fail('nothing is missed'),
  });
  const firstRan = new Set<string>();
  const ticks: { item: string; plannedMs: number; lateMs: number }[] = [];
  schedule.slackMs = 20;
  schedule.add(Array.from({ length: 200 }, (_, i) => plan(`t${i}`, 1000)));
  await clock.advance(11_000);
  assert.ok(ticks.length > 1900, `${ticks.length} runs`);
  for (const { item, plannedMs, lateMs } of ticks) {
    assert.equal((plannedMs - offsetOf(`agent/${item}`, 1000)) % 1000, 0, 'on its own phase');
    assert.ok(lateMs >= 0 && lateMs <= 21, `${lateMs} ms late`);
  }
  for (const { announced, ran } of instants) assert.deepEqual(announced, ran);
  const gaps = instants.slice(1).map(({ atMs }, i) => atMs - instants[i]!.atMs);
  const short = gaps.filter((gap) => gap > 0 && gap < 20).length;
  assert.ok(short <= 200, `${short} starts within the slack; only first runs may cause them`);
  assert.ok(instants.length < 800, `${instants.length} starts in 11 s`);
});

test('with slack, a run that has the moment for itself is not late', async () => {
  const clock = new ManualClock();
  const { schedule, runs } = scheduleOf(clock);
  schedule.slackMs = 20;
  schedule.add([plan('a', 1000)]);
  await clock.advance(5000);
  assert.ok(runs.length >= 5);
  for (const { atMs, plannedMs } of runs) assert.equal(atMs, plannedMs);
});

test('with slack, a plan whose interval is shorter misses no tick', async () => {
  const clock = new ManualClock();
  const { schedule, runs, counts } = scheduleOf(clock);
  schedule.slackMs = 20;
  schedule.add([plan('fast', 10), plan('other', 1000)]);
  await clock.advance(5000);
  assert.equal(counts.missed, 0);
  assert.ok(runs.filter(({ item }) => item === 'fast').length >= 499);
  schedule.remove('fast');
  schedule.add([plan('faster', 1)]);
  await clock.advance(1000);
  assert.equal(counts.missed, 0);
});

test('what was taken out of the plan does not stay in memory until its next tick', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const clock = new ManualClock();
  const day = 86_400_000;
  const schedule = new Schedule<object>(clock, {
    run: async () => {},
    onSkip: () => {},
    onMiss: () => {},
  });
  const items: WeakRef<object>[] = [];
  for (let i = 0; i < 1000; i++) {
    const item = {};
    items.push(new WeakRef(item));
    schedule.add([
      { key: 'a', phase: 'a', intervalMs: day, item, resume: { plannedMs: clock.now(), cutShort: false } },
    ]);
  }
  await clock.advance(1000);
  collect();
  const left = items.filter((item) => item.deref() !== undefined).length;
  assert.ok(left < 200, `${left} are left`);
});
