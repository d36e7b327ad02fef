import assert from 'node:assert/strict';
import test from 'node:test';
import { Secret } from '../../src/lib/index.js';
import type { ScrapeConfig } from '../../src/scrape/index.js';
import { scrapeConfig } from '../scrape/scrape-config.js';
import { faults, load } from './fixture.js';

/** The one job of a text. */
async function jobOf(text: string): Promise<ScrapeConfig> {
  const { scrape } = await load(text);
  assert.equal(scrape.length, 1);
  return scrape[0]!;
}

test('a job that says nothing has the defaults of Prometheus', async () => {
  const http = {
    basicAuth: undefined,
    authorization: undefined,
    oauth2: undefined,
    tls: undefined,
    proxy: undefined,
    headers: undefined,
    keepAlive: true,
    followRedirects: true,
  };
  assert.deepEqual(
    await jobOf('scrape_configs: [{job_name: node}]'),
    scrapeConfig({ jobName: 'node', intervalMs: 60_000, timeoutMs: 10_000, http }),
  );
});

test('interval and timeout of a job', async () => {
  const f = async (global: string, job: string, want: [number, number]) => {
    const { intervalMs, timeoutMs } = await jobOf(
      `global: {${global}}\nscrape_configs: [{job_name: a, ${job}}]`,
    );
    assert.deepEqual([intervalMs / 1000, timeoutMs / 1000], want, `${global} | ${job}`);
  };
  await f('', '', [60, 10]);
  await f('scrape_interval: 5s', '', [5, 5]);
  await f('scrape_interval: 15s, scrape_timeout: 12s', '', [15, 12]);
  await f('scrape_interval: 15s, scrape_timeout: 12s', 'scrape_interval: 8s', [8, 8]);
  await f('scrape_interval: 15s', 'scrape_interval: 1m, scrape_timeout: 40s', [60, 40]);
  await f('scrape_timeout: 1m', 'scrape_interval: 5m', [300, 60]);
  // 0 is as good as absent
  await f('scrape_interval: 0s, scrape_timeout: 0s', 'scrape_interval: 0s, scrape_timeout: 0s', [60, 10]);
});

test('a task keeps its own interval, whatever global says', async () => {
  const { tasks } = await load(
    'global: {scrape_interval: 15s, scrape_timeout: 3s}\ntasks: [{id: a, plugin: ping, interval: 1m, config: {host: h}}]',
  );
  assert.deepEqual([tasks[0]!.intervalMs, tasks[0]!.timeoutMs], [60_000, 30_000]);
});

test('what a job does not say is taken from global', async () => {
  const global = `
global:
  body_size_limit: 10MB
  sample_limit: 1
  label_limit: 2
  label_name_length_limit: 3
  label_value_length_limit: 4
  target_limit: 5
  keep_dropped_targets: 6
  scrape_protocols: [PrometheusText0.0.4]
  scrape_native_histograms: true
  always_scrape_classic_histograms: true
  convert_classic_histograms_to_nhcb: true
  extra_scrape_metrics: true
  scrape_failure_log_file: failed.log
  relabel_configs: [{action: drop, source_labels: [a], regex: "1"}]
  metric_relabel_configs: [{action: keep, source_labels: [b], regex: "2"}]
`;
  const job = await jobOf(`${global}
scrape_configs:
  - job_name: a
    sample_limit: 0
    relabel_configs: [{action: drop, source_labels: [c], regex: "3"}]
`);
  assert.deepEqual(
    [job.limits, job.targetLimit, job.keepDroppedTargets],
    [
      {
        bodySizeBytes: 10 * 2 ** 20,
        maxScrapeBytes: 0,
        samples: 1,
        labels: 2,
        labelNameLength: 3,
        labelValueLength: 4,
        series: 0,
        buckets: 0,
      },
      5,
      6,
    ],
  );
  assert.deepEqual(
    job.protocols,
    ['PrometheusText0.0.4'],
    'what global says, not what native histograms need',
  );
  assert.ok(job.nativeHistograms && job.alwaysScrapeClassicHistograms);
  assert.ok(job.convertClassicHistograms && job.extraMetrics);
  assert.match(job.failureLogFile, /^\/.*\/failed\.log$/);
  assert.deepEqual(
    [...job.relabel, ...job.metricRelabel].map((rule) => rule.regex),
    ['1', '3', '2'],
  );
  const own = await jobOf(`${global}
scrape_configs:
  - job_name: a
    body_size_limit: 15B
    sample_limit: 9
    scrape_protocols: [PrometheusProto, OpenMetricsText0.0.1]
    scrape_native_histograms: false
    extra_scrape_metrics: no
    scrape_failure_log_file: /own.log
`);
  assert.deepEqual(
    [own.limits.bodySizeBytes, own.limits.samples, own.protocols, own.nativeHistograms, own.extraMetrics],
    [15, 9, ['PrometheusProto', 'OpenMetricsText0.0.1'], false, false],
  );
  assert.equal(own.failureLogFile, '/own.log');
});

test('native histograms put protobuf first, where nobody says which formats', async () => {
  const { protocols } = await jobOf('scrape_configs: [{job_name: a, scrape_native_histograms: true}]');
  assert.deepEqual([protocols[0], protocols.length], ['PrometheusProto', 5]);
});

test('which names are good ones, and how the others are asked for', async () => {
  const f = async (global: string, job: string, want: string) => {
    const { validationScheme, escapingScheme } = await jobOf(
      `global: {${global}}\nscrape_configs: [{job_name: a, ${job}}]`,
    );
    assert.equal(`${validationScheme} ${escapingScheme}`, want, `${global} | ${job}`);
  };
  const [validation, escaping] = ['metric_name_validation_scheme', 'metric_name_escaping_scheme'];
  await f('', '', 'utf8 allow-utf-8');
  await f(`${validation}: legacy`, '', 'legacy underscores');
  await f(`${validation}: legacy`, `${validation}: utf8`, 'utf8 allow-utf-8');
  await f(`${escaping}: dots`, '', 'utf8 dots');
  await f(`${escaping}: dots`, `${validation}: legacy`, 'legacy underscores');
  await f(`${escaping}: dots`, `${escaping}: values`, 'utf8 values');
  await f('', `${validation}: legacy`, 'legacy underscores');
});

test('the additions of vmagent', async () => {
  const job = await jobOf(`
scrape_configs:
  - job_name: a
    scrape_interval: 1m
    scrape_align_interval: 1m
    scrape_offset: 5s
    series_limit: 1000
    max_scrape_size: 16MiB
    no_stale_markers: true
    disable_compression: true
    disable_keepalive: true
    headers: ["X-Scope-OrgID: hunter2", "x:y:z"]
`);
  assert.deepEqual(
    [job.alignIntervalMs, job.offsetMs, job.limits.series, job.limits.maxScrapeBytes, job.noStaleMarkers],
    [60_000, 5000, 1000, 2 ** 24, true],
  );
  assert.deepEqual([job.compression, job.http.keepAlive], [false, false]);
  const headers = Object.entries(job.http.headers ?? {}).map(([name, value]) => [
    name,
    value instanceof Secret && value.reveal(),
  ]);
  assert.deepEqual(headers, [
    ['X-Scope-OrgID', 'hunter2'],
    ['x', 'y:z'],
  ]);
});

test('values as Prometheus reads them, which is YAML 1.1', async () => {
  const { scrape, externalLabels } = await load(`
global: {external_labels: {replica: 0, version: 1.10, "a-b": on}}
scrape_configs:
  - job_name: 12
    honor_labels: yes
    honor_timestamps: Off
    params: {module: [1, 1.10, true, yes]}
    basic_auth: {username: 007, password: 12345}
    static_configs: [{targets: [localhost:9100], labels: {rack: 7, hex: 0x1f, up: yes}}]
    relabel_configs: [{target_label: gone, replacement: }, {target_label: port, replacement: 9100}]
`);
  const [job] = scrape;
  assert.deepEqual([job!.jobName, job!.honorLabels, job!.honorTimestamps], ['12', true, false]);
  assert.deepEqual(job!.params, { module: ['1', '1.10', 'true', 'yes'] });
  assert.deepEqual(externalLabels, { replica: '0', version: '1.10', 'a-b': 'on' });
  const { username, password } = job!.http.basicAuth!;
  assert.deepEqual(
    [username, password].map((text) => text instanceof Secret && text.reveal()),
    ['007', '12345'],
  );
  assert.deepEqual(job!.discovery, [
    {
      kind: 'static',
      groups: [
        {
          source: '0',
          targets: [{ __address__: 'localhost:9100' }],
          labels: { rack: '7', hex: '0x1f', up: 'yes' },
        },
      ],
    },
  ]);
  assert.deepEqual(
    job!.relabel.map((rule) => rule.replacement),
    ['', '9100'],
  );
  // an item without a value is an empty text
  assert.deepEqual((await jobOf('scrape_configs: [{job_name: a, params: {b: [null, ~, 1]}}]')).params, {
    b: ['', '', '1'],
  });
  assert.deepEqual(
    await faults('scrape_configs:\n  - job_name: a\n    static_configs:\n      - targets:\n        -\n'),
    ['5:10: scrape_configs[0].static_configs[0].targets[0]: expected a text, got ""'],
  );
  // elsewhere a text is wanted as one
  assert.deepEqual(await faults('sentinel: {name: 12}'), [
    '1:18: sentinel.name: expected a text, got 12; put it in quotes',
  ]);
});

test('variables: everywhere, but a dollar belongs to the rule', async () => {
  const { scrape, writeRelabel } = await load(
    `
scrape_configs:
  - job_name: \${JOB}
    sample_limit: \${LIMIT}
    metrics_path: /%{JOB}
    metric_relabel_configs:
      - {source_labels: [a], regex: "(.*)\${JOB}$", target_label: b, replacement: "\${1}-$1-%{JOB}"}
write_relabel_configs: [{target_label: c, replacement: "$1"}]
alerting: {alertmanagers: [{path_prefix: "\${NOWHERE}"}]}
`,
    { env: { JOB: 'node', LIMIT: '7' } },
  );
  const [job] = scrape;
  assert.deepEqual([job!.jobName, job!.limits.samples, job!.metricsPath], ['node', 7, '/node']);
  assert.deepEqual(
    [job!.metricRelabel[0]!.regex, job!.metricRelabel[0]!.replacement, writeRelabel[0]!.replacement],
    ['(.*)${JOB}$', '${1}-$1-node', '$1'],
  );
});

test("what only Prometheus's server reads is named in one warning", async () => {
  const { warnings } = await load(`
global: {evaluation_interval: 15s, query_log_file: q.log}
alerting: {alertmanagers: [{static_configs: [{targets: [a:1]}]}]}
rule_files: ["rules/*.yml"]
remote_read: [{url: "http://x/read"}]
storage: {tsdb: {out_of_order_time_window: 1h}}
tracing: {endpoint: x}
otlp: {}
runtime: {gogc: 75}
`);
  assert.deepEqual(warnings, [
    "c.yaml:3:11: alerting: for Prometheus's server, no effect here: alerting, rule_files, remote_read, storage, tracing, otlp, runtime, global.evaluation_interval, global.query_log_file",
  ]);
});

test('remote_write: what the block stage and the sender need', async () => {
  const { destinations, warnings } = await load(`
sender:
  direct:
    vm: {url: "http://vm/w", send_exemplars: true, write_relabel_configs: [{action: labeldrop, regex: x}]}
remote_write:
  - url: http://p/w
    name: p
    send_native_histograms: true
    protobuf_message: prometheus.WriteRequest
    metadata_config: {send: false, send_interval: 5m, max_samples_per_send: 10}
    round_robin_dns: true
    queue_config: {capacity: 1, sample_age_limit: 1h}
`);
  assert.deepEqual(
    destinations.map((d) => [
      d.sendExemplars,
      d.sendNativeHistograms,
      d.metadata,
      d.relabel.map((rule) => rule.action),
    ]),
    [
      [true, false, { send: true, intervalMs: 60_000, maxPerSend: 2000 }, ['labeldrop']],
      [false, true, { send: false, intervalMs: 300_000, maxPerSend: 10 }, []],
    ],
  );
  assert.deepEqual(warnings, [
    'c.yaml:11:22: remote_write[0].round_robin_dns: no effect here: round_robin_dns, capacity, sample_age_limit',
  ]);
});

test('cluster', async () => {
  const { cluster } = await load('cluster: {members: 3, member: 2, replication_factor: 2}');
  assert.deepEqual(cluster, { members: 3, member: 2, replicationFactor: 2 });
  assert.deepEqual((await load('')).cluster, { members: 1, member: 0, replicationFactor: 1 });
});
