// What 10,000 ping targets a minute cost (DESIGN 11): the agent and its probe host together, in per cent of a core; fping with the same targets tells how fast
// the machine is. One packet a target and run, answered after 20 ms from beyond a veth pair. Each round measures all in turn, every other round backwards.
// BUILDS=dist,/other/dist compares builds; AGENT_NODE_OPTIONS go to the agent, NODE_OPTIONS to its hosts too. Needs root (namespaces) and fping.
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import netPing from 'net-ping';
import { until } from '../../until.js';
import { median, processorSeconds } from '../processor-time.js';
import { Programs } from '../programs.js';
import { startFarSide } from '../scrape/far-side.js';
import { ip, TwoHosts } from './two-hosts.js';

const number = (name: string, value: number) => Number(process.env[name] ?? value);
const TARGETS = number('TARGETS', 10_000);
/** Seconds between the runs of a target. */
const INTERVAL = number('INTERVAL', 60);
const SECONDS = number('SECONDS', 60);
const ROUNDS = number('ROUNDS', 3);
const DELAY_MS = number('DELAY', 20);
const BUILDS = (process.env.BUILDS ?? 'dist').split(',');
const AGENT_NODE_OPTIONS = (process.env.AGENT_NODE_OPTIONS ?? '').split(' ').filter(Boolean);
const CONTENDERS = [...BUILDS, 'fping'];
const HTTP = '127.0.0.1:18480';

const print = (line: string) => void process.stdout.write(`${line}\n`);
const programs = new Programs();

const addressOf = (i: number) => `10.79.${(i >> 8) & 255}.${i & 255}`;
const ADDRESSES = Array.from({ length: TARGETS }, (_, i) => addressOf(i + 1));

/** `node ping-many.bench.js answer`: replies to echo requests for any address. */
function answer(): void {
  const session = netPing.createSession({ networkProtocol: netPing.NetworkProtocol.IPv4, retries: 0 });
  const socket = session.getSocket();
  const [SOL_IP, IP_HDRINCL] = [0, 3];
  socket.setOption(SOL_IP, IP_HDRINCL, 1);
  socket.removeAllListeners('message');
  socket.on('message', (datagram: Buffer, from: string) => {
    const [header, type] = [20, 8];
    if (datagram[0] !== 0x45 || datagram[header] !== type) return;
    const reply = Buffer.from(datagram);
    datagram.copy(reply, 12, 16, 20);
    datagram.copy(reply, 16, 12, 16);
    reply[header] = 0;
    // The sum without the type (RFC 1624).
    const sum = reply.readUInt16BE(header + 2) + (type << 8);
    reply.writeUInt16BE((sum & 0xffff) + (sum >>> 16), header + 2);
    setTimeout(() => socket.wrap.send(reply, 0, reply.length, from, () => {}), DELAY_MS);
  });
  // Nothing else refers to the session: without this it is collected, and closed.
  process.on('exit', () => session.close());
}

function configOf(sink: string): string {
  const tasks = ADDRESSES.map(
    (host, i) => `  - {id: p${i}, plugin: ping, interval: ${INTERVAL}s, config: {host: ${host}, count: 1}}`,
  );
  return `http: {listen: "${HTTP}"}
logging: {level: warn}
remote_write: [{url: "${sink}"}]
tasks:
${tasks.join('\n')}
`;
}

/** What the agent counts, by the name of the metric, over all labels. */
async function counts(): Promise<(name: string) => number> {
  const text = await (await fetch(`http://${HTTP}/metrics`)).text();
  return (name) =>
    text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** Per cent of a core. */
async function costOf(pid: number): Promise<number> {
  const before = { cpu: processorSeconds(pid), ms: performance.now() };
  await delay(SECONDS * 1000);
  return ((processorSeconds(pid) - before.cpu) / (performance.now() - before.ms)) * 1e5;
}

async function measureAgent(build: string, round: number, sink: string): Promise<number> {
  const place = join(programs.folder, `${round}-${build.replaceAll('/', '-')}`);
  mkdirSync(place);
  const file = join(place, 'config.yml');
  writeFileSync(file, `sentinel: {data_dir: ${place}/data}\n${configOf(sink)}`);
  const program = join(resolve(process.env.FROM ?? '.', build), 'sentinel.js');
  const agent = programs.start(process.execPath, [...AGENT_NODE_OPTIONS, program, 'start', '-c', file]);
  const runs = async () => (await counts().catch(() => () => 0))('sentinel_probe_runs_total');
  await until('first runs', async () => (await runs()) >= TARGETS, 60_000);
  await delay(5000);
  const before = await counts();
  const cost = await costOf(agent.pid!);
  const after = await counts();
  const grown = (name: string) => after(name) - before(name);
  print(
    `round ${round} ${build}: ${cost.toFixed(1)} % of a core; ${grown('sentinel_probe_runs_total')} runs, ${after('sentinel_probe_failures_total')} failed, ` +
      `${after('sentinel_schedule_skipped_total') + after('sentinel_schedule_missed_total')} skipped or missed`,
  );
  await programs.end(agent);
  return cost;
}

async function measureFping(round: number): Promise<number> {
  const file = join(programs.folder, 'targets');
  writeFileSync(file, ADDRESSES.join('\n'));
  const spacing = (INTERVAL * 1000) / TARGETS;
  const fping = programs.start('fping', [
    '-q',
    '-l',
    '-r0',
    `-p${INTERVAL * 1000}`,
    `-i${spacing}`,
    '-f',
    file,
  ]);
  await delay(2000);
  const cost = await costOf(fping.pid!);
  print(`round ${round} fping: ${cost.toFixed(1)} % of a core`);
  await programs.end(fping);
  return cost;
}

/** `node ping-many.bench.js measure`, in the near namespace. */
async function measureAll(): Promise<void> {
  const sink = await startFarSide('sink');
  const costs = new Map<string, number[]>(CONTENDERS.map((name) => [name, []]));
  for (let round = 1; round <= ROUNDS; round++)
    for (const name of round % 2 === 1 ? CONTENDERS : CONTENDERS.toReversed()) {
      const url = `http://127.0.0.1:${sink.ports[0]}/write`;
      costs
        .get(name)!
        .push(name === 'fping' ? await measureFping(round) : await measureAgent(name, round, url));
    }
  for (const [name, all] of costs) print(`median ${name}: ${median(all).toFixed(1)} % of a core`);
  sink.end();
}

/** Everything near runs in one namespace, this program among it; the targets are addresses of the other one. */
async function main(): Promise<void> {
  const own = [...process.execArgv, fileURLToPath(import.meta.url)];
  const within = (namespace: string, ...args: string[]) =>
    programs.take(
      spawn('ip', ['netns', 'exec', namespace, process.execPath, ...own, ...args], {
        cwd: programs.folder,
        env: { ...process.env, FROM: process.cwd() },
        stdio: ['ignore', 'inherit', 'inherit'],
      }),
    );
  print(
    `${TARGETS} targets every ${INTERVAL} s, replies after ${DELAY_MS} ms; ${ROUNDS} rounds of ${SECONDS} s`,
  );
  const hosts = new TwoHosts();
  try {
    ip('-n', hosts.near, 'route', 'add', '10.79.0.0/16', 'via', '10.78.0.2');
    ip('-n', hosts.far, 'route', 'add', 'local', '10.79.0.0/16', 'dev', 'lo');
    within(hosts.far, 'answer');
    const measuring = within(hosts.near, 'measure');
    await new Promise((done) => measuring.once('exit', done));
  } finally {
    programs.close();
    hosts.close();
  }
}

if (process.argv[2] === 'answer') answer();
else if (process.argv[2] === 'measure') await measureAll().finally(() => programs.close());
else await main();
