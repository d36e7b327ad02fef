import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { FLAG_STALE, labelsToMap } from '../../src/model/index.js';
import { ColumnWriter } from '../../src/probe/sample-columns.js';
import type { Task } from '../../src/probe/task.js';
import { TaskSeries } from '../../src/probe/task-series.js';
import type { Sample } from '../../src/sdk/index.js';

const task: Task = {
  id: 't1',
  deviceId: 'sw1',
  target: '192.0.2.1',
  plugin: 'ping',
  lane: 'ping',
  intervalMs: 1000,
  timeoutMs: 1000,
  labels: { site: 'north' },
  config: {},
  baseDirectory: '/',
};
const agent = { name: 'agent1', region: '', labels: { rack: 'r7' } };
const BASE =
  'device_id="sw1",plugin="ping",rack="r7",sentinel="agent1",site="north",target="192.0.2.1",task="t1"';

const writers = new WeakMap<TaskSeries, ColumnWriter>();

/** Runs samples through the series and gives `name{labels} value@time`, base labels left out; `stale` for a marker. */
function run(series: TaskSeries, samples: Sample[], plannedMs = 1000): string[] {
  const writer = writers.get(series) ?? new ColumnWriter();
  writers.set(series, writer);
  const result = {
    plannedMs,
    startedMs: plannedMs,
    finishedMs: plannedMs,
    ok: true,
    reason: undefined,
    evidence: undefined,
    samples: writer.columnsOf('t1', samples),
  };
  const batch = series.batchOf(result)!;
  return Array.from({ length: batch.length }, (_, i) => {
    const { __name__: name, ...labels } = labelsToMap(batch.table.labels(batch.refs[i]!));
    const text = Object.keys(labels)
      .map((key) => `${key}="${labels[key]}"`)
      .join(',');
    const value = batch.flags[i] === FLAG_STALE ? 'stale' : batch.values[i];
    return `${name}{${text.replace(BASE, 'BASE')}} ${value}@${batch.timestamps[i]}`;
  });
}

test('samples get the labels of the task and the agent; an empty region is absent', () => {
  assert.deepEqual(run(new TaskSeries(task, agent), [{ name: 'up', value: 1 }]), ['up{BASE} 1@1000']);
});

test("a plugin's own label of a name that is taken becomes exported_", () => {
  const f = (labels: Record<string, string>, want: string) =>
    assert.deepEqual(run(new TaskSeries(task, agent), [{ name: 'm', labels, value: 1 }]), [
      `m{${want}} 1@1000`,
    ]);
  f({ task: 'x' }, BASE.replace('plugin=', 'exported_task="x",plugin=').replace(BASE, 'BASE'));
  f(
    { task: 'x', exported_task: 'y' },
    BASE.replace('plugin=', 'exported_exported_task="x",exported_task="y",plugin='),
  );
  f({ region: 'x' }, BASE.replace('sentinel=', 'region="x",sentinel='));
});

test('a series that a run no longer gives is marked once', () => {
  const series = new TaskSeries(task, agent);
  const failure = { name: 'probe_failure_info', labels: { reason: 'timeout' }, value: 1 };
  run(series, [{ name: 'a', value: 1 }, failure], 1000);
  const cured = run(series, [{ name: 'a', value: 2 }], 2000);
  assert.equal(cured.length, 2);
  assert.match(cured[1]!, /^probe_failure_info\{.*reason="timeout".*\} stale@2000$/);
  assert.equal(run(series, [{ name: 'a', value: 3 }], 3000).length, 1);
  assert.equal(run(series, [{ name: 'a', value: 4 }, failure], 4000).length, 2);
});

test('samples with a time of their own keep it and are not tracked', () => {
  const series = new TaskSeries(task, agent);
  assert.deepEqual(run(series, [{ name: 'a', value: 1, timestampMs: 77 }]), ['a{BASE} 1@77']);
  assert.deepEqual(run(series, [], 2000), []);
});

test('a series given twice in one run: the first counts', () => {
  const series = new TaskSeries(task, agent);
  const twice = run(series, [
    { name: 'a', labels: { x: '1', y: '2' }, value: 1 },
    { name: 'a', labels: { y: '2', x: '1' }, value: 2 },
  ]);
  assert.equal(twice.length, 1);
  assert.equal(series.duplicates, 1);
});

test('label values that hold the separator do not melt into another series', () => {
  const series = new TaskSeries(task, agent);
  const two = run(series, [
    { name: 'a', labels: { x: '1\0y\x002' }, value: 1 },
    { name: 'a', labels: { x: '1', y: '2' }, value: 2 },
  ]);
  assert.equal(two.length, 2);
});

test('a task that goes marks all of its last run', () => {
  const series = new TaskSeries(task, agent);
  run(series, [
    { name: 'a', value: 1 },
    { name: 'b', value: 1 },
  ]);
  const batch = series.endBatch(5000);
  assert.equal(batch.length, 2);
  assert.ok(batch.flags.slice(0, 2).every((flag) => flag === FLAG_STALE));
});

test('only numbers cross while the series are the same', () => {
  const series = new TaskSeries(task, agent);
  const writer = new ColumnWriter();
  const samples = [
    { name: 'a', labels: { x: '1' }, value: 1 },
    { name: 'b', value: 2 },
  ];
  const first = writer.columnsOf('t1', samples);
  const second = writer.columnsOf('t1', [{ name: 'a', labels: { x: '1' }, value: 3 }, samples[1]!]);
  assert.equal(second.shape, undefined);
  const result = {
    plannedMs: 1,
    startedMs: 1,
    finishedMs: 1,
    ok: true,
    reason: undefined,
    evidence: undefined,
  };
  assert.equal(
    series.batchOf({ ...result, samples: second }),
    undefined,
    'numbers of series that are not known',
  );
  series.batchOf({ ...result, samples: first });
  const batch = series.batchOf({ ...result, samples: second })!;
  assert.deepEqual([...batch.values.slice(0, 2)], [3, 2]);
  assert.deepEqual(series.valuesOf({ ...result, samples: second }), { b: 2 });
  for (const changed of [
    [samples[0]!],
    [samples[1]!, samples[0]!],
    [{ ...samples[0]!, labels: { x: '2' } }, samples[1]!],
  ]) {
    assert.notEqual(writer.columnsOf('t1', changed).shape, undefined);
  }
  writer.forget('t1');
  assert.notEqual(writer.columnsOf('t1', samples).shape, undefined);
});

test('series with times of their own leave the table when they go, and a series that comes to have one is not marked', () => {
  const series = new TaskSeries(task, agent);
  for (let i = 0; i < 100; i++)
    run(series, [{ name: 'a', labels: { x: String(i) }, value: 1, timestampMs: i }]);
  assert.equal(series.size, 1);
  run(series, [{ name: 'b', value: 1 }], 1000);
  assert.deepEqual(run(series, [{ name: 'b', value: 2, timestampMs: 5 }], 2000), ['b{BASE} 2@5']);
  assert.deepEqual(run(series, [{ name: 'b', value: 3, timestampMs: 6 }], 3000), ['b{BASE} 3@6']);
  assert.deepEqual(run(series, [], 4000), []);
  assert.equal(series.size, 0);
});

test('whatever runs give, a series is marked exactly when it ends', () => {
  const sample = fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), value: fc.integer() });
  fc.assert(
    fc.property(
      fc.array(fc.uniqueArray(sample, { selector: ({ name }) => name }), { maxLength: 12 }),
      (runs) => {
        const series = new TaskSeries(task, agent);
        let before: string[] = [];
        runs.forEach((samples, i) => {
          const lines = run(series, samples, (i + 1) * 1000);
          const names: string[] = samples.map(({ name }) => name);
          const ended = lines.filter((line) => line.includes(' stale@')).map((line) => line[0]!);
          assert.deepEqual(ended.sort(), before.filter((name) => !names.includes(name)).sort());
          assert.equal(lines.length, names.length + ended.length);
          before = names;
        });
      },
    ),
  );
});

test('texts that come to the same labels are one series, stamped repetitions too: the first counts', () => {
  const f = (samples: Sample[], want: number) => {
    const series = new TaskSeries(task, agent);
    assert.equal(run(series, samples).length, want);
    assert.equal(series.duplicates, samples.length - want);
    assert.equal(series.size, want);
  };
  f(
    [
      { name: 'm', value: 1 },
      { name: 'm', labels: { a: '' }, value: 2 },
    ],
    1,
  );
  f(
    [
      { name: 'm', labels: { task: 'x' }, value: 1 },
      { name: 'm', labels: { exported_task: 'x' }, value: 2 },
    ],
    1,
  );
  f(
    [
      { name: 'm', value: 1, timestampMs: 5 },
      { name: 'm', value: 2, timestampMs: 5 },
    ],
    1,
  );
});

test('names that remote write 1.0 does not know are left out and counted', () => {
  const series = new TaskSeries(task, agent);
  const samples = [
    { name: 'my metric', value: 1 },
    { name: 'ok:metric_1', value: 1 },
    { name: 'm', labels: { 'b-ad': 'x' }, value: 1 },
  ];
  assert.deepEqual(run(series, samples), ['ok:metric_1{BASE} 1@1000']);
  assert.equal(series.invalidNames, 2);
});
