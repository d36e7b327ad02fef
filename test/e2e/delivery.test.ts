import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import test, { describe, type TestContext } from 'node:test';
import { atEnd } from '../at-end.js';
import { copyPluginFixtures } from '../plugin-fixtures.js';
import { FakeReceiver } from '../receiver.js';
import { freePort, needServer, Server } from '../servers.js';
import { until } from '../until.js';
import { AgentProcess, run, SENTINEL, temporaryFolder } from './sentinel.js';

/** The environment in which config/quickstart.yaml sends to `server`. */
async function quickstartEnvironment(server: Server): Promise<NodeJS.ProcessEnv> {
  return { SENTINEL_REMOTE_WRITE_URL: server.writeUrl, SENTINEL_LISTEN: `127.0.0.1:${await freePort()}` };
}

async function quickstartArrives(t: TestContext, server: Server): Promise<void> {
  const agent = new AgentProcess(t, {
    folder: temporaryFolder(t),
    file: resolve('config/quickstart.yaml'),
    env: await quickstartEnvironment(server),
  });
  const rtt = await until(
    'ping_rtt_ms',
    async () => (await server.query('ping_rtt_ms{device_id="localhost"}'))[0],
  );
  assert.ok(Number(rtt.value[1]) > 0 && Number(rtt.value[1]) < 1000);
  const loss = await server.query('ping_packet_loss');
  assert.equal(loss[0]?.value[1], '0');
  await until(
    'a scraped metric',
    async () => (await server.query('{__name__="sentinel_build_info",plugin="scrape-exporter"}'))[0],
  );
  assert.equal((await agent.stop()).code, 0);
}

test('config/quickstart.yaml: results answer in VictoriaMetrics', async (t) => {
  if (!needServer('victoria-metrics', t)) return;
  await quickstartArrives(t, await Server.victoriaMetrics(t));
});

test('config/quickstart.yaml: results answer in Prometheus with its receiver on', async (t) => {
  if (!needServer('prometheus', t)) return;
  await quickstartArrives(t, await Server.prometheus(t, { receiver: true }));
});

test('a Prometheus without its receiver: the log names the flag, and what was produced arrives once it is set', async (t) => {
  if (!needServer('prometheus', t)) return;
  const off = await Server.prometheus(t, { receiver: false });
  const env = await quickstartEnvironment(off);
  const agent = new AgentProcess(t, {
    folder: temporaryFolder(t),
    file: resolve('config/quickstart.yaml'),
    env,
  });
  await agent.says('--web.enable-remote-write-receiver');
  const tasks = `http://${env.SENTINEL_LISTEN}/api/v1/tasks`;
  await until('a ping', async () =>
    (await fetch(tasks).then((response) => response.text())).includes('ping_rtt_ms'),
  );
  await off.stop();
  const onMs = Date.now();
  const on = await Server.prometheus(t, { receiver: true, port: Number(new URL(off.url).port) });
  const samples = () => on.samples('ping_rtt_ms', '1h');
  await until('what was held', async () => (await samples()).length >= 2, 90_000);
  const [first] = await samples();
  assert.ok(first![0] * 1000 < onMs, `the first is of ${first![0] * 1000}, the flag was set at ${onMs}`);
  assert.equal((await agent.stop()).code, 0);
});

test('config/config.yaml works as it is: a result within 20 s, and the log ends with the counts', async (t) => {
  if (!needServer('victoria-metrics', t)) return;
  const server = await Server.victoriaMetrics(t);
  const folder = temporaryFolder(t);
  const text = readFileSync('config/config.yaml', 'utf8')
    .replaceAll('192.168.1.1', '127.0.0.1')
    .replace('http://localhost:8428', server.url);
  const agent = new AgentProcess(t, { folder, config: `${text}\nhttp: {listen: ""}\n` });
  await until(
    'ping_rtt_ms',
    async () => (await server.query('ping_rtt_ms{device_id="127.0.0.1",region="local"}'))[0],
    20_000,
  );
  assert.equal((await agent.stop()).code, 0);
  const last = JSON.parse(readFileSync(join(folder, 'logs/sentinel.log'), 'utf8').trim().split('\n').at(-1)!);
  assert.equal(last.msg, 'Sender stopped');
  assert.ok(last.success_count >= 9, JSON.stringify(last));
  assert.deepEqual([last.failed_count, last.pending_count], [0, 0]);
});

const INTERVAL_MS = 200;

/** A configuration whose one task writes its numbers to `ledger`. */
function numberedConfig(
  t: TestContext,
  folder: string,
  url: string,
  listen = '',
): { config: string; ledger: string } {
  const plugins = copyPluginFixtures('ledger');
  atEnd(t, () => rmSync(plugins, { recursive: true }));
  const ledger = join(folder, 'ledger.txt');
  const config = `
sentinel: {name: e2e}
http: {listen: "${listen}"}
plugins: {directories: [${plugins}]}
sender: {flush_interval: 1s, min_backoff: 100ms, max_backoff: 1s, direct: {vm: {url: "${url}"}}}
tasks: [{id: n, plugin: numbered, interval: ${INTERVAL_MS}ms, config: {ledger: ${ledger}}}]
`;
  return { config, ledger };
}

/** Results that each part of the outage lasts; 150 make it a minute. */
const OUTAGE_RESULTS = Number(process.env.OUTAGE_RESULTS ?? 15);
const OUTAGE_DEADLINE_MS = 15_000 + OUTAGE_RESULTS * 400;

interface LedgerLine {
  number: number;
  plannedMs: number;
  endedMs: number;
}

function readLedger(ledger: string): LedgerLine[] {
  const lines = readFileSync(ledger, 'utf8').trim().split('\n');
  return lines.map((line) => {
    const [number, plannedMs, endedMs] = line.split(' ').map(Number);
    return { number: number!, plannedMs: plannedMs!, endedMs: endedMs! };
  });
}

/** Ticks between these lines that were not run. The first run of an agent is not on a tick. */
function ticksWithout(lines: readonly LedgerLine[]): number {
  const ticks = lines.slice(1).map(({ plannedMs }) => plannedMs);
  for (const tick of ticks) assert.equal((tick - ticks[0]!) % INTERVAL_MS, 0, 'on its phase');
  return (ticks.at(-1)! - ticks[0]!) / INTERVAL_MS + 1 - ticks.length;
}

/** Every tick was run, or the agent has counted it as one that a busy machine made it miss; of those there are few. */
async function checkTicks(listen: string, ledger: string, from: number): Promise<void> {
  const lines = readLedger(ledger).slice(from);
  const without = ticksWithout(lines);
  const counted = async () => {
    const body = (await (await fetch(`http://${listen}/api/v1/tasks`)).json()) as {
      data: { missed: number; skipped: number; aborted: number }[];
    };
    const { missed, skipped, aborted } = body.data[0]!;
    assert.equal(aborted, 0);
    return missed + skipped;
  };
  await until(`${without} ticks without a run to be counted`, async () => (await counted()) >= without);
  assert.ok(
    (await counted()) <= lines.length / 10,
    `${await counted()} of ${lines.length} ticks were missed`,
  );
}

// They mostly wait, so beside each other.
describe('outages and plugins', { concurrency: 3 }, () => {
  test('receiver down, agent stopped and started meanwhile: every result arrives, ticks are missing only in between', async (t) => {
    if (!needServer('victoria-metrics', t)) return;
    const server = await Server.victoriaMetrics(t);
    const folder = temporaryFolder(t);
    const listen = `127.0.0.1:${await freePort()}`;
    const { config, ledger } = numberedConfig(t, folder, server.writeUrl, listen);
    const first = new AgentProcess(t, { folder, config });
    await until('a result in VictoriaMetrics', async () => (await server.query('numbered_value'))[0]);
    await server.stop();
    const produced = readLedger(ledger).length;
    await until(
      'results during the outage',
      () => readLedger(ledger).length > produced + OUTAGE_RESULTS,
      OUTAGE_DEADLINE_MS,
    );
    await checkTicks(listen, ledger, 0);
    const stop = await first.stop();
    assert.equal(stop.code, 0);
    assert.match(stop.stdout, /"pending_count":[1-9]/);
    assert.match(stop.stdout, /Sender stopped/);
    const second = new AgentProcess(t, { folder, config });
    const before = readLedger(ledger).length;
    await until(
      'results of the second agent',
      () => readLedger(ledger).length > before + OUTAGE_RESULTS,
      OUTAGE_DEADLINE_MS,
    );
    await server.start();
    const atStart = readLedger(ledger).length;
    await until('results after the outage', () => readLedger(ledger).length > atStart + 15);
    await checkTicks(listen, ledger, before);
    assert.equal((await second.stop()).code, 0);

    const lines = readLedger(ledger);
    // What VictoriaMetrics has taken it shows a moment later; what never comes is named below. A block whose answer was lost with the receiver comes twice.
    const read = async () => {
      const samples = await server.samples('numbered_value', '1h');
      return new Map(samples.map(([seconds, value]) => [Number(value), Math.round(seconds * 1000)]));
    };
    await until('all to be shown', async () => (await read()).size >= lines.length).catch(() => false);
    const got = await read();
    assert.deepEqual(
      lines.filter(({ number, plannedMs }) => got.get(number) !== plannedMs),
      [],
      'produced, but not in VictoriaMetrics with its tick',
    );
    assert.equal(got.size, lines.length, 'nothing that was not produced');
    const failures = (await server.samples('probe_success{task="n"}', '1h')).filter(
      ([, value]) => value !== '1',
    );
    assert.deepEqual(failures, [], 'no failure of a run that the stop cut short');
  });

  test('a failed probe that recovers: its reason is gone from an instant query within one interval', async (t) => {
    if (!needServer('victoria-metrics', t)) return;
    const server = await Server.victoriaMetrics(t);
    let status = 503;
    const web = createServer((_, response) => response.writeHead(status).end('x')).listen(0, '127.0.0.1');
    t.after(() => web.close());
    await until('the web server', () => web.listening);
    const folder = temporaryFolder(t);
    const config = `
http: {listen: ""}
sender: {flush_interval: 200ms, direct: {vm: {url: "${server.writeUrl}"}}}
tasks: [{id: web, plugin: http, interval: 2s, config: {url: "http://127.0.0.1:${(web.address() as AddressInfo).port}/"}}]
`;
    new AgentProcess(t, { folder, config });
    const failure = await until(
      'the failure',
      async () => (await server.query('probe_failure_info{task="web"}'))[0],
    );
    assert.equal(failure.metric.reason, 'status');
    status = 200;
    const recovered = await until(
      'the success',
      async () => (await server.query('probe_success{task="web"} == 1'))[0],
    );
    const left = await server.query('probe_failure_info{task="web"}');
    assert.deepEqual(left, [], `still there after the run of ${recovered.value[0]}`);
  });

  test("a plugin by the README's own guide is found, runs in its own lane, and is shown", async (t) => {
    if (!needServer('victoria-metrics', t)) return;
    const server = await Server.victoriaMetrics(t);
    const readme = readFileSync('README.md', 'utf8');
    const source = /```js\n\/\/ \S+\/disk-free\/index\.js\n(.*?)```/s.exec(readme)?.[1];
    assert.ok(source, 'the guide has its example');
    const folder = temporaryFolder(t);
    const plugins = join(folder, 'plugins');
    mkdirSync(join(plugins, 'disk-free'), { recursive: true, mode: 0o755 });
    writeFileSync(join(plugins, 'disk-free/index.js'), source);
    writeFileSync(join(plugins, 'disk-free/package.json'), '{"type": "module"}');
    const config = `
http: {listen: ""}
plugins: {directories: [${plugins}]}
sender: {flush_interval: 200ms, direct: {vm: {url: "${server.writeUrl}"}}}
tasks: [{id: root-disk, plugin: disk-free, interval: 1s, config: {path: /}}]
`;
    const agent = new AgentProcess(t, { folder, config });
    const ratio = await until(
      'disk_free_ratio',
      async () => (await server.query('disk_free_ratio{task="root-disk"}'))[0],
    );
    assert.ok(Number(ratio.value[1]) > 0 && Number(ratio.value[1]) <= 1);
    const processes = await run('ps', ['-o', 'args', '--ppid', String(agent.child.pid)]);
    assert.match(processes.stdout, /disk-free/);
    const shown = await run(SENTINEL, ['plugins', 'disk-free', '-c', join(folder, 'config.yaml')]);
    assert.equal(shown.code, 0, shown.stderr);
    for (const text of ['Free space of a file system.', 'min_ratio', 'disk_free_ratio'])
      assert.ok(shown.stdout.includes(text), shown.stdout);
    const tested = await run(SENTINEL, ['plugins', 'test', join(plugins, 'disk-free')]);
    assert.equal(tested.code, 0, tested.stdout + tested.stderr);
  });
});

test('start to first sample accepted: under one second after the end of the first run', async (t) => {
  const receiver = await FakeReceiver.start();
  t.after(() => receiver.close());
  const folder = temporaryFolder(t);
  const { config, ledger } = numberedConfig(t, folder, receiver.url);
  new AgentProcess(t, { folder, config });
  await until('the first sample', () => receiver.samples.length > 0);
  const acceptedMs = receiver.requests[0]!.receivedMs;
  const { endedMs } = readLedger(ledger)[0]!;
  assert.ok(acceptedMs - endedMs < 1000, `${acceptedMs - endedMs} ms`);
  t.diagnostic(`${acceptedMs - endedMs} ms after the end of the first run`);
});
