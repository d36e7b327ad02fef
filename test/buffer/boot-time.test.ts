import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import Database from 'better-sqlite3';
import { openSqliteStore } from '../../src/buffer/open-store.js';
import { ManualClock } from '../manual-clock.js';
import { faultyStore, slowStore } from './faulty-store.js';
import { Bench, numberOf, temporaryDirectory } from './set-up.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const YEARS = 6 * 365 * 24 * HOUR;
/** When the clock of all tests is right, ms since 1970: uptime 0 of their boot. */
const RIGHT_MS = Date.UTC(2026, 0, 1) - 1000;

/** A machine that was switched on with a clock which is `wrongMs` off. */
function machine(t: TestContext, wrongMs = -YEARS) {
  const clock = new ManualClock(RIGHT_MS + 1000 + wrongMs);
  const directory = temporaryDirectory(t);
  /** Monotonic times at which blocks were pushed, by number. */
  const pushedMs: number[] = [];
  return {
    clock,
    directory,
    set: (ms: number) => clock.step(ms),
    start: (more: Parameters<typeof Bench.open>[2] & { maxAgeMs?: number } = {}) => {
      const { maxAgeMs = 0, ...set } = more;
      return Bench.open(directory, { commitIntervalMs: 1000, maxAgeMs }, { clock, ...set });
    },
    /** Pushes a block, and lets it be committed. */
    make: async (bench: Bench) => {
      bench.push(pushedMs.length);
      pushedMs.push(clock.monotonic());
      await clock.advance(2000);
    },
    /** Delivers everything to `a`; gives how far each block's time is from the truth, ms. */
    deliver: async (bench: Bench) => {
      const errors: number[] = [];
      for (;;) {
        const lease = await bench.take('a');
        if (lease === undefined) return errors;
        errors.push(lease.block.minMs - (RIGHT_MS + pushedMs[numberOf(lease)]!));
        await bench.buffer.ack(lease);
      }
    },
  };
}

const shifted = (bench: Bench) => bench.metric('sentinel_buffer_samples_shifted_total{destination="a"}');

test('in memory and on disk: the step moves what is not sent, once', async (t) => {
  const { set, start, make, deliver } = machine(t);
  const bench = await start();
  for (let i = 0; i < 3; i++) await make(bench);
  set(YEARS);
  assert.equal(bench.buffer.shiftUnsent(), YEARS);
  await make(bench);
  assert.equal(bench.buffer.shiftUnsent(), 0);
  assert.deepEqual(await deliver(bench), [0, 0, 0, 0]);
  assert.equal(shifted(bench), 30);
  await bench.buffer.close();
});

test('a restart between the step and the delivery: moved all the same, and not twice', async (t) => {
  for (const bootId of ['a boot', 'a later boot']) {
    const { set, start, make, deliver } = machine(t);
    let bench = await start();
    for (let i = 0; i < 2; i++) await make(bench);
    set(YEARS);
    bench.buffer.shiftUnsent();
    await make(bench);
    for (let i = 0; i < 3; i++) {
      await bench.buffer.close();
      bench = await start({ boot: { id: bootId } });
      bench.buffer.shiftUnsent();
    }
    await make(bench);
    assert.deepEqual(await deliver(bench), [0, 0, 0, 0], bootId);
    assert.equal(shifted(bench), 20);
    bench.checkSums();
    await bench.buffer.close();
  }
});

test('a restart before the step: what the earlier run made is moved too', async (t) => {
  for (const when of ['while it runs', 'while it is down']) {
    const { clock, set, start, make, deliver } = machine(t);
    let bench = await start();
    await make(bench);
    await bench.buffer.close();
    if (when === 'while it is down') set(YEARS);
    await clock.advance(MINUTE);
    bench = await start();
    if (when === 'while it runs') {
      await make(bench);
      set(YEARS);
      assert.equal(bench.buffer.shiftUnsent(), YEARS);
    }
    await make(bench);
    assert.deepEqual(new Set(await deliver(bench)), new Set([0]), when);
    await bench.buffer.close();
  }
});

test('samples of an earlier boot, and of before a file had stamps, stay as they are', async (t) => {
  const { clock, directory, set, start, make, deliver } = machine(t, 0);
  const earlier = { boot: { id: 'an earlier boot' } };
  let bench = await start(earlier);
  await make(bench);
  await bench.buffer.close();
  const file = new Database(join(directory, 'buffer.db'));
  file.exec('DROP TABLE stamp; DROP TRIGGER stamp_goes');
  file.close();
  bench = await start(earlier);
  await make(bench);
  await bench.buffer.close();
  await clock.advance(HOUR);
  const bootMs = clock.monotonic();
  set(-YEARS);
  bench = await start({ boot: { uptimeMs: () => clock.monotonic() - bootMs } });
  await make(bench);
  set(YEARS);
  assert.equal(bench.buffer.shiftUnsent(), YEARS);
  assert.deepEqual(await deliver(bench), [0, 0, 0]);
  assert.equal(shifted(bench), 10);
  await bench.buffer.close();
});

test('a small step, a suspend and a step after ten minutes move nothing; a restart does not begin them again', async (t) => {
  let suspendedMs = 0;
  const changes: Record<string, (clock: ManualClock) => Promise<void> | void> = {
    'a step of 30 s': (clock) => clock.step(30_000),
    'a suspend': (clock) => {
      clock.step(HOUR / 10);
      suspendedMs += HOUR / 10;
    },
    'after ten minutes': async (clock) => {
      await clock.advance(3 * MINUTE);
      clock.step(HOUR);
    },
  };
  for (const [what, change] of Object.entries(changes)) {
    suspendedMs = 0;
    const { clock, start, make, deliver } = machine(t, 0);
    const boot = { uptimeMs: () => clock.monotonic() + suspendedMs };
    const first = await start({ boot });
    await make(first);
    await clock.advance(what === 'a suspend' ? 0 : 8 * MINUTE);
    await first.buffer.close();
    const bench = await start({ boot });
    await make(bench);
    await change(clock);
    bench.buffer.shiftUnsent();
    assert.deepEqual(await deliver(bench), [0, 0], what);
    assert.equal(shifted(bench), 0, what);
    await bench.buffer.close();
  }
});

test('a step while blocks are being written reaches them as well', async (t) => {
  const { set, start, make, deliver } = machine(t);
  const bench = await start({ openStore: slowStore });
  await make(bench);
  bench.push(1);
  const committed = bench.buffer.commit();
  await new Promise((resolve) => setImmediate(resolve));
  set(YEARS);
  bench.buffer.shiftUnsent();
  await committed;
  await bench.buffer.close();
  const later = await start({ boot: { id: 'a later boot' } });
  const lease = await later.take('a', 'fresh');
  assert.ok(lease!.block.minMs > RIGHT_MS);
  await later.buffer.release(lease!);
  assert.equal((await deliver(later))[0], 0);
  await later.buffer.close();
});

test('forward and back, and in two steps: what counts is the clock as it is in the end', async (t) => {
  const { set, start, make, deliver } = machine(t, 0);
  const bench = await start();
  await make(bench);
  set(HOUR);
  bench.buffer.shiftUnsent();
  await make(bench);
  set(-HOUR);
  bench.buffer.shiftUnsent();
  await make(bench);
  assert.deepEqual(await deliver(bench), [0, 0, 0]);
  assert.equal(shifted(bench), 10, 'only what was made while the clock was wrong');
  await bench.buffer.close();
});

test('a block in flight at the step goes again with the right time', async (t) => {
  const { set, start, make, deliver } = machine(t);
  const bench = await start();
  await make(bench);
  const sending = await bench.take('a');
  set(YEARS);
  bench.buffer.shiftUnsent();
  await bench.buffer.release(sending!);
  assert.deepEqual(await deliver(bench), [0]);
  await bench.buffer.close();
});

test('between the step and the moment in which it is noticed nothing is handed out with a wrong time, or dropped for its age', async (t) => {
  const { set, start, make, deliver, clock } = machine(t);
  const bench = await start({ maxAgeMs: HOUR });
  await make(bench);
  set(YEARS);
  await clock.advance(2000);
  assert.deepEqual(await deliver(bench), [0]);
  assert.ok(bench.metric('sentinel_buffer_oldest_sample_age_seconds{destination="b"}') < 60);
  await bench.buffer.close();
});

test('the disk is full at the step: handed out with the right time at once, and written when there is room', async (t) => {
  const { set, start, make, deliver, clock } = machine(t);
  const store = faultyStore();
  store.operations.push('shift');
  let bench = await start({ openStore: store.openStore });
  for (let i = 0; i < 3; i++) await make(bench);
  store.fault = 'SQLITE_FULL';
  set(YEARS);
  bench.buffer.shiftUnsent();
  await clock.advance(1000);
  const first = await bench.take('a');
  assert.equal(first!.block.minMs, RIGHT_MS + 1000);
  await bench.buffer.release(first!);
  store.fault = undefined;
  await clock.advance(10_000);
  await bench.buffer.close();
  bench = await start({ boot: { id: 'a later boot' } });
  assert.deepEqual(await deliver(bench), [0, 0, 0]);
  await bench.buffer.close();
});

test('a stamp goes with its block, and one with wrong bytes moves nothing', async (t) => {
  const { directory, set, start, make, deliver } = machine(t);
  const bench = await start();
  for (let i = 0; i < 2; i++) await make(bench);
  set(YEARS);
  bench.buffer.shiftUnsent();
  await bench.buffer.close();
  const path = join(directory, 'buffer.db');
  const file = new Database(path);
  file.exec('UPDATE stamp SET shift_ms = 5 WHERE block = (SELECT max(block) FROM stamp)');
  file.close();
  const later = await start({ boot: { id: 'a later boot' } });
  assert.deepEqual(await deliver(later), [0, -YEARS]);
  await later.drain('b');
  await later.buffer.close();
  const empty = new Database(path);
  assert.equal(empty.prepare('SELECT count(*) FROM stamp WHERE boot = ?').pluck().get('a boot'), 0);
  empty.close();
});

test('a broken file: stamps are kept with their blocks', async (t) => {
  const { directory, set, start, make, deliver, clock } = machine(t);
  const bench = await start();
  for (let i = 0; i < 3; i++) await make(bench);
  set(YEARS);
  bench.buffer.shiftUnsent();
  await bench.buffer.close();
  const broken = 'a test says so';
  const settled = new Map<string, Set<number>>();
  const options = { directory, synchronous: 'normal', nowMs: clock.now(), broken, settled } as const;
  const store = await openSqliteStore(options);
  assert.deepEqual([...(await store.contents()).boots.keys()], ['a boot']);
  await store.close();
  const later = await start({ boot: { id: 'a later boot' } });
  assert.deepEqual(await deliver(later), [0, 0, 0]);
  await later.buffer.close();
});
