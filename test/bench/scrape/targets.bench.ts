// 1,000 targets at a 10 s interval under one agent process, from the schedule to a batch: how late scrapes begin, what holds the loop, and what it costs. Then
// 10,000 targets that come and go: how long their sync holds the loop. The exporters run in a process of their own.
import { fork } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { DiscoveryConfig } from '../../../src/discovery/index.js';
import { type Logger, Metrics, systemClock } from '../../../src/lib/index.js';
import { createHttpClient } from '../../../src/net/index.js';
import { Scrapes } from '../../../src/scrape/index.js';
import { OwnTime } from '../../own-time.js';
import { resolver } from '../../scrape/exporter.js';
import { FakeDiscovery } from '../../scrape/fake-discovery.js';
import { scrapeConfig } from '../../scrape/scrape-config.js';

const TARGETS = Number(process.env.TARGETS ?? 1000);
const SERIES = Number(process.env.SERIES ?? 100);
const SECONDS = Number(process.env.SECONDS ?? 40);
const PORTS = 50;
const INTERVAL_MS = 10_000;
/** Of the 10,000. */
const SELDOM_MS = 600_000;

const print = (line: string) => void process.stdout.write(`${line}\n`);
const say = (...line: unknown[]) => void process.stderr.write(`${JSON.stringify(line)}\n`);
const log: Logger = { debug: () => undefined, info: say, warn: say, error: say, child: () => log };

/** The exporters: the same page on every port, after 5 ms. */
async function serve(): Promise<void> {
  const lines = Array.from({ length: SERIES }, (_, i) => `metric_${i}_total{cpu="${i % 8}"} ${i}\n`);
  const ports: number[] = [];
  for (let i = 0; i < PORTS; i++) {
    const server = createServer((_, response) => {
      response.setHeader('content-type', 'text/plain; version=0.0.4');
      setTimeout(() => response.end(lines.join('')), 5);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ports.push((server.address() as AddressInfo).port);
  }
  process.send!(ports);
}

function targetsOf(ports: readonly number[], count: number, from = 0): DiscoveryConfig[] {
  const targets = Array.from({ length: count }, (_, i) => ({
    __address__: `127.0.0.1:${ports[i % ports.length]}`,
    __param_n: String(from + i),
    n: String(from + i),
  }));
  return [{ kind: 'static', groups: [{ source: '0', targets, labels: { site: 'bench' } }] }];
}

const quantile = (sorted: readonly number[], q: number) => sorted[Math.floor((sorted.length - 1) * q)] ?? NaN;

async function bench(ports: readonly number[]): Promise<void> {
  const lateMs: number[] = [];
  let samples = 0;
  const metrics = new Metrics();
  const scrapes = new Scrapes({
    clock: systemClock,
    log,
    metrics,
    createHttpClient: (options) => createHttpClient(options, resolver),
    createDiscoveries: (onGroups) => new FakeDiscovery(onGroups),
    next: (batch) => {
      lateMs.push(batch.times.startedMs - batch.times.plannedMs);
      samples += batch.length;
      return 'taken';
    },
  });
  const config = { ...scrapeConfig(), intervalMs: INTERVAL_MS, timeoutMs: INTERVAL_MS };
  const cluster = { members: 1, member: 0, replicationFactor: 1 };
  const apply = (discovery: DiscoveryConfig[], intervalMs = INTERVAL_MS) =>
    scrapes.apply({ configs: [{ ...config, intervalMs, discovery }], cluster, externalLabels: {} });

  await apply(targetsOf(ports, TARGETS));
  await delay(INTERVAL_MS);
  lateMs.length = 0;
  samples = 0;
  const loop = monitorEventLoopDelay({ resolution: 5 });
  loop.enable();
  const before = process.cpuUsage();
  await delay(SECONDS * 1000);
  const { user, system } = process.cpuUsage(before);
  loop.disable();
  const sorted = [...lateMs].sort((a, b) => a - b);
  const lags = [0.5, 0.9, 0.99, 1].map((q) => `p${q * 100} ${quantile(sorted, q)} ms`);
  print(`${TARGETS} targets, ${SERIES} series each, ${lateMs.length} scrapes in ${SECONDS} s`);
  print(`late: ${lags.join(', ')}`);
  print(`loop delay: p50 ${ms(loop.percentile(50))}, p99 ${ms(loop.percentile(99))}, max ${ms(loop.max)}`);
  print(
    `cpu: ${((user + system) / SECONDS / 10_000).toFixed(1)} % of a core, ${((user + system) / samples).toFixed(2)} s per million samples`,
  );
  print(`rss: ${Math.round(process.memoryUsage.rss() / 2 ** 20)} MiB`);

  for (const [what, discovery] of [
    ['10,000 targets come', targetsOf(ports, 10_000, 100_000)],
    ['one of them changes', [...targetsOf(ports, 9_999, 100_000), ...targetsOf(ports, 1, 200_000)]],
    ['they go', []],
  ] as const) {
    const own = new OwnTime();
    loop.reset();
    loop.enable();
    const beganMs = performance.now();
    await apply([...discovery], SELDOM_MS);
    const tookMs = Math.round(performance.now() - beganMs);
    loop.disable();
    const holds = `p90 ${ms(loop.percentile(90))}, max ${ms(loop.max)}`;
    print(
      `${what}: ${tookMs} ms; loop delay ${holds}; at most ${own.worstMs.toFixed(1)} ms of processor in a turn`,
    );
    own.stop();
  }
  await scrapes.stop();
  process.exit(0);
}

const ms = (nanoseconds: number) => `${(nanoseconds / 1e6).toFixed(1)} ms`;

if (process.send === undefined) {
  const exporters = fork(fileURLToPath(import.meta.url));
  process.on('exit', () => exporters.kill());
  exporters.once('message', (ports: number[]) => void bench(ports));
} else void serve();
