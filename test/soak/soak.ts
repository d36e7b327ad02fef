// The agent at a fast pace under changing faults, watched for what grows: memory, file descriptors, timers. `npm run soak` takes 30 minutes, or SOAK_SECONDS.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SENTINEL } from '../e2e/sentinel.js';
import { copyPluginFixtures } from '../plugin-fixtures.js';
import { decodeWriteRequest } from '../receiver.js';
import { freePort } from '../servers.js';
import { until } from '../until.js';
import { startPages } from './pages.js';

/** What was seen of the agent and its hosts at one moment. */
interface Look {
  seconds: number;
  agentAnonMiB: number;
  hostsAnonMiB: number;
  agentDescriptors: number;
  hostsDescriptors: number;
  timers: number;
  pendingSamples: number;
}

/** How a soak ended. */
export interface SoakResult {
  looks: readonly Look[];
  produced: number;
  missing: readonly string[];
  exitCode: number | null;
  /** What grew, in words; empty when all was flat. */
  growth: readonly string[];
}

const NUMBERED = 20;
/** Scraped targets whose page has a number that is never given twice. */
const COUNTED = 10;
/** The receiver's moods in turn, with how long each lasts. */
const MOODS = [
  { mood: 'ok', ms: 15_000 },
  { mood: '503', ms: 4000 },
  { mood: 'ok', ms: 8000 },
  { mood: 'hang', ms: 4000 },
  { mood: 'ok', ms: 8000 },
  { mood: 'reset', ms: 4000 },
  { mood: 'ok', ms: 8000 },
  { mood: '429', ms: 4000 },
] as const;
const LOOK_MS = 2000;
const RELOAD_MS = 7000;
/** At most: a short soak kills two hosts, one of each lane. */
const KILL_MS = 41_000;
/** A soak that is shorter than this is mostly warm-up. */
const WARM_MS = 600_000;

/** A receiver that changes its mood, and remembers which numbers of which task it took. */
class MoodyReceiver {
  readonly got = new Set<string>();
  /** Times of scrapes that failed, by target. */
  readonly failed = new Map<string, Set<number>>();
  readonly server: Server;
  readonly #bornMs = performance.now();
  readonly #hanging = new Set<Socket>();
  #isKind = false;

  constructor() {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request
        .on('data', (chunk: Buffer) => chunks.push(chunk))
        .on('end', () => {
          const mood = this.#mood();
          if (mood === 'hang') return void this.#hanging.add(request.socket);
          if (mood === 'reset') return void request.socket.destroy();
          if (mood !== 'ok') return void response.writeHead(Number(mood), { 'Retry-After': '1' }).end();
          for (const { labels, value, timestampMs } of decodeWriteRequest(Buffer.concat(chunks))) {
            if (labels.__name__ === 'up' && value === 0 && labels.job === 'counted')
              this.failed.set(
                labels.instance!,
                (this.failed.get(labels.instance!) ?? new Set()).add(timestampMs),
              );
            if (labels.__name__ === 'numbered_value') this.got.add(`${labels.task} ${value}`);
            if (labels.__name__ === 'counted_value') this.got.add(`${labels.instance} ${value}`);
          }
          response.writeHead(204).end();
        });
    });
  }

  /** At the end: takes everything, and lets go of what it has not answered. */
  beKind(): void {
    this.#isKind = true;
    for (const socket of this.#hanging) socket.destroy();
  }

  #mood(): string {
    if (this.#isKind) return 'ok';
    const round = MOODS.reduce((sum, { ms }) => sum + ms, 0);
    let at = (performance.now() - this.#bornMs) % round;
    for (const { mood, ms } of MOODS) {
      if (at < ms) return mood;
      at -= ms;
    }
    return 'ok';
  }
}

/** Targets that come and go with every reload. */
function writeTargets(folder: string, web: string, edit: number): void {
  const { host } = new URL(web);
  const groups = Array.from({ length: 3 + (edit % 3) }, (_, i) => ({
    targets: [host],
    labels: {
      __metrics_path__: i === 0 ? '/churn' : '/metrics',
      instance: `churn-${i}`,
      edit: i === 1 ? `${edit}` : '',
    },
  }));
  writeFileSync(join(folder, 'targets.json'), JSON.stringify(groups));
}

function configOf(
  parts: { folder: string; plugins: string; receiver: string; web: string; listen: number },
  edit: number,
): string {
  const tasks: string[] = [];
  for (let i = 0; i < NUMBERED; i++)
    tasks.push(
      `{id: n${i}, plugin: numbered, interval: 200ms, config: {ledger: ${join(parts.folder, `ledger-${i}`)}}}`,
    );
  // What a reload changes: some of the others.
  for (let i = 0; i < 40; i++)
    tasks.push(
      `{id: ping-${i}, plugin: ping, interval: ${i === edit % 40 ? 300 : 200}ms, config: {host: 127.0.0.1, count: 1}}`,
    );
  for (let i = 0; i < 10; i++)
    tasks.push(
      `{id: web-${i}, plugin: http, interval: 500ms, labels: {edit: "${i === edit % 10 ? edit : 0}"}, config: {url: "${parts.web}/${i}"}}`,
    );
  tasks.push(`{id: page, plugin: scrape-exporter, interval: 1s, config: {url: "${parts.web}/metrics"}}`);
  const { host } = new URL(parts.web);
  const counted = Array.from(
    { length: COUNTED },
    (_, i) => `{targets: ["${host}"], labels: {__metrics_path__: /counted/c${i}, instance: c${i}}}`,
  );
  return `sentinel: {name: soak, data_dir: ${join(parts.folder, 'data')}}
http: {listen: "127.0.0.1:${parts.listen}"}
logging: {level: error, output: stdout}
plugins: {directories: [${parts.plugins}]}
buffer: {commit_interval: 2s}
sender: {flush_interval: 500ms, timeout: 3s, min_backoff: 100ms, max_backoff: 1s, direct: {moody: {url: "${parts.receiver}"}}}
scrape_configs:
- {job_name: counted, scrape_interval: 500ms, scrape_timeout: 400ms, static_configs: [${counted.join(', ')}]}
- job_name: churn
  scrape_interval: 1s
  file_sd_configs: [{files: [${join(parts.folder, 'targets.json')}]}]
  metric_relabel_configs: [{source_labels: [i], regex: '1.*', action: drop}]
tasks:
${tasks.map((task) => `  - ${task}`).join('\n')}
`;
}

/** Runs the agent for so long, then stops it and counts what arrived. */
export async function soak(seconds: number, report: (line: string) => void): Promise<SoakResult> {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-soak-'));
  mkdirSync(join(folder, 'data'));
  const receiver = new MoodyReceiver();
  const pages = await startPages();
  await new Promise<void>((done) => receiver.server.listen(0, '127.0.0.1', done));
  const parts = {
    folder,
    plugins: copyPluginFixtures('ledger'),
    receiver: `http://127.0.0.1:${(receiver.server.address() as AddressInfo).port}`,
    web: pages.url,
    listen: await freePort(),
  };
  const file = join(folder, 'config.yaml');
  writeFileSync(file, configOf(parts, 0));
  writeTargets(folder, parts.web, 0);
  const agent = spawn(SENTINEL, ['start', '-c', file], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  let log = '';
  agent.stdout?.on('data', (chunk) => {
    log = `${log}${chunk}`.slice(-10_000);
  });
  try {
    const looks = await watch(agent, { seconds, parts, file, report });
    receiver.beKind();
    await until(
      'what waits to be little',
      () => isNearlyDelivered(`http://127.0.0.1:${parts.listen}/metrics`),
      60_000,
    );
    agent.kill('SIGTERM');
    await until('the agent to end', () => agent.exitCode !== null || agent.signalCode !== null, 60_000);
    const produced = Array.from({ length: NUMBERED }, (_, i) =>
      readFileSync(join(folder, `ledger-${i}`), 'utf8')
        .trim()
        .split('\n')
        .map((line) => `n${i} ${line.split(' ')[0]}`),
    ).flat();
    produced.push(...(await pages.counted()));
    const missing = unexplained(
      produced.filter((number) => !receiver.got.has(number)),
      receiver.failed,
      report,
    );
    if (missing.length > 0) report(log);
    return { looks, produced: produced.length, missing, exitCode: agent.exitCode, growth: growthOf(looks) };
  } finally {
    agent.kill('SIGKILL');
    pages.end();
    receiver.server.close();
    receiver.server.closeAllConnections();
    for (const path of [folder, parts.plugins]) rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Some three seconds of samples: half a second of them is always on its way. */
const NEARLY_NONE = 30_000;

/** Whether what the last bad mood left is delivered: a stop has a few seconds for the rest, and leaves in the file what a slow machine does not send by then. */
async function isNearlyDelivered(metrics: string): Promise<boolean> {
  const text = await fetch(metrics).then((response) => response.text());
  return Number(/^sentinel_buffer_samples_pending\{.*\} (\S+)$/m.exec(text)![1]) < NEARLY_NONE;
}

/** What is missing beyond the pages of scrapes that failed: a page that came too late on a busy machine gives `up 0` in place of its number. All are named. */
function unexplained(
  missing: readonly string[],
  failed: ReadonlyMap<string, ReadonlySet<number>>,
  report: (line: string) => void,
): string[] {
  const left = new Map([...failed].map(([target, times]) => [target, times.size]));
  return missing.filter((number) => {
    const [target = ''] = number.split(' ');
    const scrapes = left.get(target) ?? 0;
    left.set(target, scrapes - 1);
    report(
      `not there: ${number}${scrapes > 0 ? '; a scrape of its target failed, and was told as up 0' : ''}`,
    );
    return scrapes <= 0;
  });
}

/** Looks, reloads and kills hosts until the time is over. */
async function watch(
  agent: ChildProcess,
  {
    seconds,
    parts,
    file,
    report,
  }: { seconds: number; parts: Parameters<typeof configOf>[0]; file: string; report: (line: string) => void },
): Promise<Look[]> {
  const metrics = `http://127.0.0.1:${parts.listen}/metrics`;
  await until(
    'the agent',
    () =>
      fetch(metrics).then(
        (response) => response.ok,
        () => false,
      ),
    60_000,
  );
  const looks: Look[] = [];
  const began = performance.now();
  const since = () => performance.now() - began;
  const killMs = Math.min(KILL_MS, (seconds * 1000) / 3);
  let reloads = 0;
  let kills = 0;
  while (since() < seconds * 1000 && agent.exitCode === null) {
    looks.push(await look(agent.pid!, metrics, since() / 1000));
    if (looks.length % 15 === 1) report(JSON.stringify(looks.at(-1)));
    if (since() > (reloads + 1) * RELOAD_MS) {
      reloads++;
      // A third of them is wrong, and must change nothing.
      writeFileSync(file, reloads % 3 === 0 ? 'tasks: [{id: x}]\n' : configOf(parts, reloads));
      writeTargets(parts.folder, parts.web, reloads);
      agent.kill('SIGHUP');
    }
    if (since() > (kills + 1) * killMs) {
      kills++;
      // Not the lane of the numbers: a run whose number is in the ledger may die before its result is sent.
      for (const { pid, name } of hostsOf(agent.pid!))
        if (name.includes(kills % 2 === 0 ? 'ping' : 'probe')) process.kill(pid, 'SIGKILL');
    }
    await delay(LOOK_MS);
  }
  report(`${reloads} reloads, ${kills} hosts killed`);
  return looks;
}

async function look(pid: number, metrics: string, seconds: number): Promise<Look> {
  const text = await fetch(metrics).then((response) => response.text());
  const value = (name: string) =>
    Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  const hosts = hostsOf(pid);
  const sum = (of: (pid: number) => number) => hosts.reduce((total, host) => total + of(host.pid), 0);
  return {
    seconds: Math.round(seconds),
    agentAnonMiB: anonMiB(pid),
    hostsAnonMiB: sum(anonMiB),
    agentDescriptors: descriptors(pid),
    hostsDescriptors: sum(descriptors),
    timers: value('nodejs_active_timers'),
    pendingSamples: value('sentinel_buffer_samples_pending'),
  };
}

function hostsOf(agent: number): { pid: number; name: string }[] {
  const children = readFileSync(`/proc/${agent}/task/${agent}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
  return children.flatMap((pid) => {
    try {
      return [{ pid, name: readFileSync(`/proc/${pid}/cmdline`, 'utf8') }];
    } catch {
      return []; // It has just ended.
    }
  });
}

function anonMiB(pid: number): number {
  try {
    return Math.round(
      Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024,
    );
  } catch {
    return 0; // It has just ended.
  }
}

function descriptors(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0; // It has just ended.
  }
}

const median = (values: number[]) =>
  values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Compares the middle of the second quarter with that of the last: a leak goes on growing, a cache does not. */
function growthOf(looks: readonly Look[]): string[] {
  const quarter = Math.floor(looks.length / 4);
  // The heap of a host that was killed and began anew grows for some minutes before it is collected: a short soak sees that, a long one has it behind.
  const warmUp = looks.length * LOOK_MS < WARM_MS ? 30 : 0;
  const allowed = {
    agentAnonMiB: [1.15, 10 + warmUp],
    hostsAnonMiB: [1.15, 15 + warmUp],
    agentDescriptors: [1, 6],
    hostsDescriptors: [1, 12],
    timers: [1, 12],
  } as const;
  return Object.entries(allowed).flatMap(([name, [factor, plus]]) => {
    const of = (part: readonly Look[]) => median(part.map((one) => one[name as keyof typeof allowed]));
    const [early, late] = [of(looks.slice(quarter, 2 * quarter)), of(looks.slice(-quarter))];
    return late <= early * factor + plus ? [] : [`${name} grew from ${early} to ${late}`];
  });
}
