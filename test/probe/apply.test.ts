import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { type Logger, Metrics, systemClock } from '../../src/lib/index.js';
import { FLAG_STALE, labelValue } from '../../src/model/index.js';
import { folderOf, loadPlugins, Probes, type ProbesSettings, type Task } from '../../src/probe/index.js';
import { OwnTime } from '../own-time.js';
import { copyPluginFixtures } from '../plugin-fixtures.js';
import { until } from '../until.js';

interface Seen {
  task: string;
  name: string;
  region: string;
  site: string;
  value: number;
  timeMs: number;
  stale: boolean;
}

const AGENT = { name: 'agent1', region: '', labels: {} };

/** The probe stage on its real processes, with the plugins `numbered` and `steady`. */
async function setUp(t: TestContext) {
  const [ledger, lanes] = [copyPluginFixtures('ledger'), copyPluginFixtures('lanes')];
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-apply-'));
  t.after(() => {
    for (const path of [ledger, lanes, folder]) rmSync(path, { recursive: true });
  });
  const catalog = async (): Promise<ProbesSettings['catalog']> => {
    const { plugins, problems } = await loadPlugins([ledger, lanes]);
    assert.deepEqual(problems, []);
    return { plugins: new Map([...plugins].map(([name, plugin]) => [name, folderOf(plugin)])) };
  };
  const seen: Seen[] = [];
  const lines: string[] = [];
  const line = (first: string | object, second?: string) => void lines.push(second ?? String(first));
  const log: Logger = { debug: line, info: line, warn: line, error: line, child: () => log };
  const metrics = new Metrics();
  const probes = new Probes({
    clock: systemClock,
    log,
    metrics,
    catalog: await catalog(),
    agent: AGENT,
    hostConfig: {},
    next: (batch) => {
      for (let i = 0; i < batch.length; i++) {
        const labels = batch.table.labels(batch.refs[i]!);
        const of = (name: string) => labelValue(labels, name);
        seen.push({
          task: of('task'),
          name: of('__name__'),
          region: of('region'),
          site: of('site'),
          value: batch.values[i]!,
          timeMs: batch.timestamps[i]!,
          stale: batch.flags[i] === FLAG_STALE,
        });
      }
      return 'taken';
    },
  });
  t.after(() => probes.stop());
  const runs = (id: string) =>
    seen.filter((one) => one.task === id && one.name === 'probe_success' && !one.stale);
  const taskOf = (id: string, plugin: 'numbered' | 'steady', more: Partial<Task> = {}): Task => ({
    id,
    deviceId: 'd',
    target: 'x',
    plugin,
    lane: plugin,
    intervalMs: 200,
    timeoutMs: 200,
    labels: {},
    config: plugin === 'steady' ? { target: 'x' } : { ledger: join(folder, id) },
    baseDirectory: '/',
    ...more,
  });
  const status = (id: string) => probes.statuses().find(({ task }) => task.id === id)!;
  const touchSteady = () => appendFileSync(join(lanes, 'steady/index.mjs'), '\n// changed\n');
  return { probes, catalog, seen, lines, metrics, runs, taskOf, status, folder, touchSteady };
}

test('apply: what had finished when its task was changed arrives, with the labels of its task', async (t) => {
  const { probes, seen, taskOf, folder } = await setUp(t);
  const ids = Array.from({ length: 40 }, (_, i) => `n${i}`);
  const tasks = (site: number) =>
    ids.map((id) =>
      taskOf(id, 'numbered', { intervalMs: 20, timeoutMs: 20, labels: { site: String(site) } }),
    );
  const numbers = () => seen.filter((one) => one.name === 'numbered_value' && !one.stale);
  for (let site = 0; site < 40; site++) {
    await probes.apply(tasks(site));
    const before = numbers().length;
    await until('results', () => numbers().length > before + 60);
  }
  await probes.apply([]);
  const ledger = ids.flatMap((id) =>
    readFileSync(join(folder, id), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(' ').slice(0, 2).join(' ').replace(/^/, `${id} `)),
  );
  const arrived = () => numbers().map(({ task, value, timeMs }) => `${task} ${value} ${timeMs}`);
  await until('all results', () => arrived().length >= ledger.length).catch(() => undefined);
  const got = new Set(arrived());
  assert.deepEqual(
    ledger.filter((line) => !got.has(line)),
    [],
    'lost',
  );
  assert.equal(got.size, arrived().length, 'twice');
  for (const id of ids) {
    const sites = numbers()
      .filter(({ task }) => task === id)
      .map(({ site }) => Number(site));
    assert.deepEqual(
      sites,
      [...sites].sort((a, b) => a - b),
      'a result has the labels of the task that ran',
    );
  }
});

test('apply: a change that leaves the labels alone leaves no stale marker', async (t) => {
  const { probes, seen, runs, taskOf } = await setUp(t);
  await probes.apply([taskOf('a', 'steady'), taskOf('b', 'steady')]);
  await until('results', () => runs('a').length >= 2 && runs('b').length >= 2);
  await probes.apply([
    taskOf('a', 'steady', { intervalMs: 150, timeoutMs: 100 }),
    taskOf('b', 'steady', { labels: { site: 'x' } }),
  ]);
  const [a, b] = [runs('a').length, runs('b').length];
  await until('results of the new ones', () => runs('a').length > a + 2 && runs('b').length > b + 2);
  const stale = seen.filter((one) => one.stale);
  assert.deepEqual([...new Set(stale.map(({ task, site }) => `${task} ${site}`))], ['b ']);
  const last = Math.max(
    ...runs('b')
      .filter(({ site }) => site === '')
      .map(({ timeMs }) => timeMs),
  );
  assert.ok(
    stale.every(({ timeMs }) => timeMs > last),
    'an old series ends behind its last sample',
  );
});

test('apply: a host is started again only where its plugin changed, and goes on with the next tick', async (t) => {
  const { probes, catalog, runs, taskOf, status, touchSteady, metrics } = await setUp(t);
  const tasks = [taskOf('a', 'steady', { intervalMs: 1000 }), taskOf('n', 'numbered')];
  await probes.apply(tasks);
  await until('results', () => runs('a').length >= 2 && runs('n').length >= 2);
  const [steady, numbered] = [probes.hosts().get('steady'), probes.hosts().get('numbered')];
  await probes.apply(tasks, { catalog: await catalog() });
  assert.equal(probes.hosts().get('steady'), steady, 'the same code');
  touchSteady();
  await probes.apply(tasks, { catalog: await catalog() });
  await until('another host', () => probes.hosts().get('steady') !== steady);
  const before = runs('a').length;
  await until('results of the new host', () => runs('a').length >= before + 2);
  assert.equal(probes.hosts().get('numbered'), numbered);
  const gaps = runs('a')
    .slice(2)
    .map(({ timeMs }, i) => timeMs - runs('a')[i + 1]!.timeMs);
  assert.ok(
    gaps.every((gap) => gap % 1000 === 0),
    `phase kept: ${gaps}`,
  );
  assert.equal(status('a').runs, runs('a').length, 'counters kept');
  assert.doesNotMatch(metrics.render(), /host_restarts_total\{lane="steady"\} [1-9]/, 'no death');
});

test('apply: a new region gives the same samples new labels, without a new host', async (t) => {
  const { probes, seen, runs, taskOf } = await setUp(t);
  const tasks = [taskOf('a', 'steady'), taskOf('n', 'numbered')];
  await probes.apply(tasks);
  await until('results', () => runs('a').length >= 2 && runs('n').length >= 2);
  const hosts = [...probes.hosts()];
  await probes.apply(tasks, { agent: { ...AGENT, region: 'north' } });
  await until('results', () => runs('a').filter(({ region }) => region === 'north').length >= 2);
  assert.deepEqual([...probes.hosts()], hosts);
  const names = (region: string, stale: boolean) =>
    [
      ...new Set(
        seen
          .filter((one) => one.task === 'a' && one.region === region && one.stale === stale)
          .map(({ name }) => name),
      ),
    ].sort();
  assert.deepEqual(names('north', false), names('', false));
  assert.deepEqual(names('', true), names('', false), 'the old series have ended');
  assert.deepEqual(names('north', true), []);
  await probes.apply([taskOf('n', 'numbered')], { agent: { ...AGENT, region: 'north' } });
  await until('its end', () => names('north', true).length > 0);
});

test('apply: 10,000 tasks do not hold the loop', async (t) => {
  const { probes, taskOf, metrics } = await setUp(t);
  const tasks = (more: Partial<Task>) =>
    Array.from({ length: 10_000 }, (_, i) =>
      taskOf(`t${i}`, 'steady', { intervalMs: 3_600_000, timeoutMs: 1000, ...more }),
    );
  const [first, same, labelled] = [tasks({}), tasks({}), tasks({ labels: { site: 'x' } })];
  const time = new OwnTime();
  t.after(() => time.stop());
  await probes.apply(first);
  await until('some results', () => probes.statuses().filter(({ runs }) => runs > 0).length > 200, 60_000);
  const worst: Record<string, number> = {};
  for (const [what, list] of Object.entries({ same, labelled, none: [] })) {
    time.reset();
    await probes.apply(list);
    worst[what] = time.worstMs;
  }
  t.diagnostic(JSON.stringify(worst));
  assert.ok(
    Object.values(worst).every((ms) => ms < 600),
    JSON.stringify(worst),
  );
  assert.match(metrics.render(), /sentinel_probe_tasks 0/);
});
