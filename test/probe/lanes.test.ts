import assert from 'node:assert/strict';
import test from 'node:test';
import { until } from '../until.js';
import { waitedMs } from '../waited.js';
import { probesOf, taskOf } from './watched-probes.js';

test('tasks run in the process of their lane, and samples carry the planned tick', async (t) => {
  const { probes, of } = await probesOf(t);
  await probes.apply([taskOf('a', 'steady'), taskOf('b', 'steady')]);
  await until('five results of each', () => of('a').length >= 5 && of('b').length >= 5);
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
  const { probes, of, lines, backAfterMs } = await probesOf(t);
  await probes.apply([taskOf('a', 'steady')]);
  await until('a result', () => of('a').length >= 2);
  const killed = { wallMs: Date.now(), monotonicMs: performance.now() };
  process.kill(probes.hosts().get('steady')!, 'SIGKILL');
  const backMs = await backAfterMs(['a'], killed);
  assert.ok(backMs < 2000, `${backMs} ms`);
  assert.ok(lines.some((line) => line.includes('probe host died')));
  assert.ok(
    of('a').every((sample) => sample.value === 1),
    'the death of a host is no failed probe',
  );
});

test('a host that hangs is killed, and the lanes beside it miss nothing', async (t) => {
  const { probes, of, lines, status } = await probesOf(t);
  await probes.apply([taskOf('a', 'steady'), taskOf('bad', 'spin')]);
  await until('a result', () => of('a').length > 0);
  const host = probes.hosts().get('steady')!;
  const waitedBefore = waitedMs(host);
  await until('the host to be killed', () => lines.some((line) => line.includes('gave no heartbeat')));
  await until('the host to be started again', () => lines.some((line) => line.includes('probe host died')));
  // What others took of the processors is not the doing of the host that hangs: a tick of 200 ms passes in so much of it.
  const excused = Math.floor((waitedMs(host) - waitedBefore) / 100);
  const times = of('a').map((sample) => sample.timeMs);
  const gaps = times.slice(2).map((time, i) => time - times[i + 1]!);
  const missed = gaps.reduce((sum, gap) => sum + gap / 200 - 1, 0);
  assert.ok(gaps.length > 20 && missed <= excused, `gaps ${gaps}, ${excused} excused`);
  assert.ok(missed <= status('a').missed, 'all are counted');
  assert.equal(of('bad').length, 0);
});

test('a run that a stop cut short gives no sample, and is counted as aborted', async (t) => {
  const { probes, of, metrics, lines } = await probesOf(t);
  await probes.apply([taskOf('slow', 'steady', { wait: '60s' }, 120_000)]);
  await until('the run', () => lines.some((line) => line.includes('a run begins')));
  await probes.stop();
  assert.equal(of('slow').length, 0);
  assert.equal(probes.statuses()[0]?.aborted, 1);
  assert.match(metrics.render(), /sentinel_probe_aborted_total\{plugin="steady"\} 1/);
});

test('a change touches only what changed, and marks the series of what goes', async (t) => {
  const { probes, of, seen } = await probesOf(t);
  await probes.apply([taskOf('a', 'steady'), taskOf('b', 'steady')]);
  await until('results', () => of('a').length >= 2 && of('b').length >= 2);
  const runsOfA = of('a', 'steady_run').at(-1)!.value;
  await probes.apply([taskOf('a', 'steady'), taskOf('c', 'steady')]);
  await until(
    'results of the new one',
    () => of('c').length >= 2 && of('a', 'steady_run').at(-1)!.value > runsOfA,
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
  await until('a result', () => of('a').length >= 1);
  const wrong = await until(
    'the problem',
    () => probes.statuses().find((status) => status.task.id === 'wrong')?.problem,
  );
  assert.match(wrong, /wait: expected a duration/);
});
