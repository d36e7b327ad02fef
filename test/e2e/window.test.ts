import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import test, { describe, type TestContext } from 'node:test';
import { FakeReceiver, type ReceivedSample } from '../receiver.js';
import { freePort, needServer, Server } from '../servers.js';
import { until } from '../until.js';
import { AgentProcess, run, SENTINEL, temporaryFolder } from './sentinel.js';

/** An agent with one ping a second whose own metrics are sent every second, and without an HTTP port. */
function configFor(url: string, more = ''): string {
  return `
sentinel: {name: behind-nat, region: north, labels: {rack: r7}, self_metrics_interval: 1s}
http: {listen: ""}
sender: {flush_interval: 1s, min_backoff: 100ms, direct: {vm: {url: "${url}"}}}
tasks: [{id: lo, plugin: ping, interval: 1s, config: {host: 127.0.0.1, count: 1}}]
${more}`;
}

/** What the agent of a folder answers over its control socket. */
function ask(folder: string, path: string): Promise<string> {
  return new Promise((settle, reject) => {
    const sent = request(
      { socketPath: join(folder, 'data/control.sock'), path, host: 'localhost' },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => settle(text));
      },
    );
    sent.on('error', reject);
    sent.end();
  });
}

async function fakeReceiver(t: TestContext): Promise<FakeReceiver> {
  const receiver = await FakeReceiver.start();
  t.after(() => receiver.close());
  return receiver;
}

/** The value of each series of one snapshot, as `name{destination,route,reason}`. */
function snapshots(samples: readonly ReceivedSample[]): Map<string, number>[] {
  const byTime = new Map<number, Map<string, number>>();
  for (const { labels, value, timestampMs } of samples) {
    if (labels.sentinel !== 'behind-nat' || labels.task !== undefined) continue;
    const snapshot = byTime.get(timestampMs) ?? new Map<string, number>();
    snapshot.set(`${labels.__name__}{${labels.reason ?? ''}}`, value);
    byTime.set(timestampMs, snapshot);
  }
  return [...byTime.values()];
}

function sumOf(snapshot: ReadonlyMap<string, number>, name: string): number {
  return [...snapshot].reduce((sum, [key, value]) => sum + (key.startsWith(`${name}{`) ? value : 0), 0);
}

// They mostly wait, so beside each other.
describe('the window into the agent', { concurrency: 2 }, () => {
  test("the agent's own metrics answer in VictoriaMetrics", async (t) => {
    if (!needServer('victoria-metrics', t)) return;
    const server = await Server.victoriaMetrics(t);
    const agent = new AgentProcess(t, { folder: temporaryFolder(t), config: configFor(server.writeUrl) });
    const labels = '{sentinel="behind-nat",region="north",rack="r7"}';
    for (const name of ['sentinel_build_info', 'sentinel_probe_tasks', 'process_resident_memory_bytes'])
      await until(name, async () => (await server.query(`${name}${labels}`))[0]);
    const [tasks] = await server.query(`sentinel_probe_tasks${labels}`);
    assert.equal(tasks!.value[1], '1');
    assert.equal((await agent.stop()).code, 0);
  });

  test('in = out + dropped + pending in every snapshot, own samples among them, and a healthy receiver costs no flash', async (t) => {
    const receiver = await fakeReceiver(t);
    const agent = new AgentProcess(t, { folder: temporaryFolder(t), config: configFor(receiver.url) });
    const found = await until(
      'twelve snapshots',
      () => {
        // The last one may still be on its way, in part.
        const all = snapshots(receiver.samples).slice(0, -1);
        return all.length >= 12 ? all : undefined;
      },
      60_000,
    );
    assert.equal((await agent.stop()).code, 0);
    for (const snapshot of found) {
      const sum = (name: string) => sumOf(snapshot, name);
      for (const stage of ['block', 'buffer']) {
        const left =
          sum(`sentinel_${stage}_samples_out_total`) +
          sum(`sentinel_${stage}_samples_dropped_total`) +
          sum(`sentinel_${stage}_samples_pending`);
        assert.equal(sum(`sentinel_${stage}_samples_in_total`), left, stage);
      }
      const given = ['probe', 'self'].map(
        (source) => sum(`sentinel_${source}_samples_total`) - sum(`sentinel_${source}_dropped_samples_total`),
      );
      assert.equal(sum('sentinel_block_samples_in_total'), given[0]! + given[1]!);
    }
    const last = found.at(-1)!;
    assert.ok(sumOf(last, 'sentinel_self_samples_total') > 200);
    // What opening the file cost, and nothing since.
    const written = found.map((snapshot) => sumOf(snapshot, 'sentinel_buffer_written_bytes_total'));
    assert.deepEqual(new Set(written).size, 1, written.join());
    assert.equal(sumOf(last, 'sentinel_buffer_commits_total'), 0);
  });

  test('control.sock: for its owner alone, without an HTTP port, and again after kill -9', async (t) => {
    const folder = temporaryFolder(t);
    const receiver = await fakeReceiver(t);
    const socket = join(folder, 'data/control.sock');
    const status = () => run(SENTINEL, ['status'], { cwd: folder });
    const first = new AgentProcess(t, { folder, config: configFor(receiver.url) });
    await until('the agent to be well', async () => (await status()).code === 0);
    assert.equal(statSync(socket).mode & 0o777, 0o600);
    assert.match(await ask(folder, '/-/healthy'), /is healthy/);
    await until('data to arrive', async () =>
      (await ask(folder, '/')).includes('<title>behind-nat: Data is arriving.</title>'),
    );
    assert.match(JSON.parse(await ask(folder, '/api/v1/status/config')).data.yaml, /name: behind-nat/);
    const text = (await status()).stdout;
    assert.match(text, new RegExp(`process ${first.child.pid}$`, 'm'));
    assert.match(text, /^ok +lo +ping +127\.0\.0\.1 +\d+m?s ago +\d +\d +1 of 1/m);

    await first.stop('SIGKILL');
    assert.ok(existsSync(socket), 'the socket is left over');
    const gone = await status();
    assert.deepEqual([gone.code, gone.stdout], [1, '']);
    assert.match(gone.stderr, /its last agent is gone/);

    const second = new AgentProcess(t, { folder, config: configFor(receiver.url) });
    await until('the agent to be well again', async () => (await status()).code === 0);
    assert.equal((await second.stop()).code, 0);
    assert.equal(existsSync(socket), false);
  });

  test('a failing task and a password: what an operator sees', async (t) => {
    const folder = temporaryFolder(t);
    const [port, closed] = [await freePort(), await freePort()];
    const receiver = await fakeReceiver(t);
    const config = `
sentinel: {name: box}
http: {listen: "127.0.0.1:${port}", basic_auth: {username: op, password: hunter2}}
sender: {flush_interval: 1s, direct: {vm: {url: "${receiver.url}?token=hunter2", headers: {X-Key: hunter2}}}}
tasks: [{id: web, plugin: http, interval: 1s, config: {url: "http://127.0.0.1:${closed}/?key=hunter2", headers: {Cookie: hunter2}}}]
`;
    const agent = new AgentProcess(t, { folder, config });
    const failed = await until('the failed task', async () => {
      const { code, stdout } = await run(SENTINEL, ['status', '-c', 'config.yaml'], { cwd: folder });
      return code === 1 && stdout.includes('refused') ? stdout : undefined;
    });
    assert.match(failed, /^failed +web +http .*refused: /m);
    const url = `http://127.0.0.1:${port}`;
    assert.equal((await fetch(`${url}/`)).status, 401);
    assert.equal((await fetch(`${url}/-/healthy`)).status, 200);
    const authorization = `Basic ${Buffer.from('op:hunter2').toString('base64')}`;
    for (const path of [
      '/',
      '/metrics',
      '/api/v1/tasks',
      '/api/v1/destinations',
      '/api/v1/status/config',
      '/api/v1/status/runtimeinfo',
    ]) {
      const reply = await fetch(url + path, { headers: { authorization } });
      assert.equal(reply.status, 200, path);
      assert.doesNotMatch(await reply.text(), /hunter2/, path);
    }
    assert.doesNotMatch(failed, /hunter2/);
    await agent.stop();
    assert.doesNotMatch(agent.output, /hunter2/);
  });
});
