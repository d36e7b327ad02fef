import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { AgentProcess, temporaryFolder } from '../e2e/sentinel.js';
import { freePort, needServer } from '../servers.js';
import { until } from '../until.js';
import { startPrometheus } from './prometheus.js';

// The same configuration: what Debian's Prometheus says of its targets is what Sentinel says.

const PAGE = `# HELP requests_total Requests, with a \\n in it.
# TYPE requests_total counter
requests_total{code="200"} 7
# TYPE depth gauge
depth 3
# HELP size A size.
# TYPE size histogram
size_bucket{le="1"} 1
size_bucket{le="+Inf"} 2
size_sum 3
size_count 2
# HELP only_help Nothing else is known of it.
only_help 1
`;

/** A server of pages: /page is one, /sd gives itself as a target, everything else is a failure. */
async function pageServer(t: TestContext): Promise<number> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0];
    const { port } = server.address() as AddressInfo;
    const groups = [{ targets: [`127.0.0.1:${port}`], labels: { __meta_rack: 'r7', site: 'hq' } }];
    if (path === '/page') response.writeHead(200, { 'content-type': 'text/plain' }).end(PAGE);
    else if (path === '/sd')
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(groups));
    else response.writeHead(500).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

interface Place {
  port: number;
  /** Nobody listens there. */
  closed: number;
  file: string;
}

const configText = ({ port, closed, file }: Place) => `global:
  scrape_interval: 2s
  scrape_timeout: 1700ms
scrape_configs:
- job_name: up
  metrics_path: /page
  params: {a: [one, two words], module: [http_2xx]}
  static_configs:
  - targets: ['127.0.0.1:${port}', 'localhost:${port}']
    labels: {rack: r1, 'empty': ''}
  - targets: ['127.0.0.1:${port}']
    labels: {rack: r2, __scrape_interval__: 2500ms, __scrape_timeout__: 960ms, job: other, __param_extra: 'ü&='}
- job_name: failing
  metrics_path: /broken
  static_configs: [{targets: ['127.0.0.1:${port}']}]
- job_name: closed
  static_configs: [{targets: ['127.0.0.1:${closed}']}]
- job_name: rare
  scrape_interval: 2w
  scrape_timeout: 10s
  static_configs: [{targets: ['127.0.0.1:${closed}']}]
- job_name: picked
  metrics_path: /page
  scheme: http
  static_configs: [{targets: ['127.0.0.1:${port}', 'drop1:1', 'drop2:2']}]
  relabel_configs:
  - {source_labels: [__address__], regex: 'drop.*', action: drop}
  - {target_label: instance, replacement: picked}
- job_name: nothing
- job_name: box
  metrics_path: /page
  static_configs: [{targets: ['https://example.com/path']}]
  relabel_configs:
  - {source_labels: [__address__], target_label: __param_target}
  - {source_labels: [__param_target], target_label: instance}
  - {target_label: __address__, replacement: '127.0.0.1:${port}'}
- job_name: file
  metrics_path: /page
  file_sd_configs: [{files: ['${file}']}]
- job_name: http
  metrics_path: /page
  http_sd_configs: [{url: 'http://127.0.0.1:${port}/sd', refresh_interval: 1s}]
remote_write: [{url: 'http://127.0.0.1:${closed}/'}]
`;

type Target = Record<string, unknown> & {
  scrapePool: string;
  health: string;
  discoveredLabels: Record<string, string>;
};
interface Discovery {
  activeTargets: Target[];
  droppedTargets: Target[];
}

/** Asks one of the two. */
async function ask(url: string, path: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${url}${path}`);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const dataOf = async (url: string, path: string) => (await ask(url, path)).body.data;

/** What 2.42 does not have: labels of 3.13, `scrapePool` of dropped ones (3.3), counts of them (2.49) - and what we add. */
function comparable(data: unknown): unknown {
  const { activeTargets, droppedTargets, ...rest } = data as Discovery & { droppedTargetCounts?: unknown };
  assert.deepEqual(Object.keys(rest), 'droppedTargetCounts' in rest ? ['droppedTargetCounts'] : []);
  return {
    activeTargets: sorted(activeTargets.map(comparableActive)),
    droppedTargets: sorted(
      droppedTargets.map(({ discoveredLabels, scrapePool, reason, detail, ...more }) => ({
        discoveredLabels: oldLabels(discoveredLabels),
        ...more,
      })),
    ),
  };
}

function comparableActive({ lastScrape, lastScrapeDuration, samples, series, ...target }: Target) {
  assert.match(String(lastScrape), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
  assert.equal(typeof lastScrapeDuration, 'number');
  const never = String(lastScrape) === '0001-01-01T00:00:00Z';
  assert.equal(never, target.health === 'unknown');
  return {
    ...target,
    discoveredLabels: oldLabels(target.discoveredLabels),
    // The words of a system error are Go's there and Node's here.
    ...(target.scrapePool === 'closed' && { lastError: target.lastError !== '' }),
  };
}

const oldLabels = (labels: Record<string, string>) =>
  Object.fromEntries(Object.entries(labels).filter(([name]) => !/_histograms(_to_nhcb)?__$/.test(name)));

const sorted = (rows: readonly object[]) =>
  [...rows].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

async function settled(url: string): Promise<void> {
  let last: Target[] = [];
  await until(
    `the targets of ${url}`,
    async () => {
      last = ((await dataOf(url, '/api/v1/targets')) as Discovery).activeTargets;
      const waiting = last.filter(({ health }) => health === 'unknown').map(({ scrapePool }) => scrapePool);
      const pools = new Set(last.map(({ scrapePool }) => scrapePool));
      return pools.size === 8 && waiting.join() === 'rare';
    },
    60_000,
  ).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(last, undefined, 1)}`);
  });
}

test('the API of targets is that of Prometheus', { timeout: 120_000 }, async (t) => {
  if (!needServer('prometheus', t)) return;
  const folder = temporaryFolder(t);
  const file = join(folder, 'targets.json');
  const place = { port: await pageServer(t), closed: await freePort(), file };
  writeFileSync(file, JSON.stringify([{ targets: [`127.0.0.1:${place.port}`], labels: { rack: 'f1' } }]));
  const theirs = await startPrometheus(t, configText(place));
  const listen = `127.0.0.1:${await freePort()}`;
  const config = `${configText(place)}http: {listen: "${listen}"}\n`;
  const agent = new AgentProcess(t, { folder: temporaryFolder(t), config });
  const ours = `http://${listen}`;
  await until('the agent', () => {
    if (agent.child.exitCode !== null) throw new Error(agent.output);
    return fetch(ours).then(
      ({ ok }) => ok,
      () => false,
    );
  });
  await Promise.all([settled(theirs), settled(ours)]);

  const f = (path: string) =>
    t.test(path, async () => {
      const [want, got] = await Promise.all([dataOf(theirs, path), dataOf(ours, path)]);
      assert.deepEqual(comparable(got), comparable(want));
    });
  await f('/api/v1/targets');
  await f('/api/v1/targets?state=');
  await f('/api/v1/targets?state=any');
  await f('/api/v1/targets?state=Active');
  await f('/api/v1/targets?state=dropped');
  await f('/api/v1/targets?state=nonsense');
  await f('/api/v1/targets?scrapePool=picked');
  await f('/api/v1/targets?scrapePool=&state=active');
  await f('/api/v1/targets?scrapePool=unknown');

  // Rows of all targets have no order there.
  const rows = (path: string, least = 0) =>
    t.test(path, async () => {
      const [want, got] = await Promise.all([dataOf(theirs, path), dataOf(ours, path)]);
      assert.ok(Array.isArray(want) && Array.isArray(got) && want.length >= least);
      assert.deepEqual(sorted(got), sorted(want));
    });
  await rows('/api/v1/targets/metadata', 20);
  await rows('/api/v1/targets/metadata?match_target={rack="r1"}');
  await rows('/api/v1/targets/metadata?match_target={job=~"o.*"}&metric=size', 1);
  await rows('/api/v1/targets/metadata?match_target={job="none"}');
  await rows('/api/v1/targets/metadata?metric=nothing');
  await rows('/api/v1/targets/metadata?match_target={job="other"}&limit=1', 4);
  await rows('/api/v1/targets/metadata?limit=0');
  await rows('/api/v1/targets/metadata?match_target={job="other"}&limit=-1');

  const same = (path: string) =>
    t.test(path, async () => {
      const [want, got] = await Promise.all([ask(theirs, path), ask(ours, path)]);
      assert.deepEqual(got, want);
    });
  await same('/api/v1/scrape_pools');
  await same('/api/v1/metadata');
  await same('/api/v1/metadata?metric=size');
  await same('/api/v1/metadata?metric=nothing');
  await same('/api/v1/metadata?limit=0');
  await same('/api/v1/metadata?limit=many');
  await same('/api/v1/targets/metadata?limit=1.5');

  // 2.42 does not have it; the shape is that of 3.x.
  await t.test('/api/v1/targets/relabel_steps', async () => {
    const labels = encodeURIComponent('{"__address__":"a:1","job":"picked"}');
    const kept = await dataOf(ours, `/api/v1/targets/relabel_steps?scrapePool=picked&labels=${labels}`);
    const plain = { separator: ';', regex: '(.*)', replacement: '$1' };
    const [drop, replace] = [
      { ...plain, action: 'drop', sourceLabels: ['__address__'], regex: 'drop.*' },
      { ...plain, action: 'replace', targetLabel: 'instance', replacement: 'picked' },
    ];
    const output = { __address__: 'a:1', job: 'picked' };
    assert.deepEqual(kept, {
      steps: [
        { rule: drop, output, keep: true },
        { rule: replace, output: { ...output, instance: 'picked' }, keep: true },
      ],
    });
    const dropped = await dataOf(
      ours,
      '/api/v1/targets/relabel_steps?scrapePool=picked&labels={"__address__":"drop1:1"}',
    );
    assert.deepEqual(dropped, {
      steps: [
        { rule: drop, output: {}, keep: false },
        { rule: replace, output: {}, keep: false },
      ],
    });
  });

  await t.test('a selector that is none', async () => {
    const path = '/api/v1/targets/metadata?match_target={';
    const [want, got] = await Promise.all([ask(theirs, path), ask(ours, path)]);
    assert.deepEqual([got.status, got.body.errorType], [want.status, want.body.errorType]);
    const head = /^invalid parameter "match_target": /;
    assert.match(String(want.body.error), head);
    assert.match(String(got.body.error), head);
  });
  assert.equal((await agent.stop()).code, 0);
});
