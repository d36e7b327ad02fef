import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { stringify } from 'yaml';
import { labelsOf, labelsToMap } from '../../src/model/index.js';
import { compileRelabel, parseSeries } from '../../src/relabel/index.js';
import { FakeReceiver, type ReceivedSample } from '../receiver.js';
import { freePort, needServer } from '../servers.js';
import { until } from '../until.js';
import { rulesOf, written } from './rules.js';

// The same rules on the same series: real servers, which scrape them and send what is left, and our relabeller.

const SERIES = [
  'up_time',
  'cpu{mode="user",core="0"}',
  'cpu{mode="idle",core="1",exported_x="A-b_C"}',
  'go_gc{le="0.5"}',
  'net_total{device="eth0",path="/a/b/c",meta_zone="z1",meta_rack="r-7"}',
  'net_total{device="veth12",path="",meta_zone="z2"}',
  'text{line="one\\ntwo",quote="say \\"hi\\"",back="a\\\\b"}',
  'text{line="straße ΟΔΟΣ İ ᾳ",city="Köln",empty=""}',
  'digits{n="٣",w="é",s="\u00a0",d="12"}',
  'srv_web_requests{a="x",b="x",c="y"}',
  'emoji{e="😀b",same="emoji"}',
];

/**
 * Rules that both servers know. What came after Prometheus 2.42 is not among them: that a dot matches a line break, and that labelmap sees a label
 * that was set behind those that were not.
 */
const COMMON = [
  "{source_labels: [mode, core], regex: '(.*);([0-9])', target_label: cpu, replacement: '${2}-$1'}",
  "{source_labels: [path], regex: '/(.*)/(.*)', target_label: dir, replacement: '$1|$2|$3|$$|$1x'}",
  "{source_labels: [__name__], regex: '(?i)CPU|net_.*', action: keep}",
  "{source_labels: [__name__], regex: 'go_.*|digits', action: drop}",
  "{source_labels: [device], regex: 'veth\\d+', action: drop}",
  "{source_labels: [mode], regex: '', action: keep}",
  "{source_labels: [mode], regex: '.+', target_label: mode, replacement: ''}",
  "{regex: 'meta_(.+)', action: labelmap}",
  "{regex: 'mode|core|a.*', action: labeldrop}",
  "{regex: '__name__|job|instance|d.*', action: labelkeep}",
  '{source_labels: [exported_x], target_label: low, action: lowercase}',
  '{source_labels: [exported_x], target_label: up, action: uppercase}',
  "{source_labels: [n], regex: '\\d', target_label: digit, replacement: yes}",
  "{source_labels: [w], regex: '\\w', target_label: word, replacement: yes}",
  "{source_labels: [s], regex: '\\s', target_label: space, replacement: yes}",
  "{source_labels: [e], regex: '(.)(.)', target_label: points, replacement: '$2$1'}",
  "{source_labels: [w], regex: '\\pL', target_label: letter, replacement: yes}",
  "{source_labels: [path], regex: '(?:/(a)|/(b)|/(c))+', target_label: last, replacement: '<$1$2$3>'}",
  "{source_labels: [path], regex: '(?U)/(.*)(/.*)', target_label: lazy, replacement: '$1,$2'}",
  "{source_labels: [meta_rack], regex: '(?P<letter>[[:alpha:]])-(?P<number>[[:digit:]]+)', target_label: rack, replacement: '${number}${letter}$letterx'}",
  "{source_labels: [back], regex: 'a\\\\b|\\Qa\\b\\E', target_label: hit, replacement: slash}",
  "{source_labels: [quote], separator: '', regex: '(say) \"(.*)\"', target_label: said, replacement: '$2'}",
  "{source_labels: [a, b, c], separator: '', regex: 'xxy', action: drop}",
  '[{regex: core, action: labeldrop}, {source_labels: [mode], target_label: core}, {source_labels: [core], regex: user, action: drop}]',
  "[{source_labels: [d], regex: '(1)(2)', target_label: t, replacement: '${2}${1}'}, {source_labels: [t, d], target_label: t2}]",
  "{source_labels: [mode], regex: 'us|er', action: drop}",
  "{source_labels: [mode], regex: '^user$|^x', action: drop}",
  '{target_label: fixed, replacement: here}',
  "{source_labels: [mode], regex: 'user|idle', target_label: '${0}_mode', replacement: is}",
];

const PROMETHEUS = [
  // two labels become one: the last by name; vmagent takes the last of the page
  "{regex: 'meta_.*|exported_x', replacement: both, action: labelmap}",
  '{source_labels: [line], target_label: low, action: lowercase}',
  '{source_labels: [line], target_label: up, action: uppercase}',
  '{source_labels: [path, mode], target_label: shard, modulus: 1000, action: hashmod}',
  '{source_labels: [line], target_label: shard, modulus: 4294967295, action: hashmod}',
  '{source_labels: [same], target_label: __name__, action: keepequal}',
  '{source_labels: [same], target_label: __name__, action: dropequal}',
  "{source_labels: [mode], regex: '(.*)', target_label: '$1', replacement: named}",
  '{target_label: __tmp_x, replacement: stays}',
];

const VMAGENT = [
  // With replace and keep, Debian's vmagent (1.79) gave the series as if there were no `if`; ours follows what newer ones document.
  `{if: '{mode="user"}', action: drop}`,
  "{action: replace_all, source_labels: [path], regex: '/', target_label: path, replacement: '.'}",
  "{action: replace_all, source_labels: [exported_x], regex: '([A-Z])', target_label: x, replacement: '<$1>'}",
  "{action: replace_all, source_labels: [mode], regex: 'z', target_label: same, replacement: y}",
  "{action: labelmap_all, regex: 'e', replacement: E}",
  '{action: keep_if_equal, source_labels: [a, b]}',
  '{action: drop_if_equal, source_labels: [a, b, c]}',
  "{action: keep_metrics, regex: [cpu, 'net_.*']}",
  "{action: drop_metrics, regex: 'go_.*|up_time'}",
];

interface Agent {
  command: string;
  args: (start: { file: string; data: string; port: number; url: string }) => string[];
  config: (jobs: object[], writeUrl: string) => object;
  /** Labels that it takes away after the rules. */
  drops: (name: string) => boolean;
}

const AGENTS = {
  prometheus: {
    command: 'prometheus',
    args: ({ file, data, port }) => [
      '--enable-feature=agent',
      `--config.file=${file}`,
      `--storage.agent.path=${data}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    config: (jobs, url) => ({
      global: { scrape_interval: '1s', scrape_timeout: '1s' },
      scrape_configs: jobs,
      remote_write: [{ url, queue_config: { batch_send_deadline: '200ms' } }],
    }),
    drops: () => false,
  },
  vmagent: {
    command: 'vmagent',
    args: ({ file, data, port, url }) => [
      `-promscrape.config=${file}`,
      `-remoteWrite.tmpDataPath=${data}`,
      `-remoteWrite.url=${url}`,
      '-remoteWrite.flushInterval=200ms',
      `-httpListenAddr=127.0.0.1:${port}`,
    ],
    config: (jobs) => ({ global: { scrape_interval: '1s', scrape_timeout: '1s' }, scrape_configs: jobs }),
    drops: (name) => name.startsWith('__') && name !== '__name__',
  },
} satisfies Record<string, Agent>;

/** Starts an agent that scrapes the page once per rule set; each is a job. Gives where its samples arrive, and the target. */
async function startAgent(agent: Agent, rules: readonly string[], t: TestContext) {
  const page = createServer((_, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end(SERIES.map((series, i) => `${series} ${i}\n`).join(''));
  });
  await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
  const instance = `127.0.0.1:${(page.address() as AddressInfo).port}`;
  const receiver = await FakeReceiver.start();
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-relabel-'));
  const jobs = rules.map((yaml, i) => ({
    job_name: `case-${i}`,
    static_configs: [{ targets: [instance] }],
    metric_relabel_configs: written(yaml),
  }));
  const file = join(folder, 'c.yaml');
  writeFileSync(file, stringify(agent.config(jobs, receiver.url)));
  const args = agent.args({ file, data: join(folder, 'data'), port: await freePort(), url: receiver.url });
  const child = spawn(agent.command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (text: Buffer) => {
    said = `${said}${text}`.slice(-3000);
  });
  t.after(async () => {
    if (child.exitCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    page.closeAllConnections();
    page.close();
    await receiver.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { receiver, instance, ended: () => (child.exitCode === null ? undefined : said) };
}

const isReport = ({ labels }: ReceivedSample) => /^(up|scrape_.*)$/.test(labels.__name__ ?? '');

/** The samples of one whole scrape of a job: as many as its report says. */
function wholeScrape(samples: readonly ReceivedSample[], job: string): ReceivedSample[] | undefined {
  const ofJob = samples.filter(({ labels }) => labels.job === job);
  for (const { labels, value, timestampMs } of ofJob) {
    if (labels.__name__ !== 'scrape_samples_post_metric_relabeling') continue;
    const scrape = ofJob.filter((sample) => sample.timestampMs === timestampMs && !isReport(sample));
    if (scrape.length === value) return scrape;
  }
  return undefined;
}

/** What our relabeller makes of the page, each series under its value. */
function ourResult(agent: Agent, rules: string, target: Readonly<Record<string, string>>) {
  const relabeller = compileRelabel(rulesOf(rules), 'legacy');
  return SERIES.flatMap((series, value) => {
    const after = relabeller.apply(labelsOf({ ...labelsToMap(parseSeries(series)), ...target }));
    const left = Object.entries(after === undefined ? {} : labelsToMap(after)).filter(
      ([name]) => !agent.drops(name),
    );
    return left.length === 0 ? [] : [{ value, labels: Object.fromEntries(left) }];
  });
}

async function compare(agent: Agent, rules: readonly string[], t: TestContext): Promise<void> {
  const { receiver, instance, ended } = await startAgent(agent, rules, t);
  for (const [i, yaml] of rules.entries()) {
    const job = `case-${i}`;
    const scrape = await until(
      `a scrape of ${yaml}`,
      () => {
        const said = ended();
        if (said !== undefined) throw new Error(`${agent.command} ended: ${said}`);
        return wholeScrape(receiver.samples, job);
      },
      30_000,
    );
    const theirs = scrape.map(({ value, labels }) => ({ value, labels })).sort((a, b) => a.value - b.value);
    assert.deepEqual(ourResult(agent, yaml, { job, instance }), theirs, yaml);
  }
}

test('the same rules in Prometheus', async (t) => {
  if (needServer('prometheus', t)) await compare(AGENTS.prometheus, [...COMMON, ...PROMETHEUS], t);
});

test('the same rules in vmagent', async (t) => {
  if (needServer('victoria-metrics', t)) await compare(AGENTS.vmagent, [...COMMON, ...VMAGENT], t);
});
