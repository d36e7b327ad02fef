// 10,000 targets of one file, all of them scraped: how long an answer of each endpoint holds the loop, and how long a sync does when targets change. The exporters, and the one who
// asks, are in a process of their own.
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Discoveries } from '../../../src/discovery/index.js';
import { createHttpEdge } from '../../../src/http/index.js';
import { type Logger, Metrics, systemClock } from '../../../src/lib/index.js';
import { createHttpClient, type DnsResolver, type HttpClientOptions } from '../../../src/net/index.js';
import type { RelabelRule } from '../../../src/relabel/index.js';
import { type ScrapeConfig, Scrapes } from '../../../src/scrape/index.js';
import { viewWith } from '../../http/kit.js';
import { OwnTime } from '../../own-time.js';
import { ruleOf } from '../../relabel/rule-of.js';
import { resolver as loopback } from '../../scrape/exporter.js';
import { scrapeConfig } from '../../scrape/scrape-config.js';

const TARGETS = Number(process.env.TARGETS ?? 10_000);
/** Families of each page, a series each. */
const FAMILIES = Number(process.env.FAMILIES ?? 20);
const ROUNDS = Number(process.env.ROUNDS ?? 5);
/** Targets of one group of the file. */
const GROUP = Number(process.env.GROUP ?? 1);
const PORTS = 50;
/** Each is scraped once, and then no more. */
const SCRAPE_MS = 20_000;
const SELDOM_MS = 3_600_000;

const PATHS = [
  '/',
  '/targets',
  '/targets?q=host-99',
  '/targets?q=nothing',
  '/service-discovery',
  '/metrics',
  '/api/v1/jobs',
  '/api/v1/scrape_pools',
  '/api/v1/targets',
  '/api/v1/targets?state=dropped',
  '/api/v1/targets?state=active&health=down',
  '/api/v1/targets/metadata',
  '/api/v1/targets/metadata?metric=metric_3&limit=10',
  '/api/v1/metadata',
  '/api/v1/metadata?metric=metric_3',
];

const print = (line: string) => void process.stdout.write(`${line}\n`);
const say = (...line: unknown[]) => void process.stderr.write(`${JSON.stringify(line)}\n`);
const log: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: say,
  error: say,
  child: () => log,
};

/** The other process: exporters, and a client that asks for what it is sent. */
async function serve(): Promise<void> {
  const page = Array.from(
    { length: FAMILIES },
    (_, i) =>
      `# HELP metric_${i} Help of metric number ${i}.\n# TYPE metric_${i} gauge\nmetric_${i}{cpu="0"} ${i}\n`,
  ).join('');
  const ports: number[] = [];
  for (let i = 0; i < PORTS; i++) {
    const server = createServer((_, response) => {
      response.setHeader('content-type', 'text/plain; version=0.0.4');
      response.end(page);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ports.push((server.address() as AddressInfo).port);
  }
  process.on('message', (url: string) => {
    get(url, { agent: false }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on('end', () => process.send!({ bytes, status: response.statusCode }));
    });
  });
  process.send!(ports);
}

const RELABEL: Partial<RelabelRule>[] = [
  { sourceLabels: ['__meta_role'], targetLabel: 'role' },
  { sourceLabels: ['host'], regex: '(.*)-(\\d+)', targetLabel: 'number', replacement: '$2' },
  { action: 'drop', sourceLabels: ['__meta_role'], regex: 'spare' },
];

const jobOf = (file: string, intervalMs: number): ScrapeConfig =>
  scrapeConfig({
    jobName: 'fleet',
    intervalMs,
    timeoutMs: 10_000,
    discovery: [{ kind: 'file', files: [file], refreshMs: SELDOM_MS }],
    relabel: RELABEL.map(ruleOf),
  });

interface Span {
  fromMs: number;
  toMs: number;
}

/** How long the loop was held at worst: by the clock, by the clock without the garbage collector, by the processor. */
class Hold {
  readonly #own = new OwnTime();
  readonly #spans: Span[] = [];
  readonly #collections: Span[] = [];
  readonly #observer = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries())
      this.#collections.push({ fromMs: startTime, toMs: startTime + duration });
  });
  #lastMs = performance.now();
  readonly #timer = setInterval(() => {
    const now = performance.now();
    if (now - this.#lastMs > 2) this.#spans.push({ fromMs: this.#lastMs, toMs: now });
    this.#lastMs = now;
  }, 1);

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  stop(): number[] {
    clearInterval(this.#timer);
    this.#observer.disconnect();
    const { worstMs } = this.#own;
    this.#own.stop();
    const lengths = this.#spans.map(({ fromMs, toMs }) => toMs - fromMs);
    const without = this.#spans.map((span) => span.toMs - span.fromMs - this.#collectedIn(span));
    return [Math.max(0, ...lengths), Math.max(0, ...without), worstMs];
  }

  #collectedIn(span: Span): number {
    let sum = 0;
    for (const { fromMs, toMs } of this.#collections)
      sum += Math.max(0, Math.min(toMs, span.toMs) - Math.max(fromMs, span.fromMs));
    return sum;
  }
}

async function holdOf(work: () => Promise<string>): Promise<string> {
  const hold = new Hold();
  await delay(5);
  const beganMs = performance.now();
  const what = await work();
  const tookMs = performance.now() - beganMs;
  await delay(5);
  const holds = hold.stop().map((ms) => ms.toFixed(1).padStart(7));
  return `${holds.join(' ')} ${tookMs.toFixed(0).padStart(6)}  ${what}`;
}

/** What the other process says next. */
const told = <T>(child: ReturnType<typeof fork>) =>
  new Promise<T>((resolve) => child.once('message', (said) => resolve(said as T)));

function fileText(ports: readonly number[], count: number, from = 0): string {
  const groups = [];
  for (let i = 0; i < count; i += GROUP) {
    const targets = Array.from({ length: Math.min(GROUP, count - i) }, (_, j) => {
      const port = ports[(i + j) % ports.length]!;
      return `t${i + j}:${port}`;
    });
    const role = (i / GROUP) % 10 === 0 ? 'spare' : 'edge';
    groups.push({ targets, labels: { __meta_role: role, host: `host-${from + i}`, site: `site-${i % 40}` } });
  }
  return JSON.stringify(groups);
}

async function bench(child: ReturnType<typeof fork>, ports: readonly number[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'look-bench-'));
  const file = join(folder, 'targets.json');
  const write = async (text: string) => {
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  };
  const metrics = new Metrics();
  const parts = { clock: systemClock, log, metrics };
  const resolver: DnsResolver = { ...loopback, records: () => Promise.resolve([]) };
  const net = { createHttpClient: (options: HttpClientOptions) => createHttpClient(options, resolver) };
  const scrapes = new Scrapes({
    ...parts,
    ...net,
    createDiscoveries: (onGroups) => new Discoveries({ ...parts, ...net, resolver, onGroups }),
    next: () => 'taken',
  });
  const edge = createHttpEdge({
    ...parts,
    listen: '127.0.0.1:0',
    view: viewWith({ pools: () => scrapes.pools(), targetMetadata: () => scrapes.metadata() }),
  });
  await edge.start();
  const cluster = { members: 1, member: 0, replicationFactor: 1 };
  const apply = (intervalMs: number) =>
    scrapes.apply({ configs: [jobOf(file, intervalMs)], cluster, externalLabels: {} });
  const countOf = (state: string) => {
    const family = metrics.families().find(({ name }) => name === 'sentinel_scrape_targets');
    return [...family!.samples()].find(({ labels }) => labels.state === state)?.value ?? 0;
  };
  /** Looks seldom: it counts all targets. */
  const until = async (state: string, count: number) => {
    while (countOf(state) !== count) await delay(200);
  };

  const dropped = Math.ceil(TARGETS / GROUP / 10) * GROUP;
  print(
    'longest hold of the loop, ms: by the clock, without the garbage collector, of processor; the whole of it, ms',
  );
  const first = fileText(ports, TARGETS);
  print(
    await holdOf(async () => {
      await write(first);
      await apply(SELDOM_MS);
      await until('relabel', dropped);
      return `${TARGETS - dropped} targets come, ${dropped} are dropped`;
    }),
  );
  await apply(SCRAPE_MS);
  await until('up', TARGETS - dropped);
  print(await holdOf(() => apply(SELDOM_MS).then(() => 'another interval')));
  await delay(2000);
  for (const path of PATHS)
    for (let round = 0; round < ROUNDS; round++)
      print(
        await holdOf(async () => {
          const answer = told<{ bytes: number; status: number }>(child);
          child.send(`${edge.address}${path}`);
          const { bytes, status } = await answer;
          return `${path} ${status} ${bytes}`;
        }),
      );
  for (const [what, count, from] of [
    ['ten groups more', TARGETS + GROUP * 10, 0],
    ['they go', TARGETS, 0],
    ['all have another label', TARGETS + GROUP * 10, 1_000_000],
    ['half of them go', TARGETS / 2, 1_000_000],
  ] as const) {
    const text = fileText(ports, count, from);
    await delay(1000);
    print(
      await holdOf(async () => {
        await write(text);
        await until('relabel', Math.ceil(count / GROUP / 10) * GROUP);
        return what;
      }),
    );
  }
  await scrapes.stop();
  await edge.close();
  rmSync(folder, { recursive: true });
  process.exit(0);
}

if (process.send === undefined) {
  const child = fork(fileURLToPath(import.meta.url));
  process.on('exit', () => child.kill());
  void told<number[]>(child).then((ports) => bench(child, ports));
} else void serve();
