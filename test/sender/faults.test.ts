import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import test, { type TestContext } from 'node:test';
import { temporaryDirectory } from '../buffer/set-up.js';
import { ANSWERS, type Behaviour, FakeReceiver } from '../receiver.js';
import { until } from '../until.js';
import { Delivery, destinationOf } from './set-up.js';

const DESTINATION = 'main';

async function receiverFor(t: TestContext): Promise<FakeReceiver> {
  const receiver = await FakeReceiver.start();
  t.after(() => receiver.close());
  return receiver;
}

const numbers = (receiver: FakeReceiver) => receiver.samples.map(({ value }) => value);
const sorted = (values: number[]) => [...values].sort((a, b) => a - b);
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

const FAULTS: Record<string, Behaviour> = {
  'connection reset': { kind: 'reset' },
  'no answer at all': { kind: 'hang' },
  'status 500': { kind: 'status', status: 500, body: 'out of memory' },
  'status 503': { kind: 'status', status: 503 },
  'status 429': { kind: 'status', status: 429 },
  'status 401': { kind: 'status', status: 401 },
  'status 302': { kind: 'status', status: 302, headers: { location: 'http://login.example/' } },
  'Prometheus without receiver': ANSWERS.prometheusWithoutReceiver,
  'a portal page': ANSWERS.portalPage,
};

for (const order of ['fifo', 'fresh_first'] as const) {
  for (const [name, fault] of Object.entries(FAULTS)) {
    test(`sender, ${order}: ${name}: nothing is lost, nothing is doubled`, async (t) => {
      const receiver = await receiverFor(t);
      // On a busy machine an answer takes a while: given up too early, its block would come twice.
      const timeoutMs = fault.kind === 'hang' ? 2500 : 30_000;
      const destination = destinationOf(receiver.url, { order, timeoutMs });
      const delivery = await Delivery.start(t, temporaryDirectory(t), [destination]);
      let last = 0;
      const produce = async (count: number) => {
        for (const end = last + count; last < end; ) delivery.push(++last, ++last, ++last);
        await until(
          'the blocks to be sealed',
          () => delivery.metric('sentinel_block_samples_pending{route="10/20ms"}') === 0,
        );
      };
      await produce(30);
      await until('the first ones', () => receiver.samples.length === 30);
      receiver.behaviour = fault;
      const seen = receiver.requests.length;
      await produce(60);
      await until('three requests that failed', () => receiver.requests.length >= seen + 3);
      assert.equal(delivery.buffer.stats(DESTINATION).samples, 60);
      receiver.behaviour = { kind: 'ok' };
      await produce(30);
      await until('the rest', () => receiver.samples.length >= 120);
      assert.deepEqual(sorted(numbers(receiver)), range(1, 120));
      if (order === 'fifo') assert.deepEqual(numbers(receiver), range(1, 120));
      const result = await delivery.stop();
      assert.deepEqual(result, { successCount: 120, failedCount: 0, pendingCount: 0 });
    });
  }
}

test('sender: an answer that got lost doubles its block, and nothing else', async (t) => {
  const receiver = await receiverFor(t);
  const delivery = await Delivery.start(t, temporaryDirectory(t), [destinationOf(receiver.url)]);
  receiver.script.push({ kind: 'answer lost' });
  delivery.push(1, 2, 3);
  await until('the first block twice', () => receiver.samples.length === 6);
  delivery.push(4);
  await until('the next one', () => receiver.samples.length === 7);
  assert.deepEqual(numbers(receiver), [1, 2, 3, 1, 2, 3, 4]);
});

test('sender: the receiver is down for a while, and the agent is stopped and started meanwhile', async (t) => {
  const receiver = await receiverFor(t);
  const directory = temporaryDirectory(t);
  const destinations = [destinationOf(receiver.url)];
  const first = await Delivery.start(t, directory, destinations);
  first.push(1);
  await until('the first one', () => receiver.samples.length === 1);
  await receiver.close();
  for (const number of range(2, 50)) first.push(number);
  await until('blocks on disk', () => first.metric('sentinel_buffer_written_bytes_total') > 0);
  for (const number of range(51, 60)) first.push(number);
  assert.deepEqual(await first.stop(), { successCount: 1, failedCount: 0, pendingCount: 59 });
  const second = await Delivery.start(t, directory, destinations);
  assert.ok(second.lines().some((line) => line.includes('Samples of an earlier run are queued for "main"')));
  for (const number of range(61, 80)) second.push(number);
  await receiver.listen();
  await until('all of them', () => receiver.samples.length >= 80);
  assert.deepEqual(numbers(receiver), range(1, 80));
  assert.deepEqual(await second.stop(), { successCount: 79, failedCount: 0, pendingCount: 0 });
});

test('sender: an agent that dies without a stop loses nothing that was committed', async (t) => {
  const receiver = await receiverFor(t);
  receiver.behaviour = { kind: 'status', status: 503 };
  const directory = temporaryDirectory(t);
  const options = { buffer: { commitIntervalMs: 50 } };
  // The second agent gets the files of the first one as kill -9 would leave them.
  const dead = await Delivery.start(t, directory, [destinationOf(receiver.url)], options);
  dead.push(...range(1, 25));
  await until(
    'a commit',
    () =>
      dead.metric('sentinel_buffer_memory_bytes') === 0 && dead.metric('sentinel_buffer_commits_total') > 0,
  );
  const copy = temporaryDirectory(t);
  cpSync(directory, copy, { recursive: true });
  const other = await receiverFor(t);
  await Delivery.start(t, copy, [destinationOf(other.url)], options);
  await until('what was committed', () => other.samples.length === 25);
  assert.deepEqual(sorted(numbers(other)), range(1, 25));
});

test('sender: of several destinations one is down, which the others do not feel', async (t) => {
  const [up, down] = [await receiverFor(t), await receiverFor(t)];
  down.behaviour = { kind: 'hang' };
  const destinations = [destinationOf(up.url, { name: 'up' }), destinationOf(down.url, { name: 'down' })];
  const directory = temporaryDirectory(t);
  const delivery = await Delivery.start(t, directory, destinations);
  for (const number of range(1, 40)) delivery.push(number);
  await until('all at the one that is up', () => up.samples.length === 40);
  assert.equal(delivery.buffer.stats('down').samples, 40);
  down.behaviour = { kind: 'ok' };
  await down.close(); // The hanging request ends, and the receiver comes back.
  await down.listen();
  await until('all at the other', () => down.samples.length === 40);
  assert.deepEqual([numbers(up), numbers(down)], [range(1, 40), range(1, 40)]);
});

test('sender: fifo has one request in flight, fresh_first two: live data do not wait for the backlog', async (t) => {
  const receiver = await receiverFor(t);
  const f = async (order: 'fifo' | 'fresh_first', wantInFlight: number, want: number[][]) => {
    receiver.behaviour = { kind: 'status', status: 503 };
    receiver.samples.length = 0;
    const delivery = await Delivery.start(t, temporaryDirectory(t), [
      destinationOf(receiver.url, { order, batchSize: 1 }),
    ]);
    for (const number of range(1, 6)) delivery.push(number);
    await until('a failure', () => delivery.sender.status()[0]!.lastError !== undefined);
    receiver.maxInFlight = 0;
    receiver.behaviour = { kind: 'ok' };
    receiver.script.push({ kind: 'ok' }, ...range(1, 5).map(() => ({ kind: 'hold' }) as const));
    for (let delivered = 1; delivered < 6; delivered += wantInFlight) {
      await until('requests in flight', () => receiver.held === Math.min(wantInFlight, 6 - delivered));
      receiver.answerHeld();
      await until('their answers', () => receiver.samples.length >= Math.min(6, delivered + wantInFlight));
    }
    await until('all acknowledged', () => delivery.buffer.stats(DESTINATION).samples === 0);
    assert.equal(receiver.maxInFlight, wantInFlight, order);
    // Of those that are answered together either may come first.
    const got = [...numbers(receiver)];
    assert.deepEqual(
      want.map(({ length }) => sorted(got.splice(0, length))),
      want,
    );
    await delivery.stop();
  };
  await f('fifo', 1, [[1], [2], [3], [4], [5], [6]]);
  await f('fresh_first', 2, [[6], [1, 5], [2, 4], [3]]);
});
