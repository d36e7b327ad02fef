// Two agents side by side on the same 200 targets, each a whole process: Sentinel and Debian's vmagent, from the exporters' gzip to remote write (snappy).
// Prints what each costs, and the ratios that DESIGN 11 has budgets for. 540k series: TARGETS=1000 INTERVAL=25. Needs vmagent (Debian: victoria-metrics).
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../servers.js';
import { median, processorSeconds } from '../processor-time.js';
import { Programs, unitEnvironment } from '../programs.js';
import { type FarSide, startFarSide } from './far-side.js';

const number = (name: string, value: number) => Number(process.env[name] ?? value);
const TARGETS = number('TARGETS', 200);
const SERIES = number('SERIES', 540);
/** Seconds between the scrapes of a target. */
const INTERVAL = number('INTERVAL', 5);
const WARM_SECONDS = number('WARM', 5 * INTERVAL);
const SECONDS = number('SECONDS', 6 * INTERVAL);
const ROUNDS = number('ROUNDS', 3);
/** Further options of Node for Sentinel, as `--cpu-prof`. */
const NODE_OPTIONS = (process.env.AGENT_NODE_OPTIONS ?? '').split(' ').filter(Boolean);

const AGENTS = ['sentinel', 'vmagent'] as const;
type Agent = (typeof AGENTS)[number];

/** What an agent cost in one round. */
interface Cost {
  cpuSecondsPerMillion: number;
  anonymousMiB: number;
  rssMiB: number;
  bytesPerSample: number;
}

const print = (line: string) => void process.stdout.write(`${line}\n`);
const programs = new Programs();

/** The configuration is the same; only the path tells the far side which of the two is asking. */
function scrapeConfigOf(agent: Agent, ports: readonly number[]): string {
  const targets = ports.map((port) => `"127.0.0.1:${port}"`).join(', ');
  return `global: {scrape_interval: ${INTERVAL}s, scrape_timeout: ${INTERVAL}s}
scrape_configs: [{job_name: node, metrics_path: /${agent}, static_configs: [{targets: [${targets}]}]}]
`;
}

async function startAgent(agent: Agent, round: number, pages: FarSide, sink: FarSide): Promise<ChildProcess> {
  const place = join(programs.folder, `${agent}-${round}`);
  const file = join(place, 'config.yml');
  const url = `http://127.0.0.1:${sink.ports[0]}/${agent}`;
  mkdirSync(place);
  const scrape = scrapeConfigOf(agent, pages.ports);
  if (agent === 'sentinel') {
    const own = `sentinel: {data_dir: ${place}/data}\nhttp: {listen: ""}\nlogging: {level: error}\n`;
    writeFileSync(file, `${own}${scrape}remote_write: [{url: "${url}"}]\n`);
    const args = [...NODE_OPTIONS, resolve('dist/sentinel.js'), 'start', '-c', file];
    return programs.start(process.execPath, args, { ...process.env, ...unitEnvironment() });
  }
  writeFileSync(file, scrape);
  return programs.start('vmagent', [
    `-promscrape.config=${file}`,
    `-remoteWrite.url=${url}`,
    `-remoteWrite.tmpDataPath=${place}/data`,
    `-httpListenAddr=127.0.0.1:${await freePort()}`,
    '-loggerLevel=ERROR',
  ]);
}

function memoryMiB({ pid }: ChildProcess): { anonymous: number; rss: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const of = (name: string) => Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(text)![1]) / 1024;
  return { anonymous: of('Anonymous'), rss: of('Rss') };
}

/** Both agents, fresh ones, at the same time; who starts first changes with each round. */
async function measure(round: number, pages: FarSide, sink: FarSide): Promise<Record<Agent, Cost>> {
  const processes = {} as Record<Agent, ChildProcess>;
  const order = round % 2 === 0 ? AGENTS : [...AGENTS].reverse();
  for (const agent of order) processes[agent] = await startAgent(agent, round, pages, sink);
  await delay(WARM_SECONDS * 1000);
  const look = async () => ({
    scrapes: await pages.counts(),
    sent: await sink.counts(),
    cpu: {
      sentinel: processorSeconds(processes.sentinel.pid!),
      vmagent: processorSeconds(processes.vmagent.pid!),
    },
  });
  const before = await look();
  const memory = { sentinel: [memoryMiB(processes.sentinel)], vmagent: [memoryMiB(processes.vmagent)] };
  for (let i = 0; i < SECONDS; i++) {
    await delay(1000);
    for (const agent of AGENTS) memory[agent].push(memoryMiB(processes[agent]));
  }
  const after = await look();
  await Promise.all(Object.values(processes).map((child) => programs.end(child)));
  const costOf = (agent: Agent): Cost => {
    const path = `/${agent}`;
    const scrapes = after.scrapes[path]!.requests - before.scrapes[path]!.requests;
    const samples = scrapes * SERIES;
    return {
      cpuSecondsPerMillion: ((after.cpu[agent] - before.cpu[agent]) / samples) * 1e6,
      anonymousMiB: median(memory[agent].map(({ anonymous }) => anonymous)),
      rssMiB: median(memory[agent].map(({ rss }) => rss)),
      bytesPerSample: (after.sent[path]!.bytes - before.sent[path]!.bytes) / samples,
    };
  };
  return { sentinel: costOf('sentinel'), vmagent: costOf('vmagent') };
}

const LINES: readonly [keyof Cost, string, number][] = [
  ['cpuSecondsPerMillion', 's of processor a million samples', 2],
  ['anonymousMiB', 'MiB anonymous', 0],
  ['rssMiB', 'MiB RSS', 0],
  ['bytesPerSample', 'bytes a sample on the wire', 1],
];

function report(costs: readonly Record<Agent, Cost>[]): void {
  for (const [key, what, digits] of LINES) {
    const [own, peer] = AGENTS.map((agent) => median(costs.map((cost) => cost[agent][key])));
    const ratio = median(costs.map(({ sentinel, vmagent }) => sentinel[key] / vmagent[key]));
    print(`${what}: ${own!.toFixed(digits)}, vmagent ${peer!.toFixed(digits)}, ratio ${ratio.toFixed(2)}`);
  }
}

async function main(): Promise<void> {
  const pages = await startFarSide('pages', String(TARGETS), String(SERIES));
  const sink = await startFarSide('sink');
  const costs: Record<Agent, Cost>[] = [];
  print(`${TARGETS} targets of ${SERIES} series every ${INTERVAL} s, each agent; ${SECONDS} s a round`);
  for (let round = 0; round < ROUNDS; round++) {
    const cost = await measure(round, pages, sink);
    const shown = AGENTS.map((agent) => cost[agent].cpuSecondsPerMillion.toFixed(2)).join(' to ');
    print(`round ${round + 1}: CPU ${shown}, load ${loadavg()[0]!.toFixed(1)}`);
    costs.push(cost);
  }
  report(costs);
  pages.end();
  sink.end();
}

await main().finally(() => programs.close());
