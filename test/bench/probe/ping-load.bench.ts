// What load beside it does to ping: 100 pings a second to a responder that answers after 20 ms, alone, then beside 100 TLS http probes a second and a
// 2 MB page twice a second. Needs root (namespaces), victoria-metrics and openssl. Prints p50 and p99 of both, in pairs.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { until } from '../../until.js';

const SECONDS = Number(process.env.SECONDS ?? 20);
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const NEAR = `sentinel-near-${process.pid}`;
const FAR = `sentinel-far-${process.pid}`;
const RESPONDER = fileURLToPath(new URL('../../../plugins/ping/test/responder.js', import.meta.url));
const children: ChildProcess[] = [];
const folder = mkdtempSync(join(tmpdir(), 'sentinel-load-'));

const ip = (...args: string[]) => execFileSync('ip', args);
const within = (namespace: string, ...command: string[]) => ['netns', 'exec', namespace, ...command];

function start(namespace: string, ...command: string[]): ChildProcess {
  const child = spawn('ip', within(namespace, ...command), {
    stdio: ['pipe', 'ignore', 'inherit'],
    cwd: folder,
  });
  children.push(child);
  return child;
}

function makeNamespaces(): void {
  for (const name of [NEAR, FAR]) {
    ip('netns', 'add', name);
    ip('-n', name, 'link', 'set', 'lo', 'up');
  }
  ip('-n', NEAR, 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1', 'netns', FAR);
  for (const [name, link, address] of [
    [NEAR, 'v0', '10.78.0.1/24'],
    [FAR, 'v1', '10.78.0.2/24'],
  ] as const) {
    ip('-n', name, 'address', 'add', address, 'dev', link);
    ip('-n', name, 'link', 'set', link, 'up');
  }
  ip(...within(FAR, 'sysctl', '-qw', 'net.ipv4.icmp_echo_ignore_all=1'));
}

/** The servers of the load, in a process of their own: `node ping-load.bench.js serve FOLDER`. */
function serve(certificates: string): void {
  const lines = Array.from(
    { length: 24_000 },
    (_, i) => `load_metric_${i % 300}_total{cpu="${i}",mode="idle_or_so"} ${i * 1.25}\n`,
  );
  const page = `${lines.join('')}# ${'x'.repeat(Math.max(0, 2_000_000 - lines.join('').length))}\n`;
  createServer((_, response) => {
    response.setHeader('Content-Type', 'text/plain; version=0.0.4');
    response.end(page);
  }).listen(18080, '127.0.0.1');
  const [key, cert] = ['key.pem', 'cert.pem'].map((file) => readFileSync(join(certificates, file)));
  createTlsServer({ key, cert }, (_, response) => response.end('ok')).listen(18443, '127.0.0.1');
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
  const file = join(folder, `${name}.yaml`);
  writeFileSync(file, `sentinel: {name: ${name}, data_dir: ${join(folder, name)}}\n${configOf(loaded)}`);
  const agent = start(NEAR, process.execPath, resolve('dist/sentinel.js'), 'start', '-c', file);
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
  execFileSync('ip', within(NEAR, 'curl', '-sg', `http://127.0.0.1:18428${path}`), {
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
      join(folder, 'key.pem'),
      '-out',
      join(folder, 'cert.pem'),
    ],
    { stdio: 'ignore' },
  );
  makeNamespaces();
  // The responder and the servers stand for other machines: the one is never late, the others do not take the agent's processor.
  start(FAR, 'nice', '-n', '-15', process.execPath, RESPONDER, '20');
  start(NEAR, 'nice', '-n', '10', process.execPath, fileURLToPath(import.meta.url), 'serve', folder);
  start(
    NEAR,
    'nice',
    '-n',
    '10',
    'victoria-metrics',
    `-storageDataPath=${join(folder, 'vm')}`,
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

function cleanUp(): void {
  for (const child of children) child.kill('SIGKILL');
  for (const name of [NEAR, FAR])
    ip('netns', 'pids', name)
      .toString()
      .trim()
      .split('\n')
      .filter(Boolean)
      .forEach((pid) => void process.kill(Number(pid), 'SIGKILL'));
  for (const name of [NEAR, FAR]) ip('netns', 'del', name);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

if (process.argv[2] === 'serve') serve(process.argv[3]!);
else await main().finally(cleanUp);
