import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { Batch, labelsOf, SeriesTable } from '../../src/model/index.js';
import { temporaryDirectory } from '../buffer/set-up.js';
import { needServer, Server } from '../servers.js';
import { until } from '../until.js';
import { Delivery, destinationOf } from './set-up.js';

const RECEIVERS = {
  'victoria-metrics': (t: TestContext) => Server.victoriaMetrics(t),
  prometheus: (t: TestContext) => Server.prometheus(t, { receiver: true }),
} as const;

/** A task whose series come and go. */
function taskOf(labels: Record<string, string>) {
  const table = new SeriesTable();
  const refOf = (name: string) =>
    table.find(name) ?? table.add(name, labelsOf({ __name__: name, ...labels }));
  return (nowMs: number, samples: Record<string, number | 'stale'>) => {
    const batch = new Batch({ kind: 'task', id: 't' }, table, {
      plannedMs: nowMs,
      startedMs: nowMs,
      finishedMs: nowMs,
    });
    for (const [name, value] of Object.entries(samples)) {
      if (value === 'stale') batch.addStale(refOf(name), nowMs);
      else batch.add(refOf(name), value, nowMs);
    }
    return batch;
  };
}

for (const [name, start] of Object.entries(RECEIVERS)) {
  test(`sender to ${name}: labels, values and timestamps arrive as they are; a stale marker ends a series`, async (t) => {
    if (!needServer(name as keyof typeof RECEIVERS, t)) return;
    const server = await start(t);
    const delivery = await Delivery.start(t, temporaryDirectory(t), [destinationOf(server.writeUrl)]);
    const batchOf = taskOf({ device_id: '10.0.0.1', weird: 'a "quoted"\n\\ 日本 😀' });
    const values = {
      v_int: 42,
      v_small: 1.5e-7,
      v_negative: -0.25,
      v_inf: Infinity,
      v_big: 2 ** 53,
      v_zero: 0,
    };
    const firstMs = Date.now() - 5000;
    delivery.stage.push(batchOf(firstMs, { ...values, up_now: 1, failure_info: 1 }));
    const selector = '{device_id="10.0.0.1"}';
    await until('the samples', async () => (await server.query(selector, firstMs / 1000)).length === 8);
    const got = await server.query(selector, firstMs / 1000);
    for (const [series, value] of Object.entries(values)) {
      const result = got.find(({ metric }) => metric.__name__ === series)!;
      assert.deepEqual(result.metric, {
        __name__: series,
        device_id: '10.0.0.1',
        weird: 'a "quoted"\n\\ 日本 😀',
      });
      assert.equal(Number(result.value[1].replace('Inf', 'Infinity')), value, series);
    }
    assert.deepEqual(await server.samples('v_int', '1m', Date.now() / 1000), [[firstMs / 1000, '42']]);
    // The next run succeeds: its failure ends at once, and does not linger for five minutes.
    const secondMs = firstMs + 3000;
    delivery.stage.push(batchOf(secondMs, { up_now: 2, failure_info: 'stale' }));
    const names = async () =>
      (await server.query('{__name__=~"up_now|failure_info"}', secondMs / 1000)).map(
        ({ metric, value }) => `${metric.__name__} ${value[1]}`,
      );
    await until('the second run', async () => (await names()).includes('up_now 2'));
    assert.deepEqual(await names(), ['up_now 2']);
  });

  test(`sender to ${name}: every result of an outage arrives after it, the agent restarted meanwhile`, async (t) => {
    if (!needServer(name as keyof typeof RECEIVERS, t)) return;
    const server = await start(t);
    const directory = temporaryDirectory(t);
    const destinations = [
      destinationOf(server.writeUrl, { order: name === 'prometheus' ? 'fifo' : 'fresh_first' }),
    ];
    let delivery = await Delivery.start(t, directory, destinations);
    const batchOf = taskOf({ case: 'outage' });
    const startMs = Date.now() - 100_000;
    let number = 0;
    const produce = (count: number) => {
      for (const end = number + count; number < end; )
        delivery.stage.push(batchOf(startMs + ++number * 100, { number }));
    };
    const arrived = async () =>
      (await server.samples('number{case="outage"}', '10m', Date.now() / 1000)).map(([, value]) =>
        Number(value),
      );
    produce(100);
    await until('the first hundred', async () => (await arrived()).length === 100);
    await server.stop();
    produce(100);
    const { pendingCount } = (await delivery.stop())!;
    assert.equal(pendingCount, 100);
    delivery = await Delivery.start(t, directory, destinations);
    produce(100);
    await server.start();
    produce(100);
    await until('all of them', async () => (await arrived()).length >= 400);
    assert.deepEqual(
      (await arrived()).sort((a, b) => a - b),
      Array.from({ length: 400 }, (_, i) => i + 1),
    );
    assert.deepEqual(await delivery.stop(), { successCount: 300, failedCount: 0, pendingCount: 0 });
  });
}

test('sender to prometheus without receiver: the log names the flag, and nothing is lost once it is set', async (t) => {
  if (!needServer('prometheus', t)) return;
  const server = await Server.prometheus(t, { receiver: false });
  const delivery = await Delivery.start(t, temporaryDirectory(t), [destinationOf(server.writeUrl)]);
  delivery.push(1);
  await until('the line', () => delivery.lines(50).length > 0);
  assert.match(
    delivery.lines(50)[0]!,
    /404 .*remote write receiver is off: start it with --web\.enable-remote-write-receiver/,
  );
  assert.equal(delivery.sender.status()[0]!.pendingSamples, 1);
  await server.stop();
  await Server.prometheus(t, { receiver: true, port: server.port });
  await until('the sample', () => delivery.sender.status()[0]!.pendingSamples === 0);
  assert.deepEqual(await delivery.stop(), { successCount: 1, failedCount: 0, pendingCount: 0 });
});

test('sender to victoria-metrics with a wrong path: the data are held, and the log says what to check', async (t) => {
  if (!needServer('victoria-metrics', t)) return;
  const server = await Server.victoriaMetrics(t);
  const delivery = await Delivery.start(t, temporaryDirectory(t), [
    destinationOf(`${server.url}/api/v1/wriet?key=s3cret`),
  ]);
  delivery.push(1);
  await until('the line', () => delivery.lines(50).length > 0);
  assert.match(
    delivery.lines(50)[0]!,
    /"main" does not take samples: 400 .*take remote write at \/api\/v1\/write/,
  );
  assert.doesNotMatch(delivery.lines(30).join('\n'), /s3cret/);
  assert.equal(delivery.sender.status()[0]!.pendingSamples, 1);
});

test('sender to prometheus: what it refuses is dropped with its words, and the rest goes on', async (t) => {
  if (!needServer('prometheus', t)) return;
  const server = await Server.prometheus(t, { receiver: true });
  const delivery = await Delivery.start(t, temporaryDirectory(t), [destinationOf(server.writeUrl)]);
  const batchOf = taskOf({ case: 'refused' });
  const nowMs = Date.now();
  delivery.stage.push(batchOf(nowMs, { number: 1 }));
  await until('the first', async () => (await server.query('number', nowMs / 1000)).length === 1);
  delivery.stage.push(batchOf(nowMs - 7_200_000, { number: 2 }));
  await until('the refusal', () => delivery.lines(50).length > 0);
  assert.match(delivery.lines(50)[0]!, /"main" refused a block, which is dropped: 400 Bad Request: out of/);
  delivery.stage.push(batchOf(nowMs + 1000, { number: 3 }));
  await until('the third', async () => (await server.query('number', nowMs / 1000 + 1))[0]?.value[1] === '3');
  assert.deepEqual(await delivery.stop(), { successCount: 2, failedCount: 1, pendingCount: 0 });
});
