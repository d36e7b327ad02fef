import 'reflect-metadata';
import { join } from 'node:path';
import { container, type DependencyContainer, instanceCachingFactory } from 'tsyringe';
import {
  type BlockSettings,
  type BlockStage,
  createBlockStage,
  routesOf,
  shiftBlock,
} from './block/index.js';
import { type BlockBuffer, type BufferEnd, lockWhenWritable, openBuffer } from './buffer/index.js';
import {
  type Config,
  ConfigError,
  configText,
  type LoggingOptions,
  type ReadConfig,
  Reloader,
  type ReloadResult,
} from './config/index.js';
import { Discoveries } from './discovery/index.js';
import { createHttpEdge, type HttpEdge, type HttpView } from './http/index.js';
import {
  type Clock,
  type Logger,
  Metrics,
  ProcessStart,
  sameValue,
  systemBoot,
  systemClock,
  VERSION,
} from './lib/index.js';
import type { MetricMetadata, Next } from './model/index.js';
import { createHttpClient, createResolver, type DnsResolver, type HttpClientOptions } from './net/index.js';
import { Probes, type ProbesSettings, type TaskStatus } from './probe/index.js';
import { BootClock, type ClockGuard, watchClock } from './schedule/index.js';
import { type ScrapeSettings, Scrapes } from './scrape/index.js';
import { LoopDelay, SelfMetrics, type SelfSettings } from './self/index.js';
import { createSender, type DestinationStatus, type Sender, type SenderResult } from './sender/index.js';

/** What an agent is made of: a checked configuration with its plugins, where it logs to, and how both may change. */
export interface AgentParts extends ReadConfig {
  log: Logger;
  /** Reads the configuration again. Throws a ConfigError with all that is wrong. */
  read(signal: AbortSignal): Promise<ReadConfig>;
  /** Changes where the log goes. Throws SEN_CONFIG_INVALID, and changes nothing, when its file cannot be opened. */
  setLogging(options: LoggingOptions): Promise<void>;
}

/** Samples over all destinations: accepted since start, failed since start, and still in the buffer. */
export interface StopReport {
  successCount: number;
  failedCount: number;
  pendingCount: number;
  /** The disk of the data directory does not answer: the process cannot end before it does. */
  isStalled: boolean;
}

/** A running agent. */
export interface Agent {
  readonly metrics: Metrics;
  /** Every task with its last result. */
  tasks(): readonly TaskStatus[];
  destinations(): readonly DestinationStatus[];
  /** Whether data is arriving, and if not, why not. */
  ready(): { ready: boolean; reasons: readonly string[] };
  /** Where the HTTP edge listens, or `undefined`. */
  readonly address: string | undefined;
  /** Calls `listener` after every result of a task. */
  onResult(listener: (status: TaskStatus) => void): void;
  /** Reads the configuration again and applies it; says in the log what came of it. */
  reload(): Promise<ReloadResult>;
  /** Samples, over all destinations, that exist in memory alone. */
  unsavedSamples(): number;
  /** Stops from the front of the road to its end (DESIGN 5), and logs `Sender stopped`. */
  stop(): Promise<StopReport>;
}

// The names under which the container holds what is no class.
const CLOCK = Symbol('Clock');
const LOG = Symbol('Logger');
const RESOLVER = Symbol('Resolver');
const BUFFER = Symbol('BlockBuffer');
const SENDER = Symbol('Sender');
const BLOCK = Symbol('BlockStage');
const HTTP = Symbol('HttpEdge');
const CONTROL = Symbol('ControlEdge');
const CLOCK_GUARD = Symbol('ClockGuard');

const START = new ProcessStart(systemClock, systemBoot, performance.now());

/** How long a stop sends before it commits what is left (DESIGN 5). */
const DRAIN_MS = 1000;
/** So long after its begin a stop gives up a disk that does not answer: soon enough before start.ts ends the process. */
const GIVE_UP_DISK_MS = 17_000;
/** When its place changes, the HTTP edge first finishes what it has begun: the answer to a reload, for one. */
const HTTP_GRACE_MS = 1000;

/** Starts an agent. Throws SEN_LOCKED when another one holds the data directory, SEN_BUILD when the build is for another Node. */
export async function startAgent(parts: AgentParts): Promise<Agent> {
  const { config, log } = parts;
  const lock = lockWhenWritable(config.sentinel.dataDirectory, { clock: systemClock, log });
  const metrics = new Metrics();
  describeBuild(metrics);
  const buffer = await openBuffer({
    directory: config.sentinel.dataDirectory,
    options: config.buffer,
    routes: destinationsOf(config),
    clock: systemClock,
    boot: systemBoot,
    shiftBlock,
    log: log.child({ component: 'buffer' }),
    metrics,
  });
  const road = container.createChildContainer();
  road.register(Metrics, { useValue: metrics });
  road.register<Clock>(CLOCK, { useValue: systemClock });
  road.register<Logger>(LOG, { useValue: log });
  road.register<BlockBuffer>(BUFFER, { useValue: buffer });
  const running: ReadConfig = { config, catalog: parts.catalog };
  const reloader = new Reloader({
    read: parts.read,
    apply: (next) => apply(next),
    clock: systemClock,
    log: log.child({ component: 'config' }),
    metrics,
  });
  wire(road, running, () => reloader.reload());

  // From the end of the road to its front, so that whoever gives has somebody to give to.
  const sender = road.resolve<Sender>(SENDER);
  const block = road.resolve<BlockStage>(BLOCK);
  const probes = road.resolve(Probes);
  const scrapes = road.resolve(Scrapes);
  const self = road.resolve(SelfMetrics);
  let http = road.resolve<HttpEdge | undefined>(HTTP);
  const control = road.resolve<HttpEdge>(CONTROL);
  await Promise.all([control.start(), http?.start()]);
  await Promise.all([probes.apply(config.tasks), scrapes.apply(scrapeSettings(config))]);
  self.apply(selfSettings(config));

  // One configuration after another: what may be refused comes first, then the road, again from its end.
  const apply = async ({ config, catalog }: ReadConfig): Promise<void> => {
    const before = running.config;
    refuseFixed(before, config);
    await parts.setLogging(config.logging);
    Object.assign(running, { config, catalog });
    sender.apply(config.destinations);
    block.apply(routesOf(config.destinations), blockSettings(config));
    // After the block stage has sealed what was meant for the old routes, and before it is given anything for the new ones.
    buffer.setRoutes(destinationsOf(config));
    buffer.setOptions(config.buffer);
    await Promise.all([
      probes.apply(config.tasks, probeSettings(running)),
      scrapes.apply(scrapeSettings(config)),
    ]);
    if (!sameValue(selfSettings(before), selfSettings(config))) self.apply(selfSettings(config));
    if (sameValue(before.http, config.http) && before.sentinel.name === config.sentinel.name) return;
    void http?.close(HTTP_GRACE_MS);
    http = road.resolve<HttpEdge | undefined>(HTTP);
    await http?.start();
  };
  return {
    metrics,
    tasks: () => probes.statuses(),
    destinations: () => sender.status(),
    ready: () => sender.ready(),
    get address() {
      return http?.address;
    },
    onResult: (listener) => probes.onResult(listener),
    reload: () => reloader.reload(),
    unsavedSamples: () => buffer.unsavedSamples(),
    stop: once(async () => {
      const endMs = systemClock.monotonic() + GIVE_UP_DISK_MS;
      await reloader.close();
      self.stop();
      road.resolve<ClockGuard>(CLOCK_GUARD).stop();
      await Promise.all([probes.stop(), scrapes.stop()]);
      block.close();
      const sent = await sender.stop({ drainMs: DRAIN_MS });
      await Promise.all([control.close(), http?.close()]);
      road.resolve(LoopDelay).stop();
      const end = await buffer.close(endMs - systemClock.monotonic());
      road.resolve<DnsResolver>(RESOLVER).close();
      // Else a thread of ours is at work in the directory still; the lock goes with the process.
      if (!end.isStalled) lock.release();
      return reportStop(sent, end, log);
    }),
  };
}

/** Says what a stop came to, and gives it. What the buffer has lost was pending until then. */
function reportStop(sent: SenderResult, { lostSamples, isStalled }: BufferEnd, log: Logger): StopReport {
  const { successCount } = sent;
  const [failedCount, pendingCount] = [sent.failedCount + lostSamples, sent.pendingCount - lostSamples];
  const counts = { success_count: successCount, failed_count: failedCount, pending_count: pendingCount };
  log.info(counts, 'Sender stopped');
  return { successCount, failedCount, pendingCount, isStalled };
}

/** Throws a ConfigError when a configuration asks for what cannot change while the agent runs. */
function refuseFixed(before: Config, next: Config): void {
  const [is, asked] = [before.sentinel.dataDirectory, next.sentinel.dataDirectory];
  if (is === asked) return;
  throw new ConfigError([
    `sentinel.data_dir: cannot change from ${is} to ${asked} while the agent runs; restart it, or take the change back`,
  ]);
}

/** The destinations of each route, by name. */
function destinationsOf({ destinations }: Config): ReadonlyMap<string, readonly string[]> {
  return new Map(routesOf(destinations).map((route) => [route.name, route.destinations]));
}

function blockSettings({ buffer, externalLabels, writeRelabel }: Config): BlockSettings {
  return { commitIntervalMs: buffer.commitIntervalMs, externalLabels, writeRelabel };
}

function probeSettings({ config, catalog }: ReadConfig): ProbesSettings {
  const { name, region, labels } = config.sentinel;
  return { catalog, agent: { name, region, labels }, hostConfig: config.plugins.hostConfig };
}

function scrapeSettings({ scrape: configs, cluster, externalLabels }: Config): ScrapeSettings {
  return { configs, cluster, externalLabels };
}

function selfSettings({ sentinel }: Config): SelfSettings {
  const { name, region, labels, selfMetricsIntervalMs: intervalMs } = sentinel;
  return { name, region, labels, intervalMs };
}

/** The way into the block stage, past the one who knows whether the clock was right. */
function toBlock(road: DependencyContainer): Next {
  const block = road.resolve<BlockStage>(BLOCK);
  const clock = road.resolve<ClockGuard>(CLOCK_GUARD);
  return (batch) => {
    clock.correct(batch);
    return block.push(batch);
  };
}

/** What all targets say of their metrics. */
function* familiesOf(scrapes: Scrapes): Iterable<MetricMetadata> {
  for (const { families } of scrapes.metadata()) yield* families;
}

/** Says how each stage is made, and which neighbour it gets. */
function wire(road: DependencyContainer, running: ReadConfig, reload: () => Promise<ReloadResult>): void {
  const made = <T>(make: (parts: { clock: Clock; log: Logger; metrics: Metrics }) => T) =>
    instanceCachingFactory((c) =>
      make({ clock: c.resolve(CLOCK), log: c.resolve(LOG), metrics: c.resolve(Metrics) }),
    );
  const { config } = running;

  road.register<DnsResolver>(RESOLVER, { useFactory: instanceCachingFactory(() => createResolver()) });
  road.register<Sender>(SENDER, {
    useFactory: made(({ log, ...parts }) =>
      createSender({
        ...parts,
        log: log.child({ component: 'sender' }),
        destinations: config.destinations,
        buffer: road.resolve<BlockBuffer>(BUFFER),
        metadata: () => familiesOf(road.resolve(Scrapes)),
        createHttpClient: (options) => createHttpClient(options, road.resolve<DnsResolver>(RESOLVER)),
      }),
    ),
  });
  road.register<BlockStage>(BLOCK, {
    useFactory: made(({ log, ...parts }) =>
      createBlockStage({
        ...parts,
        log: log.child({ component: 'block' }),
        routes: routesOf(config.destinations),
        ...blockSettings(config),
        next: (block) => road.resolve<BlockBuffer>(BUFFER).push(block),
      }),
    ),
  });
  road.register<ClockGuard>(CLOCK_GUARD, {
    useFactory: made(({ log, ...parts }) => {
      const block = road.resolve<BlockStage>(BLOCK);
      const boot = new BootClock(parts.clock, () => {
        block.flush();
        return road.resolve<BlockBuffer>(BUFFER).shiftUnsent();
      });
      return watchClock({ ...parts, log: log.child({ component: 'schedule' }) }, boot);
    }),
  });
  road.register(Probes, {
    useFactory: made(({ log, ...parts }) => {
      return new Probes({
        ...parts,
        log: log.child({ component: 'probe' }),
        ...probeSettings(running),
        next: toBlock(road),
      });
    }),
  });
  road.register(Scrapes, {
    useFactory: made(({ log, ...parts }) => {
      const resolver = road.resolve<DnsResolver>(RESOLVER);
      const http = { createHttpClient: (options: HttpClientOptions) => createHttpClient(options, resolver) };
      const forDiscovery = { ...parts, ...http, resolver, log: log.child({ component: 'discovery' }) };
      return new Scrapes({
        ...parts,
        ...http,
        log: log.child({ component: 'scrape' }),
        createDiscoveries: (onGroups) => new Discoveries({ ...forDiscovery, onGroups }),
        next: toBlock(road),
      });
    }),
  });
  road.register(SelfMetrics, {
    useFactory: made(({ clock, metrics }) => {
      return new SelfMetrics({ clock, metrics, next: toBlock(road) });
    }),
  });
  road.register(LoopDelay, { useFactory: made((parts) => new LoopDelay(parts)) });
  const view = once(() => viewOf(road, running, reload));
  // Another one each time that it is asked for: a reload may change its place.
  road.register<HttpEdge | undefined>(HTTP, {
    useFactory: (c) => {
      const { http, sentinel } = running.config;
      if (http.listen === '') return undefined;
      return createHttpEdge({
        metrics: c.resolve(Metrics),
        clock: c.resolve<Clock>(CLOCK),
        log: c.resolve<Logger>(LOG).child({ component: 'http' }),
        ...http,
        extraHosts: [sentinel.name],
        view: view(),
      });
    },
  });
  road.register<HttpEdge>(CONTROL, {
    useFactory: made(({ log, ...parts }) =>
      createHttpEdge({
        ...parts,
        listener: 'control',
        listen: `unix:${join(config.sentinel.dataDirectory, 'control.sock')}`,
        log: log.child({ component: 'control' }),
        view: view(),
      }),
    ),
  });
}

/** The agent, as its pages look at it. */
function viewOf(
  road: DependencyContainer,
  running: ReadConfig,
  reload: () => Promise<ReloadResult>,
): HttpView {
  const [probes, sender] = [road.resolve(Probes), road.resolve<Sender>(SENDER)];
  const [delay, metrics] = [road.resolve(LoopDelay), road.resolve(Metrics)];
  const scrapes = road.resolve(Scrapes);
  return {
    pools: () => scrapes.pools(),
    targetMetadata: () => scrapes.metadata(),
    explain: (subject, job, labels) => scrapes.explain(subject, job, labels),
    tasks: () => probes.statuses(),
    destinations: () => sender.status(),
    hosts: () => probes.hostStatuses(),
    ready: () => sender.ready(),
    config: () => configText(running.config, running.catalog),
    reload,
    runtime: () => ({
      name: running.config.sentinel.name,
      dataDirectory: running.config.sentinel.dataDirectory,
      startMs: START.ms,
      configFile: running.config.file,
      reloaded: metrics.value('sentinel_config_last_reload_successful') !== 0,
      loopDelayMs: delay.worstMs(),
      buffer: {
        memoryBytes: metrics.value('sentinel_buffer_memory_bytes') ?? 0,
        diskBytes: metrics.value('sentinel_buffer_disk_bytes') ?? 0,
        diskHealthy: metrics.value('sentinel_buffer_disk_healthy') === 1,
      },
    }),
  };
}

/** Metrics about the process itself, which no stage owns. */
function describeBuild(metrics: Metrics): void {
  const labels = { version: VERSION, node: process.version };
  metrics
    .family('gauge', 'sentinel_build_info', 'Version of the agent and of Node; always 1.')
    .with(labels)
    .set(1);
  metrics.gaugeOf(
    'sentinel_start_time_seconds',
    'Start of the agent, seconds since 1970.',
    () => START.ms / 1000,
  );
  metrics.gaugeOf('nodejs_active_timers', 'Timers of the agent process that are set.', activeTimers);
  metrics.gaugeOf(
    'process_resident_memory_bytes',
    'Resident memory of the agent process, without its probe hosts.',
    () => process.memoryUsage.rss(),
  );
}

/** Timers of this process that are set; a number that grows is a leak. */
function activeTimers(): number {
  return process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length;
}

/** What may be asked for twice happens once. */
function once<T>(run: () => T): () => T {
  let running: T | undefined;
  return () => {
    running ??= run();
    return running;
  };
}
