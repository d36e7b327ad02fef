import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { needServer, Server } from '../servers.js';
import { until } from '../until.js';
import { AgentProcess, freePort, run, SENTINEL, temporaryFolder } from './sentinel.js';

interface Group {
  targets: readonly string[];
  labels?: Readonly<Record<string, string>>;
}

/** An HTTP service discovery that answers what the test says. */
class DiscoveryServer {
  groups: readonly Group[] = [];
  /** Given, it is answered in place of the groups. */
  instead: { status: number; type: string; body: string } | undefined;
  requests = 0;
  headers: Readonly<Record<string, unknown>> = {};
  readonly #server = createServer((request, response) => {
    this.requests++;
    this.headers = request.headers;
    const { status, type, body } = this.instead ?? {
      status: 200,
      type: 'application/json',
      body: JSON.stringify(this.groups),
    };
    response.writeHead(status, { 'content-type': type }).end(body);
  });

  async listen(t: TestContext): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      this.#server.close();
      this.#server.closeAllConnections();
    });
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/sd?token=hidden`;
  }

  /** Until it has been asked again, twice: the first of them may have been on its way. */
  async askedAgain(): Promise<void> {
    const before = this.requests;
    await until('the discovery to be asked again', () => this.requests >= before + 2);
  }
}

async function nodeExporter(t: TestContext): Promise<string> {
  const port = await freePort();
  const child = spawn(
    'prometheus-node-exporter',
    [`--web.listen-address=127.0.0.1:${port}`, '--collector.disable-defaults', '--collector.loadavg'],
    { stdio: 'ignore' },
  );
  t.after(() => child.kill('SIGKILL'));
  await until('node_exporter', () =>
    fetch(`http://127.0.0.1:${port}/metrics`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  return `127.0.0.1:${port}`;
}

interface ApiTarget {
  labels: Readonly<Record<string, string>>;
  health: string;
}

test('http_sd: targets come, change, stay through failures, and go', { timeout: 120_000 }, async (t) => {
  if (!needServer('victoria-metrics', t) || !needServer('prometheus-node-exporter', t)) return;
  const [first, second] = [await nodeExporter(t), await nodeExporter(t)];
  const database = await Server.victoriaMetrics(t);
  const discovery = new DiscoveryServer();
  const sdUrl = await discovery.listen(t);
  discovery.groups = [{ targets: [first], labels: { rack: 'r7' } }];
  const listen = `127.0.0.1:${await freePort()}`;
  const agent = new AgentProcess(t, {
    folder: temporaryFolder(t),
    config: `
http: {listen: "${listen}"}
scrape_configs:
- job_name: nodes
  scrape_interval: 500ms
  scrape_timeout: 400ms
  http_sd_configs: [{url: "${sdUrl}", refresh_interval: 300ms}]
  relabel_configs:
  - {source_labels: [__address__], regex: '.*:(.*)', target_label: port}
remote_write: [{url: "${database.writeUrl}", queue_config: {batch_send_deadline: 200ms}}]
`,
  });
  const load = async (selector: string) => (await database.query(`node_load1{${selector}}`))[0];
  const active = async (): Promise<ApiTarget[]> => {
    const answer = await fetch(`http://${listen}/api/v1/targets?state=active`);
    return ((await answer.json()) as { data: { activeTargets: ApiTarget[] } }).data.activeTargets;
  };

  await t.test('a target arrives with the labels that were asked for', async () => {
    const { metric } = await until('node_load1', () => load('rack="r7"'));
    const port = first.split(':')[1];
    assert.deepEqual(metric, { __name__: 'node_load1', instance: first, job: 'nodes', port, rack: 'r7' });
    assert.equal(discovery.headers['x-prometheus-refresh-interval-seconds'], '0.3');
    assert.equal(discovery.headers.accept, 'application/json');
  });

  await t.test('a failing, broken or wrong answer changes nothing, and is told', async () => {
    for (const instead of [
      { status: 500, type: 'text/plain', body: 'no' },
      { status: 200, type: 'application/json', body: '[{"targets": [' },
      { status: 200, type: 'text/html', body: '[]' },
      { status: 200, type: 'application/json', body: '[{"targets": ["a:1"], "extra": 1}]' },
    ]) {
      discovery.instead = instead;
      await discovery.askedAgain();
      assert.deepEqual(
        (await active()).map(({ labels }) => labels.instance),
        [first],
        instead.body,
      );
    }
    const metrics = await (await fetch(`http://${listen}/metrics`)).text();
    assert.match(metrics, /^sentinel_discovery_failures_total\{[^}]*\} ([4-9]|\d\d+)$/m);
    for (const page of [
      '/',
      '/targets',
      '/service-discovery',
      '/api/v1/targets',
      '/api/v1/jobs',
      '/api/v1/status/config',
    ]) {
      const text = await (await fetch(`http://${listen}${page}`)).text();
      assert.match(text, page === '/' ? /Sentinel/ : /nodes/, page);
      assert.doesNotMatch(text, /token(=|%3D)hidden/, page);
    }
    const ask = () => run(SENTINEL, ['status', '--data-dir', join(agent.folder, 'data')]);
    // A scrape that a busy machine held up for longer than its timeout is made up for by the next one.
    await until('the node to be up', async () => /^nodes +1 +0 +0 +0$/m.test((await ask()).stdout));
    const status = await ask();
    assert.equal(status.code, 1, status.stderr);
    assert.match(status.stdout, /^http http:\S+token=<secret> +nodes +\S+ ago +\S/m);
    assert.doesNotMatch(`${agent.output}${status.stdout}`, /hidden/);
  });

  await t.test('another target, and a label that changes: the old series end', async () => {
    discovery.instead = undefined;
    discovery.groups = [
      { targets: [first], labels: { rack: 'r8' } },
      { targets: [second], labels: { rack: 'r9' } },
    ];
    await until('both', async () => (await load('rack="r8"')) && (await load('rack="r9"')));
    await until('the end of the old series', async () => (await load('rack="r7"')) === undefined);
  });

  await t.test('[] takes them all away', async () => {
    discovery.groups = [];
    await until('no target', async () => (await active()).length === 0);
    await until('the end of the series', async () => (await load('job="nodes"')) === undefined);
  });
  assert.equal((await agent.stop()).code, 0);
});
