// What http probes cost (DESIGN 11): Sentinel (agent and probe host together) and Debian's blackbox_exporter ask the same server, in turn, over plain http and over TLS
// with a chain of three EC certificates that both verify. Prints processor seconds per 1,000 probes that the server saw, and the ratios.
// BUILDS=dist,/other/dist compares builds; KINDS=https measures one kind alone. Needs prometheus-blackbox-exporter and openssl.
import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, createServer, get } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { setPriority } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { certificate } from '../../../plugins/http/test/testing.js';
import { freePort } from '../../servers.js';
import { until } from '../../until.js';
import { median, processorSeconds } from '../processor-time.js';
import { Programs } from '../programs.js';
import { startFarSide } from '../scrape/far-side.js';

const number = (name: string, value: number) => Number(process.env[name] ?? value);
/** Probes a second. */
const RATE = number('RATE', 500);
/** Seconds between the runs of a task. */
const INTERVAL = number('INTERVAL', 5);
const WARM_SECONDS = number('WARM', 3 * INTERVAL);
const SECONDS = number('SECONDS', 20);
const ROUNDS = number('ROUNDS', 3);
const KINDS = (process.env.KINDS ?? 'http,https').split(',') as ('http' | 'https')[];
const BUILDS = (process.env.BUILDS ?? 'dist').split(',');
const PEER = 'blackbox_exporter';
const CONTENDERS = [...BUILDS, PEER];

const print = (line: string) => void process.stdout.write(`${line}\n`);
const programs = new Programs();

/** `node http-probes.bench.js serve FOLDER`: the asked server, behind everybody else on the processor. Tells its ports, and when asked how many requests it saw. */
async function serve(certificates: string): Promise<void> {
  let requests = 0;
  const listen = async (server: Server) => {
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return (server.address() as AddressInfo).port;
  };
  const file = (name: string) => readFileSync(join(certificates, name));
  const [cert, key] = [Buffer.concat([file('leaf.pem'), file('middle.pem')]), file('leaf.key')];
  setPriority(10);
  const ports = {
    http: await listen(
      createServer((_, response) => {
        requests++;
        response.end('ok');
      }),
    ),
    https: await listen(
      createTlsServer({ key, cert }, (_, response) => {
        requests++;
        response.end('ok');
      }),
    ),
  };
  process.on('message', () => process.send!(requests));
  process.on('disconnect', () => process.exit());
  process.send!(ports);
}

/** The asked server, seen from here. */
interface Asked {
  ports: Record<'http' | 'https', number>;
  requests(): Promise<number>;
}

async function startServer(): Promise<Asked> {
  const child = programs.take(fork(fileURLToPath(import.meta.url), ['serve', programs.folder]));
  const next = <T>() =>
    new Promise<T>((done) => child.once('message', (message: unknown) => done(message as T)));
  const ports = await next<Record<'http' | 'https', number>>();
  return {
    ports,
    requests: () => {
      child.send('requests');
      return next<number>();
    },
  };
}

const urlOf = (asked: Asked, kind: 'http' | 'https') => `${kind}://localhost:${asked.ports[kind]}/`;

async function startSentinel(build: string, url: string, sink: string): Promise<ChildProcess> {
  const place = mkdtempSync(join(programs.folder, 'sentinel-'));
  mkdirSync(join(place, 'data'));
  const tasks = Array.from(
    { length: RATE * INTERVAL },
    (_, i) =>
      `  - {id: w${i}, plugin: http, interval: ${INTERVAL}s, config: {url: "${url}", preferred_ip_protocol: ip4, tls_config: {ca_file: ${programs.folder}/root.pem}}}`,
  );
  const file = join(place, 'config.yml');
  writeFileSync(
    file,
    `sentinel: {data_dir: ${place}/data}
http: {listen: ""}
logging: {level: warn}
remote_write: [{url: "${sink}"}]
tasks:
${tasks.join('\n')}
`,
  );
  return programs.start(process.execPath, [join(resolve(build), 'sentinel.js'), 'start', '-c', file]);
}

/** blackbox_exporter, and somebody who asks it as Prometheus would. */
async function startBlackbox(url: string): Promise<{ process: ChildProcess; stop(): void }> {
  const file = join(programs.folder, 'blackbox.yml');
  const tls = `tls_config: {ca_file: ${programs.folder}/root.pem}`;
  writeFileSync(
    file,
    `modules: {it: {prober: http, timeout: 4s, http: {preferred_ip_protocol: ip4, ${tls}}}}\n`,
  );
  const listen = `127.0.0.1:${await freePort()}`;
  const process = programs.start('prometheus-blackbox-exporter', [
    `--config.file=${file}`,
    `--web.listen-address=${listen}`,
    '--log.level=error',
  ]);
  const agent = new Agent({ keepAlive: true });
  const ask = (path: string, done: (body: string) => void) =>
    get(`http://${listen}${path}`, { agent }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk;
      });
      response.on('end', () => done(body));
    });
  await until('blackbox_exporter', () => new Promise((done) => ask('/', done).on('error', () => done(''))));
  const path = `/probe?module=it&target=${encodeURIComponent(url)}`;
  const probe = () =>
    ask(path, (body) => {
      if (!body.includes('\nprobe_success 1')) throw new Error(`blackbox_exporter's probe failed: ${body}`);
      // A connection that is kept may close just then, and all of them at the end: what counts is what the asked server saw.
    }).on('error', () => undefined);
  let asked = 0;
  const sinceMs = performance.now();
  const timer = setInterval(() => {
    for (const due = ((performance.now() - sinceMs) / 1000) * RATE; asked < due; asked++) probe();
  }, 2);
  return { process, stop: () => clearInterval(timer) };
}

/** Processor seconds per 1,000 probes. */
async function costOf(name: string, kind: 'http' | 'https', asked: Asked, sink: string): Promise<number> {
  const url = urlOf(asked, kind);
  const peer = name === PEER ? await startBlackbox(url) : undefined;
  const child = peer?.process ?? (await startSentinel(name, url, sink));
  await delay(WARM_SECONDS * 1000);
  const look = async () => ({ cpu: processorSeconds(child.pid!), requests: await asked.requests() });
  const before = await look();
  await delay(SECONDS * 1000);
  const after = await look();
  peer?.stop();
  await delay(500);
  await programs.end(child);
  const probes = after.requests - before.requests;
  const cost = ((after.cpu - before.cpu) / probes) * 1000;
  print(`${kind} ${name}: ${cost.toFixed(3)} s per 1,000 probes, ${(probes / SECONDS).toFixed(0)} a second`);
  return cost;
}

async function main(): Promise<void> {
  const root = certificate(programs.folder, 'root', { names: 'DNS:root.example' });
  const middle = certificate(programs.folder, 'middle', { names: 'DNS:middle.example', issuer: root });
  certificate(programs.folder, 'leaf', { names: 'DNS:localhost,DNS:www.localhost', issuer: middle });
  const asked = await startServer();
  const far = await startFarSide('sink');
  const sink = `http://127.0.0.1:${far.ports[0]}/write`;
  for (const kind of KINDS) {
    const costs = new Map<string, number[]>(CONTENDERS.map((name) => [name, []]));
    for (let round = 1; round <= ROUNDS; round++)
      for (const name of round % 2 === 1 ? CONTENDERS : CONTENDERS.toReversed())
        costs.get(name)!.push(await costOf(name, kind, asked, sink));
    const theirs = costs.get(PEER)!;
    for (const name of BUILDS) {
      const own = costs.get(name)!;
      const ratio = median(own.map((cost, i) => cost / theirs[i]!));
      print(
        `median ${kind} ${name}: ${median(own).toFixed(3)}, ${PEER} ${median(theirs).toFixed(3)}, ratio ${ratio.toFixed(2)}`,
      );
    }
  }
  far.end();
}

if (process.argv[2] === 'serve') await serve(process.argv[3]!);
else await main().finally(() => programs.close());
