import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type TestContext } from 'node:test';
import { FakeReceiver } from '../receiver.js';
import { until } from '../until.js';
import { AgentProcess, freePort, temporaryFolder } from './sentinel.js';

const PAGE = `# HELP requests Requests so far.
# TYPE requests counter
requests_total{path="/"} 5 # {trace_id="abc"} 0.5
# TYPE go_threads gauge
go_threads 7
# EOF
`;

async function exporter(t: TestContext): Promise<string> {
  const server = createServer((_, response) => {
    const type = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
    response.writeHead(200, { 'content-type': type }).end(PAGE);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a prometheus.yml with two receivers: each gets what its rules and options say', {
  timeout: 120_000,
}, async (t) => {
  const target = await exporter(t);
  const [full, small] = [await FakeReceiver.start(), await FakeReceiver.start()];
  t.after(() => Promise.all([full.close(), small.close()]));
  const listen = `127.0.0.1:${await freePort()}`;
  const agent = new AgentProcess(t, {
    folder: temporaryFolder(t),
    config: `
sentinel: {self_metrics_interval: 0s}
http: {listen: "${listen}"}
global:
  scrape_interval: 1s
  scrape_timeout: 1s
  external_labels: {site: x}
scrape_configs:
- {job_name: app, static_configs: [{targets: ["${target}"]}]}
remote_write:
- name: full
  url: ${full.url}
  send_exemplars: true
  metadata_config: {send_interval: 1s}
  write_relabel_configs: [{source_labels: [site], target_label: place, replacement: at-$1}]
- name: small
  url: ${small.url}
  metadata_config: {send: false}
  write_relabel_configs:
  - {source_labels: [__name__], regex: 'go_.*|scrape_.*', action: drop}
  - {regex: site|instance, action: labeldrop}
`,
  });
  await until('samples, an exemplar and metadata', () =>
    [full.samples, small.samples, full.exemplars, full.metadata].every(({ length }) => length > 0),
  );
  const common = { job: 'app', instance: target, site: 'x', place: 'at-x' };
  const find = (receiver: FakeReceiver, name: string) =>
    receiver.samples.find(({ labels }) => labels.__name__ === name)?.labels;
  assert.deepEqual(find(full, 'go_threads'), { __name__: 'go_threads', ...common });
  assert.deepEqual(find(full, 'requests_total'), { __name__: 'requests_total', path: '/', ...common });
  assert.deepEqual(full.exemplars[0]!.labels, { trace_id: 'abc' });
  assert.equal(full.exemplars[0]!.series.__name__, 'requests_total');
  const metadata = full.metadata.map(({ metricFamilyName: name, type, help }) => `${name} ${type} ${help}`);
  assert.ok(metadata.includes('requests 1 Requests so far.'), metadata.join());
  assert.deepEqual([...new Set(small.samples.map(({ labels }) => labels.__name__))].sort(), [
    'requests_total',
    'up',
  ]);
  assert.deepEqual(find(small, 'requests_total'), { __name__: 'requests_total', path: '/', job: 'app' });
  assert.deepEqual([small.exemplars.length, small.metadata.length], [0, 0]);
  const page = await (await fetch(`http://${listen}/metrics`)).text();
  assert.match(
    page,
    /sentinel_block_samples_dropped_total\{route="[^"]*rules-[^"]*",reason="relabel"\} [1-9]/,
  );
  await agent.stop();
});
