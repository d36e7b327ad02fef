import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import test, { type TestContext } from 'node:test';
import { Secret } from '../../src/lib/index.js';
import { createHttpClient, createResolver, type HttpClientOptions } from '../../src/net/index.js';
import { temporaryDirectory } from '../buffer/set-up.js';
import { ManualClock } from '../manual-clock.js';
import { FakeReceiver } from '../receiver.js';
import { rulesOf } from '../relabel/rules.js';
import { until } from '../until.js';
import { Delivery, destinationOf } from './set-up.js';

/** The agent's own client: with credentials. */
function realHttp(t: TestContext) {
  const resolver = createResolver();
  t.after(() => resolver.close());
  return { createHttpClient: (options: HttpClientOptions) => createHttpClient(options, resolver) };
}

async function setUp(t: TestContext, names: readonly string[]) {
  const receivers = new Map<string, FakeReceiver>();
  for (const name of names) {
    const receiver = await FakeReceiver.start();
    t.after(() => receiver.close());
    receivers.set(name, receiver);
  }
  const at = (name: string) => receivers.get(name)!;
  const to = (name: string, more: Parameters<typeof destinationOf>[1] = {}) =>
    destinationOf(at(name).url, { name, timeoutMs: 60_000, ...more });
  const values = (name: string) => at(name).samples.map(({ value }) => value);
  return { at, to, values };
}

test('apply: one that stays goes on with its connection; one that goes leaves its queue, and finds it again', async (t) => {
  const { at, to, values } = await setUp(t, ['a', 'b']);
  const delivery = await Delivery.start(t, temporaryDirectory(t), [to('a'), to('b')]);
  delivery.push(1);
  await until('the first', () => values('a').length === 1 && values('b').length === 1);
  at('b').behaviour = { kind: 'status', status: 503 };
  delivery.push(2);
  await until('a refusal', () => values('a').length === 2 && at('b').requests.length >= 2);
  delivery.apply([to('a', { flushIntervalMs: 5 })]);
  await until(
    'the end of b',
    () => !delivery.metrics.render().includes('sentinel_sender_healthy{destination="b"}'),
  );
  delivery.push(3);
  await until('the third', () => values('a').length === 3);
  const asked = at('b').requests.length;
  assert.equal(delivery.buffer.stats('b').samples, 1, 'it stays in the buffer');
  at('b').behaviour = { kind: 'ok' };
  // How blocks are made does not concern the connection.
  const relabel = rulesOf('{target_label: site, replacement: x}');
  delivery.apply([to('b'), to('a', { flushIntervalMs: 5, relabel, sendExemplars: true })]);
  await until('what was queued', () => values('b').length === 2);
  assert.ok(at('b').requests.length > asked);
  delivery.push(4);
  await until('the fourth', () => values('a').length === 4 && values('b').length === 3);
  assert.deepEqual(
    [values('a'), values('b')],
    [
      [1, 2, 3, 4],
      [1, 2, 4],
    ],
  );
  assert.equal(at('a').connections, 1);
  assert.deepEqual(
    delivery.sender.status().map(({ name }) => name),
    ['b', 'a'],
  );
  assert.deepEqual(await delivery.stop(), { successCount: 7, failedCount: 0, pendingCount: 0 });
});

test('apply: a backoff goes on where nothing changed, and ends where something did', async (t) => {
  const { at, to, values } = await setUp(t, ['a']);
  at('a').behaviour = { kind: 'status', status: 503 };
  const slow = { minBackoffMs: 60_000, maxBackoffMs: 60_000 };
  const delivery = await Delivery.start(t, temporaryDirectory(t), [to('a', slow)], realHttp(t));
  delivery.push(1);
  await until('a refusal', () => at('a').requests.length === 1);
  at('a').behaviour = { kind: 'ok' };
  delivery.apply([to('a', slow)]);
  delivery.push(2);
  await until('the second to be queued', () => delivery.buffer.stats('a').samples === 2);
  assert.equal(at('a').requests.length, 1, 'it waits on');
  const authorization = { type: 'Bearer', credentials: new Secret('new') };
  delivery.apply([to('a', { ...slow, http: { authorization } })]);
  await until('both', () => values('a').length === 2);
  assert.equal(at('a').requests.at(-1)!.headers.authorization, 'Bearer new');
});

test('apply: a changed destination has one request in flight at a time, and nothing is sent twice', async (t) => {
  const { at, to, values } = await setUp(t, ['a']);
  const delivery = await Delivery.start(t, temporaryDirectory(t), [to('a')]);
  at('a').behaviour = { kind: 'hold' };
  delivery.push(1);
  await until('the request', () => at('a').held === 1);
  for (const timeoutMs of [50_000, 40_000, 30_000]) delivery.apply([to('a', { timeoutMs })]);
  delivery.push(2);
  await until('the second to be queued', () => delivery.buffer.stats('a').samples === 2);
  assert.equal(at('a').inFlight, 1);
  at('a').behaviour = { kind: 'ok' };
  at('a').answerHeld();
  await until('both', () => values('a').length === 2);
  assert.deepEqual([values('a'), at('a').maxInFlight], [[1, 2], 1]);
});

test('apply: one that hangs is cut after five seconds, and stop waits for it', async (t) => {
  const { at, to, values } = await setUp(t, ['a', 'b']);
  const clock = new ManualClock();
  const delivery = await Delivery.start(t, temporaryDirectory(t), [to('a'), to('b')], { clock });
  at('a').behaviour = { kind: 'hang' };
  delivery.push(1);
  await clock.advance(100);
  await until('the requests', () => at('a').requests.length === 1 && values('b').length === 1);
  delivery.apply([to('b')]);
  let isStopped = false;
  const stopping = delivery.stop(10).finally(() => {
    isStopped = true;
  });
  await clock.advance(4999);
  assert.equal(isStopped, false);
  assert.equal(at('a').inFlight, 1);
  await clock.advance(1);
  assert.deepEqual(await stopping, { successCount: 1, failedCount: 0, pendingCount: 1 });
});

test('apply: a rotated token is sent with the next request, without a reload, and does not reach the log', async (t) => {
  const { at, to, values } = await setUp(t, ['a']);
  const folder = temporaryDirectory(t);
  writeFileSync(`${folder}/token`, 'first-token');
  const credentials = Secret.inFile('token');
  assert.equal(credentials.read(folder), undefined);
  const delivery = await Delivery.start(
    t,
    temporaryDirectory(t),
    [to('a', { http: { authorization: { type: 'Bearer', credentials } } })],
    realHttp(t),
  );
  const last = () => at('a').requests.at(-1)?.headers.authorization;
  delivery.push(1);
  await until('the first', () => values('a').length === 1 && last() === 'Bearer first-token');
  writeFileSync(`${folder}/token`, 'second-token\n');
  let number = 2;
  await until('the new token', () => {
    delivery.push(number++);
    return last() === 'Bearer second-token';
  });
  at('a').behaviour = {
    kind: 'status',
    status: 503,
    body: 'what shall I do with second-token of late first-token?',
  };
  delivery.push(number);
  await until('the words', () => delivery.lines().some((line) => line.includes('what shall I do')));
  assert.doesNotMatch(delivery.lines(10).join(), /(first|second)-token/);
});

test('follow_redirects: false: a receiver that sends us elsewhere is not followed', async (t) => {
  const { at, to, values } = await setUp(t, ['a', 'b']);
  const toB = { kind: 'status', status: 308, headers: { location: at('b').url } } as const;
  at('a').behaviour = toB;
  const delivery = await Delivery.start(
    t,
    temporaryDirectory(t),
    [to('a', { http: { followRedirects: false } })],
    realHttp(t),
  );
  delivery.push(1);
  await until('a request', () => at('a').requests.length >= 2);
  assert.equal(at('b').requests.length, 0);
  delivery.apply([to('a')]);
  await until('the sample', () => values('b').length === 1);
});
