import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { Secret } from '../../src/lib/index.js';
import { redactorOf } from '../../src/sender/redactor.js';
import { temporaryDirectory } from '../buffer/set-up.js';
import { ManualClock, settle } from '../manual-clock.js';
import { ANSWERS, FakeReceiver } from '../receiver.js';
import { until } from '../until.js';
import { Delivery, destinationOf } from './set-up.js';

const SECOND = 1000;
const REQUESTS = 'sentinel_sender_requests_total';

/** One destination on a clock that stands still: nothing is sent twice unless the test lets time pass. */
async function setUp(t: TestContext, more: Parameters<typeof destinationOf>[1] = {}, buffer = {}) {
  const receiver = await FakeReceiver.start();
  t.after(() => receiver.close());
  const clock = new ManualClock();
  const options = {
    minBackoffMs: SECOND,
    maxBackoffMs: 8 * SECOND,
    timeoutMs: 30 * SECOND,
    flushIntervalMs: 0,
    ...more,
  };
  const destination = destinationOf(receiver.url, options);
  const delivery = await Delivery.start(t, temporaryDirectory(t), [destination], { clock, buffer });
  const answered = async (count: number) => {
    const requests = delivery.metrics.family('counter', REQUESTS, '');
    const total = () => [...requests.samples()].reduce((sum, { value }) => sum + value, 0);
    await until(`${count} answers`, () => total() === count);
    await settle();
  };
  return { receiver, clock, delivery, answered, status: () => delivery.sender.status()[0]! };
}

test('sender: a request looks as Prometheus makes it', async (t) => {
  const { receiver, delivery, clock, answered } = await setUp(t);
  receiver.script.push({ kind: 'status', status: 500 });
  delivery.push(1);
  await answered(1);
  await clock.advance(SECOND);
  await answered(2);
  const [first, second] = receiver.requests.map(({ headers }) => headers);
  assert.equal(first!['content-encoding'], 'snappy');
  assert.equal(first!['content-type'], 'application/x-protobuf');
  assert.equal(first!['x-prometheus-remote-write-version'], '0.1.0');
  assert.match(first!['user-agent']!, /^Sentinel\//);
  assert.equal(first!['retry-attempt'], undefined);
  assert.equal(second!['retry-attempt'], '1');
});

test('sender: Retry-After is waited for, also beyond max_backoff', async (t) => {
  const f = async (header: string, seconds: number) => {
    const { receiver, clock, delivery, answered } = await setUp(t);
    receiver.script.push({ kind: 'status', status: 429, headers: { 'retry-after': header } });
    delivery.push(1);
    await answered(1);
    await clock.advance(seconds * SECOND - 1);
    assert.equal(receiver.requests.length, 1);
    await clock.advance(1);
    await answered(2);
    assert.equal(receiver.samples.length, 1);
  };
  await f('20', 20);
  await f(new Date(new ManualClock().now() + 30 * SECOND).toUTCString(), 30);
});

test('sender: a receiver that gives no answer is left after the timeout', async (t) => {
  const { receiver, clock, delivery, status } = await setUp(t);
  receiver.script.push({ kind: 'hang' });
  delivery.push(1);
  await until('a request', () => receiver.requests.length === 1);
  await clock.advance(30 * SECOND);
  await until('the failure', () => status().lastError);
  assert.match(status().lastError!, /no answer within 30s/);
  assert.equal(delivery.metric('sentinel_sender_failures_total{destination="main",reason="timeout"}'), 1);
  await clock.advance(SECOND);
  await until('the sample', () => receiver.samples.length === 1);
});

test('sender: a refused block is counted, logged with the words of the receiver, and dropped', async (t) => {
  const { receiver, delivery, answered, status } = await setUp(t);
  receiver.script.push({ kind: 'status', status: 400, body: 'out of order sample\n' });
  delivery.push(1, 2, 3);
  await answered(1);
  delivery.push(4);
  await answered(2);
  assert.deepEqual(
    receiver.samples.map(({ value }) => value),
    [4],
  );
  assert.deepEqual(delivery.lines(40), [
    '"main" refused a block, which is dropped: 400 Bad Request: out of order sample',
  ]);
  assert.equal(delivery.metric('sentinel_sender_samples_refused_total{destination="main"}'), 3);
  assert.equal(
    delivery.metric('sentinel_buffer_samples_dropped_total{destination="main",reason="refused"}'),
    3,
  );
  assert.deepEqual([status().sentSamples, status().failedSamples, status().pendingSamples], [1, 3, 0]);
  assert.deepEqual(await delivery.stop(), { successCount: 1, failedCount: 3, pendingCount: 0 });
});

test('sender: of what a receiver says 1 KiB is shown', async (t) => {
  const { receiver, delivery, answered, status } = await setUp(t);
  receiver.script.push({ kind: 'status', status: 422, body: 'x'.repeat(5000) });
  delivery.push(1);
  await answered(1);
  assert.equal(status().lastError!.length, 1024);
});

test('sender: the first failure is logged at once, then rarely, and the recovery once', async (t) => {
  const { receiver, clock, delivery, answered } = await setUp(t);
  receiver.behaviour = { kind: 'status', status: 500, body: 'disk full' };
  delivery.push(1);
  await answered(1);
  assert.deepEqual(delivery.lines(), [
    'Cannot send to "main": 500 Internal Server Error: disk full; samples are kept and sent again',
  ]);
  const failed = () => delivery.metric(`${REQUESTS}{destination="main",status="500"}`);
  for (let i = 0; i < 7; i++) {
    const before = receiver.requests.length;
    await clock.advance(8 * SECOND);
    // Its answer must have been taken in: it begins the backoff that the clock moves over next.
    await until('another answer', () => failed() > before && failed() === receiver.requests.length);
    await settle();
  }
  assert.equal(delivery.lines().length, 1);
  receiver.behaviour = { kind: 'ok' };
  await clock.advance(8 * SECOND);
  await until('the sample', () => receiver.samples.length === 1);
  await until('the line', () => delivery.lines().length === 2);
  assert.match(delivery.lines()[1]!, /^"main" answers again after \d.*; samples waiting: 1$/);
});

test('sender: a Prometheus without receiver is told apart, with the flag to set', async (t) => {
  const { receiver, delivery, answered, status } = await setUp(t);
  receiver.behaviour = ANSWERS.prometheusWithoutReceiver;
  delivery.push(1);
  await answered(1);
  assert.equal(delivery.lines(50).length, 1);
  assert.match(
    delivery.lines(50)[0]!,
    /this is a Prometheus whose remote write receiver is off: start it with --web\.enable-remote-write-receiver/,
  );
  assert.equal(status().pendingSamples, 1);
  assert.equal(delivery.metric('sentinel_sender_healthy{destination="main"}'), 0);
});

test('sender: status and metrics tell what is known of a destination', async (t) => {
  const { receiver, clock, delivery, answered, status } = await setUp(t, { name: 'main' });
  const startMs = clock.now();
  assert.deepEqual(status(), {
    name: 'main',
    url: receiver.url,
    state: 'ok',
    sentSamples: 0,
    failedSamples: 0,
    pendingSamples: 0,
    pendingBlocks: 0,
    pendingBytes: 0,
    oldestPendingMs: undefined,
    lastSuccessMs: undefined,
    lastError: undefined,
    pendingSinceMs: undefined,
  });
  receiver.script.push({ kind: 'status', status: 503, body: 'wait' });
  delivery.push(1, 2);
  await answered(1);
  const { lastError, pendingSamples, pendingBlocks, oldestPendingMs, pendingSinceMs } = status();
  assert.deepEqual(
    { lastError, pendingSamples, pendingBlocks, oldestPendingMs, pendingSinceMs },
    {
      lastError: '503 Service Unavailable: wait',
      pendingSamples: 2,
      pendingBlocks: 1,
      oldestPendingMs: startMs,
      pendingSinceMs: startMs,
    },
  );
  await clock.advance(2 * SECOND);
  await answered(2);
  const after = status();
  assert.deepEqual(
    [after.lastError, after.pendingSamples, after.sentSamples, after.pendingSinceMs],
    [undefined, 0, 2, undefined],
  );
  assert.ok(after.lastSuccessMs! > startMs);
  assert.equal(delivery.metric(`${REQUESTS}{destination="main",status="503"}`), 1);
  assert.equal(delivery.metric(`${REQUESTS}{destination="main",status="204"}`), 1);
  assert.equal(delivery.metric('sentinel_sender_retries_total{destination="main"}'), 1);
  assert.equal(delivery.metric('sentinel_sender_samples_total{destination="main"}'), 2);
  assert.equal(delivery.metric('sentinel_sender_healthy{destination="main"}'), 1);
  assert.equal(
    delivery.metric('sentinel_sender_highest_sent_timestamp_seconds{destination="main"}'),
    startMs / 1000,
  );
});

test('sender: not ready once data has been pending for two minutes without a 2xx', async (t) => {
  const { receiver, clock, delivery, answered } = await setUp(t);
  assert.equal(delivery.sender.ready().ready, true);
  await clock.advance(300 * SECOND);
  assert.equal(delivery.sender.ready().ready, true, 'nothing is pending');
  receiver.behaviour = { kind: 'status', status: 500 };
  delivery.push(1);
  await answered(1);
  await clock.advance(119 * SECOND);
  assert.equal(delivery.sender.ready().ready, true);
  await clock.advance(1 * SECOND);
  assert.equal(delivery.sender.ready().ready, false);
  receiver.behaviour = { kind: 'ok' };
  // The request of before may still be on its way; its answer begins the last backoff.
  await until('the sample', async () => {
    await clock.advance(SECOND);
    return receiver.samples.length === 1;
  });
  await until('to be ready', () => delivery.sender.ready().ready);
});

test('sender: a receiver that refuses every block for two minutes is not ready, although nothing waits', async (t) => {
  const { receiver, clock, delivery, answered } = await setUp(t);
  receiver.behaviour = { kind: 'status', status: 422, body: 'no such tenant' };
  for (let i = 1; i <= 5; i++) {
    delivery.push(i);
    await answered(i);
    await clock.advance(30 * SECOND);
  }
  const { ready, reasons } = delivery.sender.ready();
  assert.equal(ready, false);
  assert.match(reasons[0]!, /no such tenant/);
  receiver.behaviour = { kind: 'ok' };
  delivery.push(6);
  await until('the sample', () => receiver.samples.length === 1);
  await until('to be ready', () => delivery.sender.ready().ready);
});

test('sender: a kept connection that was cut is used again at once, without a word', async (t) => {
  const { receiver, delivery, answered } = await setUp(t);
  delivery.push(1);
  await answered(1);
  receiver.script.push({ kind: 'reset' });
  delivery.push(2);
  await until('the sample', () => receiver.samples.length === 2);
  assert.deepEqual(delivery.lines(), []);
});

test('sender: stop waits for what is on its way', async (t) => {
  const { receiver, delivery } = await setUp(t);
  receiver.behaviour = { kind: 'hold' };
  delivery.push(1);
  await until('a request', () => receiver.inFlight === 1);
  const stopped = delivery.stop(1000);
  receiver.behaviour = { kind: 'ok' };
  delivery.push(2); // Refused: the stop began.
  receiver.answerHeld();
  assert.deepEqual(await stopped, { successCount: 1, failedCount: 0, pendingCount: 0 });
  assert.equal(delivery.metric('sentinel_block_samples_refused_total{reason="stopped"}'), 1);
});

test('sender: stop commits after drainMs, and cuts what has no answer after 10 s', async (t) => {
  const { receiver, clock, delivery } = await setUp(t, {}, { commitIntervalMs: 60 * SECOND });
  receiver.behaviour = { kind: 'hang' };
  delivery.push(1);
  await until('a request', () => receiver.inFlight === 1);
  const stopped = delivery.stop(1000);
  await clock.advance(999);
  assert.equal(delivery.metric('sentinel_buffer_commits_total'), 0);
  await clock.advance(1);
  await until('the commit', () => delivery.metric('sentinel_buffer_commits_total') === 1);
  await settle();
  await clock.advance(10 * SECOND);
  assert.deepEqual(await stopped, { successCount: 0, failedCount: 0, pendingCount: 1 });
  // It was us who ended it: no failure of the receiver.
  assert.doesNotMatch(delivery.metrics.render(), /sentinel_sender_(failures|requests)_total\{/);
});

test('sender: stop asks a receiver that failed once more, and does not wait for its backoff', async (t) => {
  const f = async (order: 'fifo' | 'fresh_first', comesBack: boolean, want: object) => {
    const { receiver, delivery, answered } = await setUp(t, { order });
    receiver.behaviour = { kind: 'status', status: 503, headers: { 'retry-after': '3600' } };
    delivery.push(1);
    await answered(1);
    delivery.push(2);
    if (comesBack) receiver.behaviour = { kind: 'ok' };
    assert.deepEqual(await delivery.stop(1000), want);
    assert.equal(receiver.requests.length, comesBack ? 3 : 2);
  };
  for (const order of ['fifo', 'fresh_first'] as const) {
    await f(order, true, { successCount: 2, failedCount: 0, pendingCount: 0 });
    await f(order, false, { successCount: 0, failedCount: 0, pendingCount: 2 });
  }
});

test('sender: secrets do not reach a log line, whatever the receiver says', async (t) => {
  const destination = destinationOf('http://u:p%40ss@r/w?token=t0ken&x=', {
    http: {
      basicAuth: { username: 'me', password: new Secret('hunter2') },
      authorization: { type: 'Bearer', credentials: new Secret('b3arer') },
      headers: { 'x-key': new Secret('k3y'), 'x-plain': 'plain' },
    },
  });
  const redact = redactorOf(destination);
  const f = (text: string, want: string) => assert.equal(redact(text), want);
  f('nothing', 'nothing');
  f('plain', 'plain');
  f('hunter2 b3arer k3y', '<secret> <secret> <secret>');
  f(`Basic ${Buffer.from('me:hunter2').toString('base64')}`, 'Basic <secret>');
  f('requestURI: /w?token=t0ken', 'requestURI: /w?token=<secret>');
  f('p%40ss p@ss', '<secret> <secret>');
  f('see http://a:b@other/x?y=z.', 'see http://<secret>@other/x?y=<secret>');
  const { receiver, delivery, answered } = await setUp(t, {
    http: { headers: { 'x-key': new Secret('k3y') } },
  });
  receiver.behaviour = {
    kind: 'status',
    status: 302,
    headers: { location: 'http://r/?key=k3y' },
    body: 'your key k3y',
  };
  delivery.push(1);
  await answered(1);
  assert.equal(delivery.lines(50).length, 1);
  assert.doesNotMatch(JSON.stringify(delivery.logged) + JSON.stringify(delivery.sender.status()), /k3y/);
});
