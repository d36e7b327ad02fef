import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import type { MetricMetadata } from '../../src/model/index.js';
import type { Destination } from '../../src/sender/index.js';
import { temporaryDirectory } from '../buffer/set-up.js';
import { ManualClock } from '../manual-clock.js';
import { FakeReceiver } from '../receiver.js';
import { needServer, Server } from '../servers.js';
import { until } from '../until.js';
import { Delivery, destinationOf } from './set-up.js';

const MINUTE = 60_000;
const SEND = { send: true, intervalMs: MINUTE, maxPerSend: 2000 };

const family = (name: string, more: Partial<MetricMetadata> = {}): MetricMetadata => ({
  family: name,
  type: 'gauge',
  help: `Help of ${name}.`,
  unit: '',
  ...more,
});

async function setUp(t: TestContext, metadata: MetricMetadata[], more: Partial<Destination> = {}) {
  const receiver = await FakeReceiver.start();
  t.after(() => receiver.close());
  const clock = new ManualClock();
  const destinations = [destinationOf(receiver.url, { metadata: SEND, ...more })];
  const delivery = await Delivery.start(t, temporaryDirectory(t), destinations, {
    clock,
    metadata: () => metadata,
  });
  return { receiver, clock, delivery };
}

test('metadata: the first request after an interval, then one in each, with metadata only', async (t) => {
  const { receiver, clock } = await setUp(t, [
    family('a', { type: 'counter', unit: 'seconds' }),
    family('b', { type: 'stateset', help: '' }),
    family('c', { type: 'unknown', help: 'ü \ud800' }),
  ]);
  await clock.advance(MINUTE - 1);
  assert.equal(receiver.requests.length, 0);
  await clock.advance(1);
  await until('the first', () => receiver.metadata.length === 3);
  assert.deepEqual(
    receiver.metadata.map(({ metricFamilyName: name, type, help, unit }) => [name, type, help, unit]),
    [
      ['a', 1, 'Help of a.', 'seconds'],
      ['b', 7, '', ''],
      ['c', 0, 'ü \ufffd', ''],
    ],
  );
  assert.equal(receiver.samples.length, 0);
  const { headers } = receiver.requests[0]!;
  assert.equal(headers['content-encoding'], 'snappy');
  assert.equal(headers['x-prometheus-remote-write-version'], '0.1.0');
  await until('the next timer', () => clock.waiting > 0);
  await clock.advance(MINUTE);
  await until('the second', () => receiver.requests.length === 2);
});

test('metadata: what targets say alike is sent once, what they say differently is kept, in portions', async (t) => {
  const metadata = [
    family('a'),
    family('b'),
    family('a'),
    family('a', { help: 'Other.' }),
    family('b'),
    family('c'),
  ];
  const { receiver, clock, delivery } = await setUp(t, metadata, { metadata: { ...SEND, maxPerSend: 3 } });
  await clock.advance(MINUTE);
  await until('both portions', () => receiver.metadata.length === 4);
  assert.equal(receiver.requests.length, 2);
  assert.deepEqual(receiver.metadata.map(({ metricFamilyName: name, help }) => `${name} ${help}`).sort(), [
    'a Help of a.',
    'a Other.',
    'b Help of b.',
    'c Help of c.',
  ]);
  await until('the count', () => delivery.metric('sentinel_sender_metadata_total{destination="main"}') === 4);
});

test('metadata: nothing to say, or not wanted, is no request', async (t) => {
  const none = await setUp(t, []);
  const off = await setUp(t, [family('a')], { metadata: { ...SEND, send: false } });
  await none.clock.advance(3 * MINUTE);
  await off.clock.advance(3 * MINUTE);
  none.delivery.push(1);
  off.delivery.push(1);
  await until('a sample', () => none.receiver.samples.length + off.receiver.samples.length === 2);
  assert.deepEqual([none.receiver.requests.length, off.receiver.requests.length], [1, 1]);
});

test('metadata: a receiver that refuses it is told the samples all the same, and stays healthy', async (t) => {
  const { receiver, clock, delivery } = await setUp(t, [family('a'), family('b')], {
    metadata: { ...SEND, maxPerSend: 1 },
  });
  const refused = () =>
    delivery.metric('sentinel_sender_metadata_failures_total{destination="main",reason="refused"}');
  for (const count of [1, 2]) {
    receiver.script.push({ kind: 'status', status: 400, body: 'no timeseries' });
    await until('a timer', () => clock.waiting > 0);
    await clock.advance(MINUTE);
    await until('the failure', () => refused() === count);
  }
  // The rest of a round that failed waits too.
  assert.equal(receiver.requests.length, 2);
  assert.deepEqual(delivery.sender.status()[0]!.state, 'ok');
  assert.equal(delivery.metric('sentinel_sender_healthy{destination="main"}'), 1);
  assert.deepEqual(
    delivery.lines().map((line) => line.slice(0, 55)),
    ['"main" did not take metadata (types and helps of metric'],
  );
  delivery.push(1);
  await until('the sample', () => receiver.samples.length === 1);
});

test('metadata: an unhealthy destination is not asked', async (t) => {
  const { receiver, clock, delivery } = await setUp(t, [family('a')], {
    minBackoffMs: 10 * MINUTE,
    maxBackoffMs: 10 * MINUTE,
  });
  receiver.script.push({ kind: 'status', status: 503 });
  delivery.push(1);
  await until('the failure', () => delivery.sender.status()[0]!.state === 'failing');
  await clock.advance(3 * MINUTE);
  assert.equal(receiver.requests.length, 1);
});

test('metadata: a stop does not wait for it', async (t) => {
  const { receiver, clock, delivery } = await setUp(t, [family('a')]);
  receiver.behaviour = { kind: 'hang' };
  await clock.advance(MINUTE);
  await until('the request', () => receiver.inFlight === 1);
  await delivery.stop();
  await until('its end', () => receiver.inFlight === 0);
  assert.doesNotMatch(delivery.metrics.render(), /metadata_failures_total\{/);
  assert.equal(clock.waiting, 0);
});

for (const name of ['victoria-metrics', 'prometheus'] as const) {
  test(`metadata: ${name} takes it`, async (t) => {
    if (!needServer(name, t)) return;
    const server =
      name === 'prometheus'
        ? await Server.prometheus(t, { receiver: true })
        : await Server.victoriaMetrics(t);
    const destinations = [destinationOf(server.writeUrl, { metadata: { ...SEND, intervalMs: 50 } })];
    const delivery = await Delivery.start(t, temporaryDirectory(t), destinations, {
      metadata: () => [family('a')],
    });
    await until('an answer', () =>
      /sender_metadata_(total|failures_total)\{.*\} [1-9]/.test(delivery.metrics.render()),
    );
    assert.doesNotMatch(delivery.metrics.render(), /metadata_failures_total\{/);
  });
}
