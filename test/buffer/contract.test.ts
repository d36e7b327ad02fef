import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { openSqliteStore } from '../../src/buffer/open-store.js';
import type { OpenStore } from '../../src/buffer/store.js';
import { openWorkerStore } from '../../src/buffer/worker-store.js';
import { slowStore } from './faulty-store.js';
import { Bench, numberOf, temporaryDirectory } from './set-up.js';

const HOUR = 3_600_000;

const full = async () => {
  throw new Database.SqliteError('database or disk is full', 'SQLITE_FULL');
};

// The buffer must behave alike wherever its blocks are.
const PLACES = {
  'in memory': (t: TestContext) => Bench.open(temporaryDirectory(t)),
  'on disk': (t: TestContext) => Bench.open(temporaryDirectory(t), { commitIntervalMs: 0 }),
  'on disk, in a worker': (t: TestContext) =>
    Bench.open(temporaryDirectory(t), { commitIntervalMs: 0 }, { openStore: openWorkerStore }),
  'in memory, the disk failing': (t: TestContext) =>
    Bench.open(temporaryDirectory(t), {}, { openStore: full }),
};

for (const [place, open] of Object.entries(PLACES)) {
  const contract = (name: string, run: (bench: Bench) => Promise<void>) =>
    test(`buffer ${place}: ${name}`, async (t) => {
      const bench = await open(t);
      await run(bench);
      bench.checkSums();
      await bench.buffer.close();
      bench.checkSums();
    });

  contract('oldest first, and for the route alone', async (bench) => {
    for (const number of [1, 2, 3]) bench.push(number);
    bench.push(4, { route: 'c' });
    assert.deepEqual(await bench.drain('a'), [1, 2, 3]);
    assert.deepEqual(await bench.drain('a'), []);
    assert.deepEqual(await bench.drain('c'), [4]);
  });

  contract('after a boot with a wrong clock, what is not sent goes out corrected', async (bench) => {
    bench.push(1);
    const before = bench.clock.now();
    const sending = await bench.take('a');
    bench.push(2);
    bench.clock.step(HOUR);
    assert.equal(bench.buffer.shiftUnsent(), HOUR);
    await bench.clock.advance(1000);
    bench.push(3);
    await bench.buffer.release(sending!);
    for (const ahead of [HOUR, HOUR, HOUR + 1000]) {
      const lease = await bench.take('a');
      assert.equal(lease!.block.minMs - before, ahead);
      await bench.buffer.ack(lease!);
    }
    assert.deepEqual(await bench.drain('b'), [1, 2, 3]);
    assert.equal(bench.metric('sentinel_buffer_samples_shifted_total{destination="a"}'), 20);
    assert.equal(bench.metric('sentinel_buffer_samples_shifted_total{destination="b"}'), 20);
  });

  contract('fresh gives the newest first', async (bench) => {
    for (const number of [1, 2, 3]) bench.push(number);
    assert.deepEqual(await bench.drain('a', 'fresh'), [3, 2, 1]);
  });

  contract('each destination acknowledges for itself', async (bench) => {
    for (const number of [1, 2]) bench.push(number);
    assert.deepEqual(await bench.drain('a'), [1, 2]);
    assert.equal(bench.buffer.stats('b').samples, 20);
    assert.deepEqual(await bench.drain('b'), [1, 2]);
    assert.equal(bench.metric('sentinel_buffer_memory_bytes'), 0);
  });

  contract('what is handed out is not handed out again', async (bench) => {
    for (const number of [1, 2, 3]) bench.push(number);
    const [one, newest, two] = await Promise.all([
      bench.take('a'),
      bench.take('a', 'fresh'),
      bench.take('a'),
    ]);
    assert.deepEqual([one, newest, two].map(numberOf), [1, 3, 2]);
    assert.equal(await bench.take('a'), undefined);
    assert.equal(numberOf(await bench.take('b')), 1);
    assert.equal(bench.buffer.stats('a').blocks, 3);
  });

  contract('what is released keeps its place and counts its attempts', async (bench) => {
    for (const number of [1, 2, 3]) bench.push(number);
    for (const attempts of [0, 1, 2]) {
      const lease = await bench.take('a');
      assert.deepEqual([numberOf(lease), lease!.attempts], [1, attempts]);
      await bench.buffer.release(lease!);
    }
    assert.deepEqual(await bench.drain('a'), [1, 2, 3]);
    assert.equal((await bench.take('b'))!.attempts, 0);
  });

  contract('what is dropped is counted with its reason', async (bench) => {
    for (const number of [1, 2]) bench.push(number);
    await bench.buffer.drop((await bench.take('a'))!, 'refused');
    assert.equal(bench.metric('sentinel_buffer_samples_dropped_total{destination="a",reason="refused"}'), 10);
    assert.deepEqual(await bench.drain('a'), [2]);
    assert.deepEqual(await bench.drain('b'), [1, 2]);
  });

  contract('settling twice counts once', async (bench) => {
    bench.push(1);
    const lease = (await bench.take('a'))!;
    await bench.buffer.ack(lease);
    await bench.buffer.ack(lease);
    await bench.buffer.release(lease);
    assert.equal(bench.metric('sentinel_buffer_samples_out_total{destination="a"}'), 10);
    assert.equal(await bench.take('a'), undefined);
  });

  contract('stats tell blocks, samples, bytes and the oldest timestamp', async (bench) => {
    const none = { blocks: 0, samples: 0, bytes: 0, oldestMs: undefined, droppedSamples: 0 };
    assert.deepEqual(bench.buffer.stats('a'), none);
    bench.push(1, { minMs: 1000, maxMs: 2000 });
    bench.push(2, { minMs: 3000, maxMs: 4000 });
    await bench.clock.advance(0);
    assert.deepEqual(bench.buffer.stats('a'), {
      ...none,
      blocks: 2,
      samples: 20,
      bytes: 200,
      oldestMs: 1000,
    });
    await bench.buffer.ack((await bench.take('a'))!);
    assert.deepEqual(bench.buffer.stats('a'), {
      ...none,
      blocks: 1,
      samples: 10,
      bytes: 100,
      oldestMs: 3000,
    });
    await bench.drain('a');
    assert.deepEqual(bench.buffer.stats('a'), none);
    assert.deepEqual(bench.buffer.stats('unknown'), none);
  });

  contract('what comes out is what went in', async (bench) => {
    const block = { samples: 7, minMs: 5, maxMs: 9 };
    bench.push(77, { ...block, size: 5000 });
    const lease = (await bench.take('a'))!;
    const { route, format, codec, samples, minMs, maxMs, bytes } = lease.block;
    assert.deepEqual(
      { route, format, codec, samples, minMs, maxMs },
      { route: 'ab', format: 'remote_write_1', codec: 'snappy', ...block },
    );
    assert.deepEqual([bytes.length, numberOf(lease)], [5000, 77]);
  });

  contract('new routes: what is queued stays, also for a destination that is gone', async (bench) => {
    bench.push(1);
    const lease = (await bench.take('a'))!;
    bench.buffer.setRoutes(new Map([['bd', ['b', 'd']]]));
    bench.push(2, { route: 'bd' });
    assert.deepEqual([bench.buffer.stats('a').blocks, bench.buffer.stats('b').blocks], [1, 2]);
    assert.ok(bench.logged.some((line) => line.includes('queued for "a", which is not configured')));
    await bench.buffer.release(lease);
    bench.checkSums();
    bench.buffer.setRoutes(new Map([['abd', ['a', 'b', 'd']]]));
    bench.push(3, { route: 'abd' });
    assert.deepEqual(await bench.drain('a'), [1, 3]);
    assert.deepEqual(await bench.drain('b'), [1, 2, 3]);
    assert.deepEqual(await bench.drain('d'), [2, 3]);
  });

  contract('a destination that is gone and empty leaves no metric behind', async (bench) => {
    bench.push(1);
    bench.buffer.setRoutes(new Map([['b', ['b']]]));
    assert.match(bench.metrics.render(), /destination="a"/);
    assert.deepEqual(await bench.drain('a'), [1]);
    assert.doesNotMatch(bench.metrics.render(), /destination="[ac]"/);
    assert.equal(await bench.take('a'), undefined);
  });

  contract('a listener hears of every push; a closed buffer refuses', async (bench) => {
    let heard = 0;
    bench.buffer.onPush(() => heard++);
    const end = bench.buffer.onPush(() => heard++);
    bench.push(1);
    end();
    bench.push(2);
    assert.equal(heard, 3);
    await bench.buffer.close();
    const block = {
      route: 'ab',
      format: 'remote_write_1',
      codec: 'snappy',
      samples: 1,
      minMs: 0,
      maxMs: 0,
      bornMs: 0,
    } as const;
    assert.equal(bench.buffer.push({ ...block, bytes: new Uint8Array(1) }), 'refused');
  });
}

const STEP = fc.oneof(
  fc.constant('push' as const),
  fc.constant('commit' as const),
  fc.constant('wait' as const),
  fc.record({
    destination: fc.constantFrom('a', 'b'),
    lane: fc.constantFrom('oldest' as const, 'fresh' as const),
    end: fc.constantFrom('ack' as const, 'release' as const, 'keep' as const),
  }),
);

/** Does the steps, and gives what each destination got by them and by a second buffer on the same file. */
async function play(t: TestContext, steps: readonly Step[], pace: Pace): Promise<Record<string, number[]>> {
  const directory = temporaryDirectory(t);
  const first = await Bench.open(directory, {}, { openStore: pace.openStore });
  const got: Record<string, number[]> = { a: [], b: [] };
  let pushed = 0;
  const doing: Promise<void>[] = [];
  const step = async (next: Step) => {
    if (next === 'push') first.push(++pushed);
    else if (next === 'commit') await first.buffer.commit();
    else if (next === 'wait') await first.clock.advance(4000);
    else {
      const lease = await first.take(next.destination, next.lane);
      if (lease === undefined || next.end === 'keep') return;
      if (next.end === 'ack') got[next.destination]!.push(numberOf(lease));
      await first.buffer[next.end](lease);
    }
  };
  for (const next of steps) {
    const done = step(next);
    if (pace.isSerial || next === 'wait') await done;
    else doing.push(done);
    first.checkSums();
  }
  await Promise.all(doing);
  await first.buffer.close();
  first.checkSums();
  const second = await Bench.open(directory, {}, { clock: first.clock });
  for (const name of ['a', 'b']) got[name]!.push(...(await second.drain(name)));
  second.checkSums();
  await second.buffer.close();
  for (const numbers of Object.values(got)) numbers.sort((x, y) => x - y);
  return got;
}

type Step = typeof STEP extends fc.Arbitrary<infer Value> ? Value : never;

interface Pace {
  isSerial: boolean;
  openStore: OpenStore;
}

const PACES: Record<string, Pace> = {
  'one after the other': { isSerial: true, openStore: openSqliteStore },
  'at once, while the disk is slow': { isSerial: false, openStore: slowStore },
};

for (const [how, pace] of Object.entries(PACES))
  test(`buffer: whatever is done in whatever order, ${how}, nothing is lost, doubled or counted wrong`, async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(STEP, { maxLength: 40 }), async (steps) => {
        const all = Array.from({ length: steps.filter((step) => step === 'push').length }, (_, i) => i + 1);
        assert.deepEqual(await play(t, steps, pace), { a: all, b: all });
      }),
      { numRuns: 60 },
    );
  });

test('blocks of a clock that was wrong are not too old, once it is set', async (t) => {
  for (const commitIntervalMs of [0, 10_000]) {
    const bench = await Bench.open(temporaryDirectory(t), { commitIntervalMs, maxAgeMs: 24 * HOUR });
    bench.push(1);
    await bench.clock.advance(1000);
    bench.clock.step(50 * 365 * 24 * HOUR);
    bench.buffer.shiftUnsent();
    await bench.clock.advance(5000);
    assert.deepEqual(await bench.drain('a'), [1]);
    bench.checkSums();
    await bench.buffer.close();
  }
});
