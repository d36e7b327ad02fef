import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import test from 'node:test';
import { openInWorker, openWorkerStore } from '../../src/buffer/worker-store.js';
import { until } from '../until.js';
import { stallingStore } from './faulty-store.js';
import { Bench, numberOf, temporaryDirectory } from './set-up.js';

const SECOND = 1000;
const HEALTHY = 'sentinel_buffer_disk_healthy';
const MEMORY = 'sentinel_buffer_memory_bytes';
const ONLY_A = { routes: new Map([['ab', ['a']]]) };

/** Block 1 is on disk; block 2 is being written when the disk stalls. */
async function stalled(directory: string, options: Parameters<typeof Bench.open>[1] = {}) {
  const disk = stallingStore();
  const bench = await Bench.open(directory, options, { ...ONLY_A, openStore: disk.openStore });
  bench.push(1);
  await bench.buffer.commit();
  disk.isStalled = true;
  bench.push(2);
  await bench.clock.advance(10 * SECOND);
  return { disk, bench };
}

test('buffer: a disk that stalls is said once, holds up nothing that is in memory, and recovers by itself', async (t) => {
  const { disk, bench } = await stalled(temporaryDirectory(t));
  assert.deepEqual([bench.logged, bench.metric(HEALTHY)], [[], 1]);
  await bench.clock.advance(5 * SECOND);
  assert.equal(bench.metric(HEALTHY), 0);
  bench.push(3);
  await bench.clock.advance(60 * SECOND);
  assert.equal(bench.logged.length, 1);
  assert.match(
    bench.logged[0]!,
    /^The disk under ".*" has not answered for 5 s; samples are kept in memory, at most 32MiB/,
  );
  // Live data goes on: what is new, what is being written, and what was given back.
  const [three, two] = [await bench.take('a', 'fresh'), await bench.take('a', 'fresh')];
  assert.deepEqual([three, two].map(numberOf), [3, 2]);
  await bench.buffer.ack(two!);
  await bench.buffer.release(three!);
  bench.checkSums();
  assert.equal(bench.buffer.stats('a').blocks, 2);
  disk.goOn();
  await bench.clock.advance(20 * SECOND);
  assert.deepEqual(bench.logged.slice(1), ['The disk answered again, after 65 s']);
  assert.deepEqual([bench.metric(HEALTHY), bench.metric(MEMORY)], [1, 0]);
  const first = await bench.take('a');
  await bench.buffer.ack(first!);
  const third = await bench.take('a');
  assert.deepEqual([numberOf(first), numberOf(third), third!.attempts], [1, 3, 1]);
  assert.equal(await bench.take('a'), undefined, 'what was delivered meanwhile does not come back');
  bench.checkSums();
});

test('buffer: while the disk stalls, memory stays within max_memory', async (t) => {
  const f = async (onFull: 'drop_oldest' | 'drop_newest', want: number[]) => {
    const { disk, bench } = await stalled(temporaryDirectory(t), { maxMemoryBytes: 500, onFull });
    await bench.clock.advance(5 * SECOND);
    for (let number = 3; number <= 20; number++) {
      bench.push(number);
      assert.ok(bench.metric(MEMORY) <= 500);
      bench.checkSums();
    }
    disk.goOn();
    await bench.clock.advance(20 * SECOND);
    assert.deepEqual(await bench.drain('a'), want);
    bench.checkSums();
  };
  await f('drop_oldest', [1, 16, 17, 18, 19, 20]);
  await f('drop_newest', [1, 2, 3, 4, 5, 6]);
});

test('buffer: what reached max_memory while the disk was busy is committed as soon as it answers', async (t) => {
  const disk = stallingStore();
  const options = { commitIntervalMs: 3600 * SECOND, maxMemoryBytes: 500, maxAgeMs: 20 * SECOND };
  const bench = await Bench.open(temporaryDirectory(t), options, { ...ONLY_A, openStore: disk.openStore });
  bench.push(1);
  disk.isStalled = true;
  const committed = bench.buffer.commit();
  // The look for old blocks waits for its turn.
  await bench.clock.advance(3 * SECOND);
  for (let number = 2; number <= 9; number++) bench.push(number);
  disk.goOn();
  await committed;
  await bench.clock.advance(SECOND);
  assert.equal(bench.metric(MEMORY), 0);
  bench.checkSums();
});

test('buffer: a stop waits for a disk that stalls no longer than it may, and counts what is lost', async (t) => {
  const { bench } = await stalled(temporaryDirectory(t));
  let settled = 0;
  const count = () => settled++;
  void bench.buffer.commit().then(count);
  await bench.clock.advance(4 * SECOND);
  assert.equal(settled, 0);
  await bench.clock.advance(2 * SECOND);
  assert.equal(settled, 1);
  bench.push(3);
  assert.equal(bench.buffer.unsavedSamples(), 20);
  const closed = bench.buffer.close(9 * SECOND);
  void closed.then(count);
  await bench.clock.advance(8 * SECOND);
  assert.equal(settled, 1);
  await bench.clock.advance(2 * SECOND);
  assert.equal(settled, 2);
  assert.deepEqual(await closed, { lostSamples: 20, isStalled: true });
  assert.match(
    bench.logged.at(-2)!,
    /^20 samples are lost, .* before the stop; 10 of them may be kept all the same/,
  );
  assert.match(bench.logged.at(-1)!, /^The disk under ".*" does not answer: this process ends when it does/);
  bench.checkSums();
});

test('buffer: a disk that answers again in the last moment of a stop gets everything', async (t) => {
  const directory = temporaryDirectory(t);
  const { disk, bench } = await stalled(directory);
  await bench.clock.advance(6 * SECOND);
  const closed = bench.buffer.close();
  await bench.clock.advance(1 * SECOND);
  disk.goOn();
  assert.deepEqual(await closed, { lostSamples: 0, isStalled: false });
  bench.checkSums();
  const second = await Bench.open(directory, {}, ONLY_A);
  assert.deepEqual(await second.drain('a'), [1, 2]);
});

test('buffer: the worker of a healthy agent ends when all is delivered, and starts again when it is needed', async (t) => {
  const opened: string[] = [];
  const bench = await Bench.open(
    temporaryDirectory(t),
    {},
    {
      ...ONLY_A,
      openStore: async (options) => {
        opened.push('open');
        const store = await openWorkerStore(options);
        const close = store.close.bind(store);
        store.close = () => {
          opened.push('close');
          return close();
        };
        return store;
      },
    },
  );
  assert.deepEqual(opened, []);
  bench.push(1);
  await bench.buffer.commit();
  assert.deepEqual(await bench.drain('a'), [1]);
  assert.deepEqual(opened, ['open']);
  await bench.clock.advance(11 * SECOND);
  await until('the end of the worker', () => opened.length === 2);
  bench.push(2);
  await bench.buffer.commit();
  assert.deepEqual(await bench.drain('a'), [2]);
  assert.deepEqual(opened, ['open', 'close', 'open']);
  await bench.buffer.close();
  assert.deepEqual(bench.logged, []);
});

test('store: a worker that is busy does not hold up the loop, and its end is a fault of the disk', async (t) => {
  const directory = temporaryDirectory(t);
  const program = join(directory, 'busy.mjs');
  writeFileSync(
    program,
    `import { parentPort } from 'node:worker_threads';
parentPort.on('message', ({ id, method }) => {
  if (method === 'contents') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  if (method === 'look') process.exit(7);
  parentPort.postMessage({ id, result: method });
});`,
  );
  const options = {
    directory,
    synchronous: 'normal',
    nowMs: 0,
    broken: undefined,
    settled: new Map(),
  } as const;
  const store = await openInWorker(program, options);
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  assert.equal(await store.contents(), 'contents');
  delay.disable();
  assert.ok(delay.max < 200e6, `${delay.max / 1e6} ms`);
  await assert.rejects(store.look([]), { code: 'SQLITE_IOERR', message: /worker.* ended \(7\)/ });
  await assert.rejects(store.contents(), { code: 'SQLITE_IOERR' });
});
