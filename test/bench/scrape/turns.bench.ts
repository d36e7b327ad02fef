// An agent as it runs in service, with 10,000 targets that come, all change and go: how long the turns of its event loop are. `KINDS=static,file,http`, by default all.
// Read the worst of a phase with its share of the garbage collector; where other processes use the machine, a turn is longer than it is here.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../servers.js';
import { Programs, unitEnvironment } from '../programs.js';
import { type FarSide, startFarSide } from './far-side.js';
import type { TurnsSeen } from './turn-watch.js';

const number = (name: string, value: number) => Number(process.env[name] ?? value);
const TARGETS = number('TARGETS', 10_000);
const SERIES = number('SERIES', 50);
/** Seconds between the scrapes of a target. */
const INTERVAL = number('INTERVAL', 30);
const PORTS = number('PORTS', 50);
const KINDS = (process.env.KINDS ?? 'static,file,http').split(',');
/** Further options of Node for the agent. */
const NODE_OPTIONS = (process.env.AGENT_NODE_OPTIONS ?? '').split(' ').filter(Boolean);
/** After a change: until the last target that is gone has its markers, in intervals. */
const LEAVING = 2.3;
const DEADLINE_MS = 4 * INTERVAL * 1000 + 60_000;
/** Looks are seldom: each counts all targets. */
const POLL_MS = 500;

type Kind = 'static' | 'file' | 'http';

const print = (line: string) => void process.stdout.write(`${line}\n`);
const programs = new Programs();

/** A group for each target; all differ from those of another version. */
function groupsOf(ports: readonly number[], count: number, version: string): object[] {
  return Array.from({ length: count }, (_, i) => ({
    targets: [`127.0.0.1:${ports[i % ports.length]}`],
    labels: { __metrics_path__: `/t${i}`, instance: `host-${i}`, site: `site-${i % 40}`, version },
  }));
}

async function until(what: string, ask: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + DEADLINE_MS;
  while (!(await ask())) {
    if (performance.now() > deadlineMs) throw new Error(`waited for ${what}`);
    await delay(POLL_MS);
  }
}

/** An agent that finds its targets in one of three ways. */
class WatchedAgent {
  readonly #kind: Kind;
  readonly #place: string;
  readonly #sink: FarSide;
  readonly #server = createServer((_, response) => {
    response.setHeader('content-type', 'application/json').end(this.#list);
  });
  #list = '[]';
  #listen = '';
  #child: ChildProcess | undefined;

  constructor(kind: Kind, sink: FarSide) {
    this.#kind = kind;
    this.#sink = sink;
    this.#place = join(programs.folder, kind);
  }

  async start(groups: readonly object[]): Promise<void> {
    mkdirSync(this.#place);
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    this.#listen = `127.0.0.1:${await freePort()}`;
    this.#write(groups);
    const hook = fileURLToPath(new URL('turn-watch.js', import.meta.url));
    const args = [
      '--import',
      hook,
      ...NODE_OPTIONS,
      resolve(process.env.DIST ?? 'dist', 'sentinel.js'),
      'start',
      '-c',
      'config.yml',
    ];
    this.#child = programs.take(
      spawn(process.execPath, args, {
        cwd: this.#place,
        env: { ...process.env, ...unitEnvironment() },
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      }),
    );
  }

  /** Gives it other targets: it learns of them as its kind does, the static ones by a reload. */
  async change(groups: readonly object[]): Promise<void> {
    this.#write(groups);
    if (this.#kind !== 'static') return;
    const answer = await fetch(`http://${this.#listen}/-/reload`, { method: 'POST' });
    if (!answer.ok) throw new Error(await answer.text());
  }

  /** Turns since the last time. */
  turns(): Promise<TurnsSeen> {
    this.#child!.send('turns');
    return new Promise((done) => this.#child!.once('message', (seen) => done(seen as TurnsSeen)));
  }

  /** Targets in this state. */
  async count(state: string): Promise<number> {
    const answer = await fetch(`http://${this.#listen}/metrics`);
    const text = await answer.text();
    return Number(new RegExp(`^sentinel_scrape_targets\\{.*"${state}"\\} (.*)$`, 'm').exec(text)?.[1] ?? 0);
  }

  async end(): Promise<void> {
    await programs.end(this.#child!);
    this.#server.close();
  }

  #write(groups: readonly object[]): void {
    const { port } = this.#server.address() as AddressInfo;
    this.#list = JSON.stringify(groups);
    const list = join(this.#place, 'list.json');
    writeFileSync(`${list}.new`, this.#list);
    renameSync(`${list}.new`, list);
    const lines = groups.map((group) => `  - ${JSON.stringify(group)}\n`).join('');
    const sources: Record<Kind, string> = {
      static: `static_configs:${lines === '' ? ' []' : `\n${lines}`}`,
      file: 'file_sd_configs: [{files: [list.json]}]',
      http: `http_sd_configs: [{url: "http://127.0.0.1:${port}/", refresh_interval: 5s}]`,
    };
    writeFileSync(
      join(this.#place, 'config.yml'),
      `sentinel: {data_dir: data}
http: {listen: "${this.#listen}"}
logging: {level: error}
global: {scrape_interval: ${INTERVAL}s}
scrape_configs:
- job_name: fleet
  ${sources[this.#kind]}
remote_write: [{url: "http://127.0.0.1:${this.#sink.ports[0]}/"}]
`,
    );
  }
}

function shown({ long, worstMs, worstOwnMs, worstCollectionMs, rssMiB, heapMiB }: TurnsSeen): string {
  const over = (ms: number) => long.filter((turn) => turn.ownMs >= ms).length;
  const held = `worst ${worstOwnMs.toFixed(1)} ms of processor, ${worstMs.toFixed(1)} by the clock, a collection ${worstCollectionMs.toFixed(1)}`;
  return `${held}; over 15/25/50 ms of processor: ${over(15)}/${over(25)}/${over(50)}; RSS ${rssMiB.toFixed(0)}, heap ${heapMiB.toFixed(0)} MiB`;
}

async function measure(agent: WatchedAgent, kind: Kind, ports: readonly number[]): Promise<void> {
  const say = async (what: string) => {
    const seen = await agent.turns();
    print(`${`${kind}: ${what}`.padEnd(22)} ${shown(seen)}`);
    if (process.env.LONG === undefined) return;
    for (const { atMs, ms, ownMs, collectedMs } of seen.long)
      print(
        `    at ${atMs.toFixed(0)}: ${ms.toFixed(1)} ms, own ${ownMs.toFixed(1)}, collected ${collectedMs.toFixed(1)}`,
      );
  };
  const known = async () => (await agent.count('unknown')) + (await agent.count('up'));
  const up = () => until('all to be up', async () => (await agent.count('up')) === TARGETS);
  await agent.start([]);
  const answers = () =>
    agent.count('up').then(
      () => true,
      () => false,
    );
  await until('the agent', answers);
  await agent.turns();
  await agent.change(groupsOf(ports, TARGETS, 'a'));
  await until('targets', async () => (await known()) >= TARGETS);
  await say('they come');
  await up();
  await say('first scrapes');
  await delay(INTERVAL * 1000);
  await say('an interval');
  await agent.change(groupsOf(ports, TARGETS, 'b'));
  await delay(INTERVAL * LEAVING * 1000);
  await up();
  await say('all change');
  await agent.change([]);
  await delay(INTERVAL * LEAVING * 1000);
  await say('they go');
}

const pages = await startFarSide('pages', String(PORTS), String(SERIES));
const sink = await startFarSide('sink');
try {
  print(`${TARGETS} targets of ${SERIES} series every ${INTERVAL} s; Node ${process.version}`);
  for (const kind of KINDS as Kind[]) {
    const agent = new WatchedAgent(kind, sink);
    await measure(agent, kind, pages.ports).finally(() => agent.end());
  }
} finally {
  pages.end();
  sink.end();
  programs.close();
}
process.exit(0);
