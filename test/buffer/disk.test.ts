import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import Database from 'better-sqlite3';
import type { Store } from '../../src/buffer/store.js';
import { settle } from '../manual-clock.js';
import { until } from '../until.js';
import { faultyStore } from './faulty-store.js';
import { Bench, numberOf, OPTIONS, temporaryDirectory } from './set-up.js';

const SECOND = 1000;
const COMMITS = 'sentinel_buffer_commits_total';
const WRITTEN = 'sentinel_buffer_written_bytes_total';
const MEMORY = 'sentinel_buffer_memory_bytes';
const HEALTHY = 'sentinel_buffer_disk_healthy';
const droppedOf = (destination: string, reason: string) =>
  `sentinel_buffer_samples_dropped_total{destination="${destination}",reason="${reason}"}`;
const ONLY_A = { routes: new Map([['ab', ['a']]]) };

const filesOf = (directory: string) =>
  readdirSync(directory)
    .sort()
    .map((name) => `${name} ${statSync(join(directory, name)).size}`);

test('buffer: while receivers are healthy, nothing is written but the header', async (t) => {
  const directory = temporaryDirectory(t);
  const bench = await Bench.open(directory, {}, ONLY_A);
  const before = filesOf(directory);
  const header = bench.metric(WRITTEN);
  assert.ok(header < 65536, `${header} bytes`);
  for (let i = 0; i < 120; i++) {
    bench.push(i);
    await bench.clock.advance(2 * SECOND); // The answer takes a while.
    await bench.drain('a');
    await bench.clock.advance(3 * SECOND);
  }
  assert.equal(bench.metric(WRITTEN), header);
  assert.deepEqual(filesOf(directory), before);
});

const DAY_MS = 86_400 * SECOND;
const MIB = 2 ** 20;

/** Bytes written in a day, by our own count and by the kernel's, when `hours` of it are played with 100 samples per 10 s. */
async function dayOfWriting(
  bench: Bench,
  hours: number,
  deliver: () => Promise<unknown>,
): Promise<[number, number]> {
  const kernels = () => Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))![1]);
  const before = [bench.metric(WRITTEN), kernels()] as const;
  for (let i = 0; i < 360 * hours; i++) {
    bench.push(i, { size: 3000, samples: 100 });
    await deliver();
    await bench.clock.advance(10 * SECOND);
  }
  const perDay = DAY_MS / (hours * 3600 * SECOND);
  return [(bench.metric(WRITTEN) - before[0]) * perDay, (kernels() - before[1]) * perDay];
}

test('buffer: bytes written in a day, 100 samples per 10 s', async (t) => {
  const options = { commitIntervalMs: 15 * SECOND };
  const healthy = await Bench.open(temporaryDirectory(t), options, ONLY_A);
  const header = healthy.metric(WRITTEN);
  const [ours] = await dayOfWriting(healthy, 24, () => healthy.drain('a'));
  assert.ok(header + ours < 64 * 1024, `${header + ours} bytes with receivers healthy`);
  const outage = await Bench.open(temporaryDirectory(t), options, ONLY_A);
  const [counted, kernels] = await dayOfWriting(outage, 2, async () => undefined);
  t.diagnostic(`an outage: ${(counted / MIB).toFixed(1)} MiB a day`);
  assert.ok(counted > MIB && counted < 120 * MIB, `${counted / MIB} MiB in an outage`);
  // The kernel also counts what the test itself writes.
  assert.ok(
    counted <= kernels && kernels - counted < 0.05 * kernels,
    `we count ${counted}, the kernel ${kernels}`,
  );
});

test('buffer: what is not acknowledged is committed at the commit interval, in one transaction, and leaves memory', async (t) => {
  const bench = await Bench.open(temporaryDirectory(t));
  bench.push(1);
  await bench.clock.advance(4 * SECOND);
  bench.push(2);
  await bench.clock.advance(5.9 * SECOND);
  assert.deepEqual([bench.metric(COMMITS), bench.metric(MEMORY)], [0, 200]);
  await bench.clock.advance(0.1 * SECOND);
  assert.deepEqual([bench.metric(COMMITS), bench.metric(MEMORY)], [1, 0]);
  assert.deepEqual(await bench.drain('a'), [1, 2]);
});

test('buffer: no block is older than the commit interval in memory, whatever comes when', async (t) => {
  const bench = await Bench.open(temporaryDirectory(t));
  const born = new Map<number, number>();
  for (let i = 1; i <= 200; i++) {
    born.set(i, bench.clock.monotonic());
    bench.push(i);
    await bench.clock.advance((i * 7919) % 6000);
    const held = bench.metric(MEMORY) / 100;
    const oldest = born.get(i - held + 1) ?? Infinity;
    assert.ok(bench.clock.monotonic() - oldest <= 10 * SECOND);
  }
  assert.ok(bench.metric(COMMITS) > 10);
});

test('buffer: at max_memory everything is committed at once', async (t) => {
  const bench = await Bench.open(temporaryDirectory(t), { maxMemoryBytes: 1000 });
  for (let i = 1; i <= 11; i++) bench.push(i);
  await bench.clock.advance(0);
  assert.deepEqual([bench.metric(MEMORY), bench.metric(COMMITS)], [0, 1]);
});

test('buffer: a commit interval of 0 writes through', async (t) => {
  const bench = await Bench.open(temporaryDirectory(t), { commitIntervalMs: 0 });
  bench.push(1);
  await bench.buffer.safe();
  assert.deepEqual([bench.metric(MEMORY), bench.metric(COMMITS)], [0, 1]);
});

test('buffer: safe settles with the commit, the last answer, or the drop', async (t) => {
  const bench = await Bench.open(temporaryDirectory(t));
  const isSafe = async (act: () => Promise<unknown>) => {
    bench.push(1);
    let safe = false;
    const waiting = bench.buffer.safe().then(() => {
      safe = true;
    });
    await settle();
    assert.equal(safe, false);
    await act();
    await waiting;
  };
  await bench.buffer.safe();
  await isSafe(() => bench.buffer.commit());
  for (const name of ['a', 'b']) await bench.drain(name);
  await isSafe(async () => {
    await bench.drain('a');
    await bench.drain('b');
  });
  await isSafe(() => bench.clock.advance(10 * SECOND));
});

test('buffer: a restart keeps what is queued, for each destination, and its order', async (t) => {
  const directory = temporaryDirectory(t);
  const first = await Bench.open(directory);
  for (const number of [1, 2, 3]) first.push(number);
  await first.buffer.commit();
  await first.buffer.ack((await first.take('a'))!);
  await first.buffer.release((await first.take('a'))!);
  first.push(4);
  await first.buffer.close();
  const second = await Bench.open(directory, {}, { clock: first.clock });
  assert.equal(second.metric('sentinel_buffer_samples_in_total{destination="a"}'), 30);
  assert.equal(second.metric('sentinel_buffer_samples_in_total{destination="b"}'), 40);
  second.checkSums();
  second.push(5);
  assert.equal((await second.take('a'))!.attempts, 1);
  assert.deepEqual(await second.drain('a'), [3, 4, 5]);
  assert.deepEqual(await second.drain('b'), [1, 2, 3, 4, 5]);
  second.checkSums();
});

test('buffer: a destination that is not configured for a while keeps what is queued for it', async (t) => {
  const directory = temporaryDirectory(t);
  const first = await Bench.open(directory);
  first.push(1);
  await first.buffer.close();
  const without = await Bench.open(directory, {}, ONLY_A);
  assert.ok(without.logged.some((line) => line.includes('"b", which is not configured')));
  assert.equal(without.buffer.stats('b').samples, 10);
  without.push(2);
  without.checkSums();
  assert.deepEqual(await without.drain('a'), [1, 2]);
  await without.buffer.close();
  const again = await Bench.open(directory);
  assert.deepEqual(await again.drain('b'), [1]);
});

test('buffer: at max_size the oldest blocks go, but none that is being sent', async (t) => {
  const bench = await Bench.open(temporaryDirectory(t), { maxSizeBytes: 400_000 }, ONLY_A);
  const push = async (number: number) => {
    bench.push(number, { size: 50_000 });
    await bench.buffer.commit();
  };
  await push(1);
  const lease = (await bench.take('a'))!;
  for (let number = 2; number <= 12; number++) await push(number);
  assert.ok(bench.metric('sentinel_buffer_disk_bytes') <= 400_000);
  bench.checkSums();
  const dropped = bench.metric(droppedOf('a', 'size')) / 10;
  assert.ok(dropped >= 4 && dropped <= 7, `${dropped} blocks dropped`);
  assert.deepEqual(bench.logged, [
    'Samples for "a" are dropped: the buffer is at its limit (buffer.max_size)',
  ]);
  await bench.buffer.release(lease);
  const left = await bench.drain('a');
  assert.deepEqual(left, [1, ...Array.from({ length: 11 - dropped }, (_, i) => 2 + dropped + i)]);
  bench.checkSums();
});

test('buffer: at max_size with drop_newest what is stored stays', async (t) => {
  const bench = await Bench.open(
    temporaryDirectory(t),
    { maxSizeBytes: 400_000, onFull: 'drop_newest' },
    ONLY_A,
  );
  for (let number = 1; number <= 12; number++) {
    bench.push(number, { size: 50_000 });
    await bench.buffer.commit();
  }
  bench.checkSums();
  const left = await bench.drain('a');
  assert.ok(left.length >= 5 && left.length <= 8, `${left.length} blocks left`);
  assert.deepEqual(
    left,
    Array.from(left, (_, i) => i + 1),
  );
  bench.push(13, { size: 50_000 });
  await bench.buffer.commit();
  assert.deepEqual(await bench.drain('a'), [13]);
});

test('buffer: a commit larger than max_size keeps what fits', async (t) => {
  const f = async (onFull: 'drop_oldest' | 'drop_newest', want: number[]) => {
    const bench = await Bench.open(temporaryDirectory(t), { maxSizeBytes: 200_000, onFull }, ONLY_A);
    for (let number = 1; number <= 6; number++) bench.push(number, { size: 50_000 });
    await bench.buffer.commit();
    bench.checkSums();
    assert.deepEqual(await bench.drain('a'), want);
  };
  await f('drop_oldest', [4, 5, 6]);
  await f('drop_newest', [1, 2, 3]);
});

test('buffer: what is older than max_age goes from disk', async (t) => {
  const bench = await Bench.open(temporaryDirectory(t), { maxAgeMs: 60 * SECOND });
  bench.push(1);
  await bench.buffer.commit();
  await bench.clock.advance(30 * SECOND);
  bench.push(2);
  await bench.clock.advance(29 * SECOND);
  assert.equal(bench.buffer.stats('a').blocks, 2);
  await bench.clock.advance(2 * SECOND);
  assert.deepEqual(await bench.drain('a'), [2]);
  assert.equal(bench.metric(droppedOf('b', 'age')), 10);
  bench.checkSums();
});

test('buffer: what is older than max_age goes from memory, but not what is being sent', async (t) => {
  const bench = await Bench.open(temporaryDirectory(t), { maxAgeMs: 5 * SECOND }, ONLY_A);
  bench.push(1);
  bench.push(2);
  const lease = (await bench.take('a'))!;
  await bench.clock.advance(6 * SECOND);
  assert.equal(await bench.take('a'), undefined);
  assert.equal(bench.metric(droppedOf('a', 'age')), 10);
  await bench.buffer.ack(lease);
  bench.checkSums();
});

test('buffer: max_age drops also when nothing is taken or pushed, from disk and from memory', async (t) => {
  const bench = await Bench.open(temporaryDirectory(t), { maxAgeMs: 100 * SECOND }, ONLY_A);
  bench.push(1);
  await bench.buffer.commit();
  await bench.clock.advance(95 * SECOND);
  bench.push(2);
  assert.equal(bench.buffer.stats('a').blocks, 2);
  await bench.clock.advance(20 * SECOND);
  assert.deepEqual([bench.buffer.stats('a').blocks, bench.metric(droppedOf('a', 'age'))], [1, 10]);
  await bench.clock.advance(100 * SECOND);
  assert.deepEqual([bench.buffer.stats('a').blocks, bench.metric(droppedOf('a', 'age'))], [0, 20]);
  bench.checkSums();
  assert.equal(bench.logged.filter((line) => line.includes('buffer.max_age')).length, 2);
});

test('buffer: new limits count from now on, and what is stored stays', async (t) => {
  const bench = await Bench.open(temporaryDirectory(t), {}, ONLY_A);
  for (const number of [1, 2]) bench.push(number);
  await bench.buffer.commit();
  bench.push(3);
  bench.buffer.setOptions({ ...OPTIONS, commitIntervalMs: 1000, synchronous: 'full', maxMemoryBytes: 150 });
  await bench.clock.advance(1 * SECOND);
  assert.equal(bench.metric(MEMORY), 0);
  for (const number of [4, 5]) bench.push(number);
  await bench.clock.advance(0);
  assert.deepEqual([bench.metric(MEMORY), bench.metric(COMMITS)], [0, 3]);
  assert.deepEqual(await bench.drain('a'), [1, 2, 3, 4, 5]);
  bench.checkSums();
});

test('buffer: the file shrinks once everything is delivered', async (t) => {
  const directory = temporaryDirectory(t);
  const bench = await Bench.open(directory, {}, ONLY_A);
  for (let number = 1; number <= 40; number++) bench.push(number, { size: 100_000 });
  await bench.buffer.commit();
  assert.ok(bench.metric('sentinel_buffer_disk_bytes') > 4e6);
  await bench.drain('a');
  bench.push(41);
  await bench.drain('a');
  await bench.clock.advance(10 * SECOND);
  await bench.buffer.close();
  assert.ok(statSync(join(directory, 'buffer.db')).size < 100_000);
});

test('buffer: directory and files are for their owner alone', async (t) => {
  const directory = join(temporaryDirectory(t), 'deep/data');
  const bench = await Bench.open(directory);
  bench.push(1);
  await bench.buffer.commit();
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  for (const name of readdirSync(directory))
    assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600, name);
});

for (const fault of ['SQLITE_FULL', 'SQLITE_READONLY', 'SQLITE_IOERR_WRITE']) {
  test(`buffer: ${fault}: goes on in memory, says so once, recovers by itself`, async (t) => {
    const disk = faultyStore();
    const bench = await Bench.open(temporaryDirectory(t), {}, { ...ONLY_A, openStore: disk.openStore });
    bench.push(1);
    await bench.clock.advance(11 * SECOND);
    disk.fault = fault;
    bench.push(2);
    await bench.clock.advance(60 * SECOND);
    bench.push(3);
    assert.equal(bench.metric(HEALTHY), 0);
    assert.equal(bench.metric(MEMORY), 200);
    assert.deepEqual(bench.logged.slice(1), []);
    assert.match(
      bench.logged[0]!,
      /^Cannot write the buffer in ".*": disk fault; samples are kept in memory, at most 32MiB/,
    );
    // Block 1 is delivered, though the disk does not let it go.
    assert.equal(numberOf(await bench.take('a')), 1);
    const again = await bench.take('a');
    assert.equal(numberOf(again), 2);
    await bench.buffer.release(again!);
    bench.checkSums();
    disk.fault = undefined;
    await bench.clock.advance(10 * SECOND);
    assert.equal(bench.metric(HEALTHY), 1);
    assert.equal(bench.metric(MEMORY), 0);
    assert.deepEqual(bench.logged.slice(1), ['The buffer can be read and written again']);
    assert.deepEqual(await bench.drain('a'), [2, 3]);
    bench.checkSums();
  });
}

test('buffer: what was acknowledged while the disk failed is not sent again', async (t) => {
  const disk = faultyStore();
  const directory = temporaryDirectory(t);
  const bench = await Bench.open(directory, {}, { ...ONLY_A, openStore: disk.openStore });
  for (const number of [1, 2]) bench.push(number);
  await bench.buffer.commit();
  disk.fault = 'SQLITE_IOERR_WRITE';
  assert.deepEqual(await bench.drain('a'), [1, 2]);
  bench.checkSums();
  disk.fault = undefined;
  await bench.buffer.commit();
  await bench.buffer.close();
  const second = await Bench.open(directory, {}, ONLY_A);
  assert.deepEqual(await second.drain('a'), []);
});

test('buffer: what the disk could not let go of goes as soon as it can, with nothing new to write', async (t) => {
  const f = async (operations: (keyof Store)[]) => {
    const disk = faultyStore();
    const directory = temporaryDirectory(t);
    const bench = await Bench.open(directory, {}, { ...ONLY_A, openStore: disk.openStore });
    for (const number of [1, 2]) bench.push(number);
    await bench.buffer.commit();
    const lease = await bench.take('a');
    Object.assign(disk, { fault: 'SQLITE_IOERR_WRITE', operations });
    await bench.buffer.ack(lease!);
    await bench.clock.advance(20 * SECOND);
    assert.equal(bench.metric(HEALTHY), 0);
    disk.fault = undefined;
    await bench.clock.advance(10 * SECOND);
    assert.equal(bench.metric(HEALTHY), 1);
    // As after a kill.
    const copy = temporaryDirectory(t);
    cpSync(directory, copy, { recursive: true });
    const second = await Bench.open(copy, {}, ONLY_A);
    assert.deepEqual(await second.drain('a'), [2]);
  };
  await f(['remove', 'probe']);
  await f(['remove', 'probe', 'look']);
});

test('buffer: a disk that could not be read is read again, with nothing new to write', async (t) => {
  const disk = faultyStore();
  const bench = await Bench.open(temporaryDirectory(t), {}, { ...ONLY_A, openStore: disk.openStore });
  bench.push(1);
  await bench.buffer.commit();
  let told = 0;
  bench.buffer.onPush(() => told++);
  Object.assign(disk, { fault: 'SQLITE_IOERR_READ', operations: ['find', 'look'] });
  assert.equal(await bench.take('a'), undefined);
  await bench.clock.advance(20 * SECOND);
  assert.deepEqual([bench.metric(HEALTHY), told], [0, 0]);
  disk.fault = undefined;
  await bench.clock.advance(10 * SECOND);
  assert.deepEqual([bench.metric(HEALTHY), told], [1, 1], 'whoever waits for blocks is told');
  assert.deepEqual(await bench.drain('a'), [1]);
});

test('buffer: a commit that failed but stands in the file is done again, for those who need it still', async (t) => {
  const disk = faultyStore();
  const bench = await Bench.open(temporaryDirectory(t), {}, { openStore: disk.openStore });
  bench.push(1);
  await bench.buffer.commit();
  for (const number of [2, 3, 4]) bench.push(number);
  Object.assign(disk, { fault: 'SQLITE_IOERR_FSYNC', isTooLate: true, operations: ['write'] });
  await bench.buffer.commit();
  assert.deepEqual([bench.metric(HEALTHY), bench.metric(MEMORY)], [0, 300]);
  disk.fault = undefined;
  for (const name of ['a', 'b', 'b']) await bench.buffer.ack((await bench.take(name, 'fresh'))!);
  await bench.clock.advance(20 * SECOND);
  assert.deepEqual([bench.metric(HEALTHY), bench.metric(MEMORY)], [1, 0]);
  bench.checkSums();
  assert.deepEqual(await bench.drain('a'), [1, 2, 3]);
  assert.deepEqual(await bench.drain('b'), [1, 2]);
  bench.checkSums();
  assert.equal(bench.logged.length, 2, bench.logged.join('\n'));
});

test('buffer: a file that fails as soon as it is open is a fault of the disk', async (t) => {
  const disk = faultyStore();
  const bench = await Bench.open(temporaryDirectory(t), {}, { ...ONLY_A, openStore: disk.openStore });
  Object.assign(disk, { fault: 'SQLITE_IOERR_READ', operations: ['look'] });
  bench.push(1);
  await bench.buffer.commit();
  assert.deepEqual([bench.metric(HEALTHY), bench.metric(MEMORY)], [0, 100]);
  disk.fault = undefined;
  await bench.buffer.commit();
  assert.deepEqual([bench.metric(HEALTHY), bench.metric(MEMORY)], [1, 0]);
  assert.deepEqual(await bench.drain('a'), [1]);
});

test('buffer: with nothing pending the oldest sample has no age, whatever the disk says', async (t) => {
  const disk = faultyStore();
  const bench = await Bench.open(temporaryDirectory(t), {}, { ...ONLY_A, openStore: disk.openStore });
  bench.push(1);
  await bench.buffer.commit();
  const lease = await bench.take('a');
  Object.assign(disk, { fault: 'SQLITE_IOERR', operations: ['remove', 'look'] });
  await bench.buffer.ack(lease!);
  await bench.clock.advance(3600 * SECOND);
  assert.equal(bench.metric('sentinel_buffer_samples_pending{destination="a"}'), 0);
  assert.equal(bench.metric('sentinel_buffer_oldest_sample_age_seconds{destination="a"}'), 0);
  assert.equal(bench.buffer.stats('a').oldestMs, undefined);
});

test('buffer: while the disk fails, memory stays within max_memory', async (t) => {
  const f = async (onFull: 'drop_oldest' | 'drop_newest', want: number[]) => {
    const disk = faultyStore();
    const bench = await Bench.open(
      temporaryDirectory(t),
      { maxMemoryBytes: 500, onFull },
      { ...ONLY_A, openStore: disk.openStore },
    );
    disk.fault = 'SQLITE_FULL';
    for (let number = 1; number <= 20; number++) {
      bench.push(number);
      await bench.clock.advance(100);
      assert.ok(bench.metric(MEMORY) <= 500);
      bench.checkSums();
    }
    assert.equal(bench.metric(droppedOf('a', 'memory')), 150);
    assert.deepEqual(await bench.drain('a'), want);
  };
  await f('drop_oldest', [16, 17, 18, 19, 20]);
  await f('drop_newest', [1, 2, 3, 4, 5]);
});

test('buffer: what cannot be saved at the stop is counted and logged', async (t) => {
  const disk = faultyStore();
  const bench = await Bench.open(temporaryDirectory(t), {}, { ...ONLY_A, openStore: disk.openStore });
  disk.fault = 'SQLITE_FULL';
  bench.push(1);
  await bench.buffer.close();
  assert.equal(bench.metric(droppedOf('a', 'unsaved')), 10);
  assert.ok(
    bench.logged.includes('10 samples are lost, because the buffer could not be written before the stop'),
  );
  bench.checkSums();
});

test('buffer: a directory that cannot be used yet is taken in use when it can be', async (t) => {
  const directory = join(temporaryDirectory(t), 'data');
  writeFileSync(directory, 'a file where the directory should be');
  const bench = await Bench.open(directory, {}, ONLY_A);
  bench.push(1);
  await bench.clock.advance(20 * SECOND);
  assert.equal(bench.metric(HEALTHY), 0);
  spawnSync('rm', [directory]);
  await bench.clock.advance(20 * SECOND);
  assert.deepEqual([bench.metric(HEALTHY), bench.metric(MEMORY), bench.metric(COMMITS)], [1, 0, 1]);
  assert.deepEqual(await bench.drain('a'), [1]);
});

test('buffer: a file that is no database is set aside, and a new one started', async (t) => {
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, 'buffer.db'), 'x'.repeat(10_000));
  const bench = await Bench.open(directory, {}, ONLY_A);
  assert.match(
    bench.logged[0]!,
    /^The buffer file is broken and was set aside as ".*buffer\.db\.broken-20260101T000000Z"/,
  );
  assert.ok(existsSync(join(directory, 'buffer.db.broken-20260101T000000Z')));
  bench.push(1);
  await bench.buffer.commit();
  assert.deepEqual(await bench.drain('a'), [1]);
});

test('buffer: a file of a later version is set aside, not touched', async (t) => {
  const directory = temporaryDirectory(t);
  await (await Bench.open(directory)).buffer.close();
  const database = new Database(join(directory, 'buffer.db'));
  database.pragma('user_version = 99');
  database.close();
  const bench = await Bench.open(directory);
  assert.equal(bench.logged.length, 1);
  const aside = new Database(join(directory, 'buffer.db.broken-20260101T000000Z'));
  assert.equal(aside.pragma('user_version', { simple: true }), 99);
  aside.close();
});

test('buffer: garbage anywhere in the file never stops the agent, and every sample stays counted', async (t: TestContext) => {
  for (let place = 0; place < 12; place++) {
    const directory = temporaryDirectory(t);
    const first = await Bench.open(directory, {}, ONLY_A);
    for (let number = 1; number <= 20; number++) first.push(number, { size: 20_000 });
    await first.buffer.close();
    const path = join(directory, 'buffer.db');
    const file = openSync(path, 'r+');
    writeSync(file, Buffer.alloc(8192, 0xa5), 0, 8192, Math.floor((statSync(path).size * place) / 12));
    closeSync(file);
    const bench = await Bench.open(directory, {}, ONLY_A);
    bench.push(21);
    await bench.drain('a');
    bench.checkSums();
    bench.push(22);
    await bench.buffer.commit();
    const left = await bench.drain('a');
    assert.ok(left.includes(22), `garbage at place ${place}`);
    bench.checkSums();
    await bench.buffer.close();
  }
});

test('buffer: a full file system', async (t) => {
  const directory = temporaryDirectory(t);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory]);
  if (mounted.status !== 0) return t.skip('mounting a tmpfs is not allowed here');
  const unmount = () => spawnSync('umount', ['-l', directory]);
  t.after(unmount);
  try {
    const bench = await Bench.open(directory, {}, ONLY_A);
    for (let number = 1; number <= 60; number++) {
      bench.push(number, { size: 30_000 });
      await bench.clock.advance(10 * SECOND);
    }
    assert.equal(bench.metric(HEALTHY), 0);
    assert.match(bench.logged[0]!, /disk is full|disk I\/O error/);
    bench.checkSums();
    const got = await bench.drain('a');
    assert.deepEqual(
      [...got].sort((a, b) => a - b),
      Array.from({ length: 60 }, (_, i) => i + 1),
    );
    bench.push(61);
    await until('a new file', async () => {
      await bench.clock.advance(SECOND);
      return bench.metric(HEALTHY) === 1;
    });
    assert.deepEqual(await bench.drain('a'), [61]);
    bench.checkSums();
    await bench.buffer.close();
  } finally {
    unmount();
  }
});
