import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { atEnd } from '../at-end.js';
import { copyPluginFixtures } from '../plugin-fixtures.js';
import { FakeReceiver } from '../receiver.js';
import { isRunning } from '../running.js';
import { until } from '../until.js';
import { AgentProcess, freePort, run, temporaryFolder } from './sentinel.js';

interface ShownTask {
  id: string;
  problem: string | null;
  skipped: number;
  missed: number;
  aborted: number;
}

const TWENTY = Array.from({ length: 20 }, (_, i) => `good${i}`);

/** Process id of the probe host of a lane. */
async function hostOf(agent: AgentProcess, lane: string): Promise<number> {
  const { stdout } = await run('ps', ['-o', 'pid,args', '--ppid', String(agent.child.pid)]);
  const line = stdout.split('\n').find((text) => text.trimEnd().endsWith(` ${lane}`));
  assert.ok(line, `no host of ${lane} in:\n${stdout}`);
  return Number.parseInt(line, 10);
}

test('the real agent: a plugin that keeps exiting is set aside, twenty tasks beside it miss nothing, and a killed host gives results within 2 s', async (t) => {
  const receiver = await FakeReceiver.start();
  t.after(() => receiver.close());
  const plugins = copyPluginFixtures('lanes');
  atEnd(t, () => rmSync(plugins, { recursive: true }));
  const port = await freePort();
  const good = TWENTY.map((id) => `  - {id: ${id}, plugin: steady, interval: 1s, config: {target: x}}`);
  const agent = new AgentProcess(t, {
    folder: temporaryFolder(t),
    config: `
http: {listen: "127.0.0.1:${port}"}
plugins: {directories: [${plugins}]}
sender: {flush_interval: 200ms, direct: {fake: {url: "${receiver.url}"}}}
tasks:
  - {id: bad, plugin: rogue, interval: 500ms, config: {target: x, way: exit}}
${good.join('\n')}
`,
  });
  const stamps = (id: string) =>
    receiver.samples
      .filter(({ labels }) => labels.task === id && labels.__name__ === 'probe_success')
      .map(({ timestampMs }) => timestampMs);
  const shown = async () => {
    const body = (await (await fetch(`http://127.0.0.1:${port}/api/v1/tasks`)).json()) as {
      data: ShownTask[];
    };
    return new Map(body.data.map((task) => [task.id, task]));
  };

  await agent.says('Plugin set aside');
  const bad = (await shown()).get('bad')!;
  assert.match(
    bad.problem!,
    /plugin "rogue" is set aside until .* because its probe host keeps dying: it exited with code 0/,
  );
  assert.ok(bad.aborted >= 5, `${bad.aborted} runs are counted as aborted`);
  assert.deepEqual(stamps('bad'), []);
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  assert.match(metrics, /sentinel_probe_plugins_set_aside 1/);
  await until('six ticks of each', () => TWENTY.every((id) => stamps(id).length >= 6));
  for (const id of TWENTY) {
    const gaps = stamps(id)
      .slice(2)
      .map((stamp, i) => stamp - stamps(id)[i + 1]!);
    assert.deepEqual(gaps, new Array(gaps.length).fill(1000), id);
  }

  const host = await hostOf(agent, 'steady');
  const killedMs = Date.now();
  process.kill(host, 'SIGKILL');
  // By the agent's own stamps, that of the tick and of what it counts: when this process and the receiver got to see it says little on a busy machine.
  const firstAfter = (id: string) => stamps(id).find((stamp) => stamp > killedMs);
  await until('results of all', () => TWENTY.every((id) => firstAfter(id) !== undefined));
  for (const id of TWENTY) {
    const afterMs = firstAfter(id)! - killedMs;
    assert.ok(afterMs < 2000, `the first tick of ${id} with a result is ${afterMs} ms after the kill`);
  }
  const after = await shown();
  for (const id of TWENTY) {
    const { missed, skipped, aborted } = after.get(id)!;
    assert.ok(missed + skipped + aborted <= 2, JSON.stringify(after.get(id)));
  }
  assert.equal((await agent.stop()).code, 0);
});

test('the agent killed while a plugin spins: its probe host goes too', async (t) => {
  const plugins = copyPluginFixtures('lanes');
  t.after(() => rmSync(plugins, { recursive: true }));
  const folder = temporaryFolder(t);
  const ledger = join(folder, 'ledger');
  const agent = new AgentProcess(t, {
    folder,
    config: `
http: {listen: ""}
plugins: {directories: [${plugins}]}
tasks: [{id: bad, plugin: rogue, interval: 1s, config: {target: x, way: spin, ledger: ${ledger}}}]
`,
  });
  await until('a run that spins', () => existsSync(ledger));
  const host = await hostOf(agent, 'rogue');
  t.after(() => isRunning(host) && process.kill(host, 'SIGKILL'));
  await agent.stop('SIGKILL');
  await until('the end of its host', () => !isRunning(host));
});
