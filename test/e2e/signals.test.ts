import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { describe, type TestContext } from 'node:test';
import { atEnd } from '../at-end.js';
import { copyPluginFixtures } from '../plugin-fixtures.js';
import { FakeReceiver } from '../receiver.js';
import { until } from '../until.js';
import { SENTINEL, temporaryFolder } from './sentinel.js';

const ROUNDS = 4;

/** Stops the agent again and again while the receiver has trouble; every number that was handed out must arrive, and once. */
async function nothingIsLost(t: TestContext, signal: (agent: ChildProcess) => void): Promise<void> {
  const folder = temporaryFolder(t);
  const plugins = copyPluginFixtures('ledger');
  atEnd(t, () => rmSync(plugins, { recursive: true }));
  const receiver = await FakeReceiver.start();
  t.after(() => receiver.close());
  const ledger = join(folder, 'ledger.txt');
  const config = join(folder, 'config.yaml');
  writeFileSync(
    config,
    `sentinel: {self_metrics_interval: 0s}
http: {listen: ""}
logging: {output: stdout}
plugins: {directories: [${plugins}]}
sender: {flush_interval: 300ms, min_backoff: 50ms, max_backoff: 200ms, direct: {r: {url: "${receiver.url}"}}}
tasks: [{id: n, plugin: numbered, interval: 50ms, config: {ledger: ${ledger}}}]
`,
  );
  const numbers = () =>
    existsSync(ledger)
      ? readFileSync(ledger, 'utf8')
          .trim()
          .split('\n')
          .map((line) => Number(line.split(' ')[0]))
      : [];
  const got = () =>
    receiver.samples.filter(({ labels }) => labels.__name__ === 'numbered_value').map(({ value }) => value);
  for (let round = 0; round <= ROUNDS; round++) {
    // In the last round all is well, so that what is kept can arrive.
    receiver.behaviour =
      round % 2 === 0 || round === ROUNDS ? { kind: 'ok' } : { kind: 'status', status: 503 };
    // A process group of its own, which can be signalled as a whole.
    const agent = spawn(SENTINEL, ['start', '-c', config], { cwd: folder, detached: true, stdio: 'ignore' });
    atEnd(t, () => agent.kill('SIGKILL'));
    const before = numbers().length;
    await until('results', () => numbers().length >= before + 20);
    signal(agent);
    await until('the end', () => agent.exitCode !== null || agent.signalCode !== null, 60_000);
    assert.equal(agent.exitCode, 0);
  }
  const arrived = got().sort((a, b) => a - b);
  assert.deepEqual(arrived, numbers(), 'every number, and none twice');
}

// They mostly wait, so beside each other.
describe('signals', { concurrency: 3 }, () => {
  test('SIGTERM to the agent alone: nothing is lost, nothing comes twice', (t) =>
    nothingIsLost(t, (agent) => void agent.kill('SIGTERM')));

  test('SIGTERM to the whole process group: nothing is lost, nothing comes twice', (t) =>
    nothingIsLost(t, (agent) => void process.kill(-agent.pid!, 'SIGTERM')));

  test('SIGINT to the whole process group, as a terminal sends it: nothing is lost, nothing comes twice', (t) =>
    nothingIsLost(t, (agent) => void process.kill(-agent.pid!, 'SIGINT')));
});
