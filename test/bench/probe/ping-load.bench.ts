// What load beside it does to ping: 100 pings a second to a responder that answers after 20 ms, alone, then beside 100 TLS http probes a second and a
// 2 MB page twice a second. Needs root (namespaces), victoria-metrics and openssl. Prints p50 and p99 of both, in pairs.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { until } from '../../until.js';
import { Programs } from '../programs.js';
import { TwoHosts } from './two-hosts.js';

const SECONDS = Number(process.env.SECONDS ?? 20);
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const program = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const programs = new Programs();
const hosts = new TwoHosts();

const within = (namespace: string, ...command: string[]) => ['netns', 'exec', namespace, ...command];

function start(namespace: string, ...command: string[]): ChildProcess {
  const args = within(namespace, ...command);
  return programs.take(spawn('ip', args, { stdio: ['pipe', 'ignore', 'inherit'], cwd: programs.folder }));
}

function configOf(loaded: boolean): string {
  const pings = Array.from(
    { length: 20 },
    (_, i) =>
      `  - {id: ping-${i}, plugin: ping, interval: 200ms, timeout: 190ms, config: {host: 10.78.0.2, count: 1, timeout: 150ms}}`,
  );
  const webs = Array.from(
    { length: 100 },
    (_, i) =>
      `  - {id: web-${i}, plugin: http, interval: 1s, config: {url: "https://127.0.0.1:18443/${i}", tls_config: {insecure_skip_verify: true}}}`,
  );
  const page =
    '  - {id: page, plugin: scrape-exporter, interval: 500ms, config: {url: "http://127.0.0.1:18080/metrics"}}';
  return `http: {listen: ""}
logging: {level: warn}
sender: {flush_interval: 1s, direct: {vm: {url: "http://127.0.0.1:18428/api/v1/write"}}}
tasks:
${[...pings, ...(loaded ? [...webs, page] : [])].join('\n')}
`;
}

/** All round-trip times of one run of the agent, ms. */
async function measure(loaded: boolean, round: number): Promise<number[]> {
  const name = `${loaded ? 'loaded' : 'idle'}-${round}`;
  const file = join(programs.folder, `${name}.yaml`);
  writeFileSync(
    file,
    `sentinel: {name: ${name}, data_dir: ${join(programs.folder, name)}}\n${configOf(loaded)}`,
  );
  const agent = start(hosts.near, process.execPath, resolve('dist/sentinel.js'), 'start', '-c', file);
  await delay((SECONDS + 3) * 1000);
  agent.kill('SIGTERM');
  await new Promise((done) => agent.once('close', done));
  const exported = () =>
    curl(`/internal/force_flush`) + curl(`/api/v1/export?match[]=ping_rtt_ms{sentinel="${name}"}`);
  const text = await until('the results', exported);
  // The first seconds hold the start of the agent and of V8's compilers.
  const from = Date.now() - SECONDS * 1000;
  return text
    .trim()
    .split('\n')
    .flatMap((line) => {
      const { values, timestamps } = JSON.parse(line) as { values: number[]; timestamps: number[] };
      return values.filter((_, i) => timestamps[i]! > from);
    });
}

const curl = (path: string) =>
  execFileSync('ip', within(hosts.near, 'curl', '-sg', `http://127.0.0.1:18428${path}`), {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });

const quantile = (sorted: number[], q: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]!;

async function main(): Promise<void> {
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=load',
      '-keyout',
      join(programs.folder, 'key.pem'),
      '-out',
      join(programs.folder, 'cert.pem'),
    ],
    { stdio: 'ignore' },
  );
  // The responder and the servers stand for other machines: the one is never late, the others do not take the agent's processor.
  const responder = program('../../../plugins/ping/test/responder.js');
  start(hosts.far, 'nice', '-n', '-15', process.execPath, responder, '20');
  start(hosts.near, 'nice', '-n', '10', process.execPath, program('./load-servers.js'), programs.folder);
  start(
    hosts.near,
    'nice',
    '-n',
    '10',
    'victoria-metrics',
    `-storageDataPath=${join(programs.folder, 'vm')}`,
    '-httpListenAddr=127.0.0.1:18428',
    '-loggerLevel=ERROR',
  );
  await until('VictoriaMetrics', () => {
    try {
      return curl('/health') !== '';
    } catch {
      return false;
    }
  });
  for (let round = 1; round <= ROUNDS; round++) {
    for (const loaded of [false, true]) {
      const sorted = (await measure(loaded, round)).sort((a, b) => a - b);
      const [p50, p99] = [quantile(sorted, 0.5), quantile(sorted, 0.99)];
      process.stdout.write(
        `round ${round} ${loaded ? 'loaded' : 'idle  '}: ${sorted.length} pings, p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, max ${sorted.at(-1)!.toFixed(2)} ms\n`,
      );
    }
  }
}

await main().finally(() => {
  programs.close();
  hosts.close();
});
