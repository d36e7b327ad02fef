import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { STOP_DEADLINE_MS } from '../../src/cli/start.js';
import { atEnd } from '../at-end.js';
import { copyPluginFixtures } from '../plugin-fixtures.js';
import { FakeReceiver } from '../receiver.js';
import { until } from '../until.js';
import { AgentProcess, freePort, temporaryFolder } from './sentinel.js';

interface Stop {
  code: number | null;
  /** From the first to the last word of the stop, by the stamps of the log: what a test gets to see of an end may be late. */
  tookMs: number;
  /** The log, one message per line. */
  messages: readonly string[];
}

/** Starts an agent with a receiver and a plugin that hang, asks it to stop when both do, and gives how that went. */
async function stopHanging(
  t: TestContext,
  plugin: { child: boolean },
  env: NodeJS.ProcessEnv = {},
): Promise<Stop> {
  const receiver = await FakeReceiver.start();
  receiver.behaviour = { kind: 'hang' };
  t.after(() => receiver.close());
  const plugins = copyPluginFixtures('stop');
  atEnd(t, () => rmSync(plugins, { recursive: true }));
  const folder = temporaryFolder(t);
  const hangs = join(folder, 'hangs');
  const log = join(folder, 'sentinel.log');
  const agent = new AgentProcess(t, {
    folder,
    env,
    config: `
sentinel: {data_dir: ${folder}/data}
http: {listen: "127.0.0.1:0"}
logging: {output: file, file_path: ${log}}
plugins: {directories: [${plugins}]}
sender: {flush_interval: 1s, direct: {hanging: {url: "${receiver.url}"}}}
tasks:
  - {id: refused, plugin: http, interval: 1s, config: {url: "http://127.0.0.1:${await freePort()}/"}}
  - {id: hanging, plugin: hanging, interval: 10s, config: {file: ${hangs}, child: ${plugin.child}}}
`,
  });
  await until('a request and a run that hang', () => receiver.inFlight > 0 && existsSync(hangs));
  const { code } = await agent.stop();
  const lines = readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { time: string; msg: string });
  const [asked, last] = [lines.find(({ msg }) => msg === 'stopping')!, lines.at(-1)!];
  const tookMs = Date.parse(last.time) - Date.parse(asked.time);
  t.diagnostic(`stopped after ${tookMs} ms: ${last.msg}`);
  return { code, tookMs, messages: lines.map(({ msg }) => msg) };
}

/** The agent never hears that a probe host ended at a stop: it stands for everything that a stop could wait for in vain. */
const DEAF = `import {ChildProcess} from 'node:child_process'; const {emit} = ChildProcess.prototype;
let stops = false; process.on('SIGTERM', () => { stops = true; });
ChildProcess.prototype.emit = function (name, ...args) { return !(stops && name === 'close') && emit.call(this, name, ...args); }`;

test('a receiver and a plugin that hang: the stop ends within its budget', async (t) => {
  const [plain, clinging, deaf] = await Promise.all([
    stopHanging(t, { child: false }),
    stopHanging(t, { child: true }),
    stopHanging(
      t,
      { child: false },
      { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(DEAF)}` },
    ),
  ]);
  // Hosts 3 s, draining 1 s, the last request 10 s.
  for (const { code, tookMs, messages } of [plain, clinging]) {
    assert.equal(code, 0);
    assert.equal(messages.at(-1), 'Sender stopped');
    assert.ok(tookMs > 10_000, 'the receiver did not hang');
    assert.ok(tookMs < STOP_DEADLINE_MS - 3000, `${tookMs} ms`);
  }
  // Whatever else it waits for, it ends before systemd kills it.
  assert.equal(deaf.code, 3);
  assert.match(deaf.messages.at(-1)!, /^the stop took longer than 20 s: the agent ends/);
  assert.ok(deaf.tookMs < STOP_DEADLINE_MS + 1000, `${deaf.tookMs} ms`);
});
