import assert from 'node:assert/strict';
import test from 'node:test';
import { Batch, labelsOf, SeriesTable } from '../../src/model/index.js';
import { temporaryDirectory } from '../buffer/set-up.js';
import { FakeReceiver } from '../receiver.js';
import { rulesOf } from '../relabel/rules.js';
import { needServer, Server } from '../servers.js';
import { until } from '../until.js';
import { Delivery, destinationOf } from './set-up.js';

/** A page of a target, as scraping gives it. */
function pageOf(names: readonly string[], stampMs: number): Batch {
  const table = new SeriesTable();
  const times = { plannedMs: stampMs, startedMs: stampMs, finishedMs: stampMs };
  const batch = new Batch({ kind: 'scrape', id: 't' }, table, times);
  for (const [i, name] of names.entries())
    batch.add(table.add(name, labelsOf({ __name__: name, job: 'node', instance: 'i1' })), i, stampMs);
  return batch;
}

test('write_relabel_configs: for all, then for each destination, as they arrive at two receivers', async (t) => {
  if (!needServer('victoria-metrics', t)) return;
  const [server, receiver] = [await Server.victoriaMetrics(t), await FakeReceiver.start()];
  t.after(() => receiver.close());
  const destinations = [
    destinationOf(server.writeUrl, {
      name: 'vm',
      relabel: rulesOf(`
        - {source_labels: [__name__], regex: go_.*, action: drop}
        - {source_labels: [__name__], regex: node_(.+), target_label: __name__, replacement: host_$1}
        - {regex: instance, action: labeldrop}`),
    }),
    destinationOf(receiver.url, {
      name: 'fake',
      relabel: rulesOf('{source_labels: [job], target_label: team, replacement: net-$1}'),
    }),
  ];
  const writeRelabel = rulesOf('{source_labels: [__name__], regex: .*_secret, action: drop}');
  const delivery = await Delivery.start(t, temporaryDirectory(t), destinations, { writeRelabel });
  const nowMs = Date.now() - 5000;
  delivery.stage.push(pageOf(['go_threads', 'node_load1', 'node_secret', 'up'], nowMs));
  await until('all at the one', () => receiver.samples.length === 3);
  const labels = { job: 'node', instance: 'i1', team: 'net-node' };
  assert.deepEqual(
    receiver.samples.map((sample) => [sample.labels, sample.value]),
    [
      [{ __name__: 'go_threads', ...labels }, 0],
      [{ __name__: 'node_load1', ...labels }, 1],
      [{ __name__: 'up', ...labels }, 3],
    ],
  );
  const query = () => server.query('{job="node"}', nowMs / 1000);
  await until('all at the other', async () => (await query()).length === 2);
  assert.deepEqual((await query()).map(({ metric, value }) => [metric, value[1]]).sort(), [
    [{ __name__: 'host_load1', job: 'node' }, '1'],
    [{ __name__: 'up', job: 'node' }, '3'],
  ]);
  const dropped = delivery.metrics
    .render()
    .split('\n')
    .filter((line) => line.includes('block_samples_dropped_total') && line.includes('relabel'));
  assert.deepEqual(dropped.map((line) => line.replace(/.* /, '')).sort(), ['1', '2']);
});

test('write_relabel_configs: what waits under rules of before a restart, or a reload, arrives as it was', async (t) => {
  const receiver = await FakeReceiver.start();
  t.after(() => receiver.close());
  const directory = temporaryDirectory(t);
  const withRules = (site: string) => [
    destinationOf(receiver.url, { relabel: rulesOf(`{target_label: site, replacement: ${site}}`) }),
  ];
  receiver.behaviour = { kind: 'status', status: 503 };
  let delivery = await Delivery.start(t, directory, withRules('one'));
  delivery.push(1);
  await until('a failure', () => delivery.sender.status()[0]!.state === 'failing');
  assert.equal((await delivery.stop(0))!.pendingCount, 1);
  delivery = await Delivery.start(t, directory, withRules('two'));
  delivery.push(2);
  delivery.apply(withRules('three'));
  delivery.push(3);
  receiver.behaviour = { kind: 'ok' };
  await until('all', () => receiver.samples.length === 3);
  assert.deepEqual(
    receiver.samples.map(({ labels, value }) => [labels.site, value]),
    [
      ['one', 1],
      ['two', 2],
      ['three', 3],
    ],
  );
});

test('exemplars and native histograms arrive at a receiver that wants them, through buffer and disk', async (t) => {
  const receiver = await FakeReceiver.start();
  t.after(() => receiver.close());
  const directory = temporaryDirectory(t);
  const destinations = [destinationOf(receiver.url, { sendExemplars: true, sendNativeHistograms: true })];
  receiver.behaviour = { kind: 'status', status: 503 };
  let delivery = await Delivery.start(t, directory, destinations);
  const nowMs = Date.now();
  const batch = pageOf(['a_total'], nowMs);
  const side = { spans: [{ offset: 0, length: 1 }], buckets: [2] };
  const counts = { isFloat: false, schema: 3, count: 2, sum: 1, zeroThreshold: 0, zeroCount: 0 } as const;
  batch.addHistogram(
    0,
    { ...counts, negative: { spans: [], buckets: [] }, positive: side, customValues: [], resetHint: 0 },
    nowMs,
  );
  batch.exemplars = new Map([[0, [{ labels: ['trace_id', 'x'], value: 1, timestampMs: nowMs }]]]);
  delivery.stage.push(batch);
  assert.equal((await delivery.stop(0))!.pendingCount, 2);
  receiver.behaviour = { kind: 'ok' };
  delivery = await Delivery.start(t, directory, destinations);
  await until('both', () => receiver.samples.length === 1 && receiver.histograms.length === 1);
  assert.deepEqual(
    receiver.exemplars.map(({ labels, value, timestampMs }) => [labels.trace_id, value, timestampMs]),
    [['x', 1, nowMs]],
  );
  assert.deepEqual(receiver.histograms[0]!.fields.positiveDeltas, [2]);
});
