import assert from 'node:assert/strict';
import test from 'node:test';
import { until } from '../until.js';
import { probesOf, taskOf } from './watched-probes.js';

test('tasks run in the process of their lane, and samples carry the planned tick', async (t) => {
  const { probes, of } = await probesOf(t);
  await probes.apply([taskOf('a', 'steady'), taskOf('b', 'steady')]);
  await until('five results of each', () => of('a').length >= 5 && of('b').length >= 5, 15_000);
  const times = of('a').map((sample) => sample.timeMs);
  const gaps = times.slice(2).map((time, i) => time - times[i + 1]!);
  assert.ok(
    gaps.every((gap) => gap > 0 && gap % 200 === 0),
    `gaps ${gaps}`,
  );
  assert.ok(of('a').every((sample) => sample.value === 1));
  assert.notEqual(probes.hosts().get('steady'), process.pid);
});

test('a killed host: its tasks give results again within two seconds', async (t) => {
  const { probes, of, lines } = await probesOf(t);
  await probes.apply([taskOf('a', 'steady')]);
  await until('a result', () => of('a').length >= 2, 15_000);
  process.kill(probes.hosts().get('steady')!, 'SIGKILL');
  const [before, killedAt] = [of('a').length, performance.now()];
  await until('a result of the new host', () => of('a').length > before + 1, 10_000);
  assert.ok(performance.now() - killedAt < 2000, `${performance.now() - killedAt} ms`);
  assert.ok(lines.some((line) => line.includes('probe host died')));
  assert.ok(
    of('a').every((sample) => sample.value === 1),
    'the death of a host is no failed probe',
  );
});

test('a host that hangs is killed, and the lanes beside it miss nothing', async (t) => {
  const { probes, of, lines } = await probesOf(t);
  await probes.apply([taskOf('a', 'steady'), taskOf('bad', 'spin')]);
  await until(
    'the host to be killed',
    () => lines.some((line) => line.includes('gave no heartbeat')),
    25_000,
  );
  await until(
    'the host to be started again',
    () => lines.some((line) => line.includes('probe host died')),
    10_000,
  );
  const times = of('a').map((sample) => sample.timeMs);
  const gaps = times.slice(2).map((time, i) => time - times[i + 1]!);
  assert.ok(gaps.length > 20 && gaps.every((gap) => gap === 200), `gaps ${gaps}`);
  assert.equal(of('bad').length, 0);
});

test('a run that a stop cut short gives no sample, and is counted as aborted', async (t) => {
  const { probes, of, metrics, lines } = await probesOf(t);
  await probes.apply([taskOf('slow', 'steady', { wait: '60s' }, 120_000)]);
  await until('the run', () => lines.some((line) => line.includes('a run begins')), 15_000);
  await probes.stop();
  assert.equal(of('slow').length, 0);
  assert.equal(probes.statuses()[0]?.aborted, 1);
  assert.match(metrics.render(), /sentinel_probe_aborted_total\{plugin="steady"\} 1/);
});

test('a change touches only what changed, and marks the series of what goes', async (t) => {
  const { probes, of, seen } = await probesOf(t);
  await probes.apply([taskOf('a', 'steady'), taskOf('b', 'steady')]);
  await until('results', () => of('a').length >= 2 && of('b').length >= 2, 15_000);
  const runsOfA = of('a', 'steady_run').at(-1)!.value;
  await probes.apply([taskOf('a', 'steady'), taskOf('c', 'steady')]);
  await until(
    'results of the new one',
    () => of('c').length >= 2 && of('a', 'steady_run').at(-1)!.value > runsOfA,
    15_000,
  );
  assert.deepEqual(
    of('a', 'steady_run').map((sample) => sample.value),
    of('a', 'steady_run').map((_, i) => i + 1),
    'the untouched task kept its state',
  );
  const marked = seen.filter((sample) => sample.stale).map((sample) => `${sample.task} ${sample.name}`);
  assert.deepEqual(marked.sort(), ['b probe_duration_seconds', 'b probe_success', 'b steady_run']);
});

test('a task whose options its plugin refuses has a problem, and the others run', async (t) => {
  const { probes, of } = await probesOf(t);
  await probes.apply([taskOf('a', 'steady'), taskOf('wrong', 'steady', { wait: 'soon' })]);
  await until('a result', () => of('a').length >= 1, 15_000);
  const wrong = await until(
    'the problem',
    () => probes.statuses().find((status) => status.task.id === 'wrong')?.problem,
    5000,
  );
  assert.match(wrong, /wait: expected a duration/);
});
