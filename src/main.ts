import 'reflect-metadata';
import { container, type DependencyContainer, instanceCachingFactory } from 'tsyringe';
import { type BlockStage, createBlockStage, routesOf, shiftBlock } from './block/index.js';
import { type BlockBuffer, type DirectoryLock, lockDirectory, openBuffer } from './buffer/index.js';
import type { Config } from './config/index.js';
import { createHttpEdge, type HttpEdge } from './http/index.js';
import {
  type Clock,
  errorLine,
  type Logger,
  Metrics,
  SentinelError,
  systemClock,
  VERSION,
} from './lib/index.js';
import { createHttpClient, createResolver, type Resolver } from './net/index.js';
import { type PluginCatalog, Probes, type TaskStatus } from './probe/index.js';
import { BootClock, type ClockGuard, watchClock } from './schedule/index.js';
import { createSender, type DestinationStatus, type Sender } from './sender/index.js';

/** What an agent is made of: a checked configuration, its plugins, and where it logs to. */
export interface AgentParts {
  config: Config;
  catalog: PluginCatalog;
  log: Logger;
}

/** Samples over all destinations: accepted since start, failed since start, and still in the buffer. */
export interface StopReport {
  successCount: number;
  failedCount: number;
  pendingCount: number;
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
const CLOCK_GUARD = Symbol('ClockGuard');

/** How long a stop sends before it commits what is left (DESIGN 5). */
const DRAIN_MS = 1000;

/** Starts an agent. Throws SEN_LOCKED when another one holds the data directory. */
export async function startAgent({ config, catalog, log }: AgentParts): Promise<Agent> {
  const lock = lockOrWarn(config.sentinel.dataDirectory, log);
  const metrics = new Metrics();
  describeBuild(metrics);
  const buffer = await openBuffer({
    directory: config.sentinel.dataDirectory,
    options: config.buffer,
    routes: new Map(routesOf(config.destinations).map((route) => [route.name, route.destinations])),
    clock: systemClock,
    log: log.child({ component: 'buffer' }),
    metrics,
  });
  const road = container.createChildContainer();
  road.register(Metrics, { useValue: metrics });
  road.register<Clock>(CLOCK, { useValue: systemClock });
  road.register<Logger>(LOG, { useValue: log });
  road.register<BlockBuffer>(BUFFER, { useValue: buffer });
  wire(road, config, catalog);

  // From the end of the road to its front, so that whoever gives has somebody to give to.
  const sender = road.resolve<Sender>(SENDER);
  const block = road.resolve<BlockStage>(BLOCK);
  const probes = road.resolve(Probes);
  const http = config.http.listen === '' ? undefined : road.resolve<HttpEdge>(HTTP);
  await http?.start();
  probes.apply(config.tasks);
  return {
    metrics,
    tasks: () => probes.statuses(),
    destinations: () => sender.status(),
    ready: () => sender.ready(),
    get address() {
      return http?.address;
    },
    onResult: (listener) => probes.onResult(listener),
    stop: once(async () => {
      road.resolve<ClockGuard>(CLOCK_GUARD).stop();
      await probes.stop();
      block.close();
      const report = await sender.stop({ drainMs: DRAIN_MS });
      await http?.close();
      await buffer.close();
      road.resolve<Resolver>(RESOLVER).close();
      lock?.release();
      const { successCount, failedCount, pendingCount } = report;
      log.info(
        { success_count: successCount, failed_count: failedCount, pending_count: pendingCount },
        'Sender stopped',
      );
      return report;
    }),
  };
}

/** Takes the data directory. Where it cannot be written the agent runs on in memory, which the log says. */
function lockOrWarn(directory: string, log: Logger): DirectoryLock | undefined {
  try {
    return lockDirectory(directory);
  } catch (error) {
    if (error instanceof SentinelError && error.code === 'SEN_LOCKED') throw error;
    log.error(
      { directory },
      `${errorLine(error)}; nothing can be kept over a restart, and a second agent would not be noticed`,
    );
    return undefined;
  }
}

/** Says how each stage is made, and which neighbour it gets. */
function wire(road: DependencyContainer, config: Config, catalog: PluginCatalog): void {
  const made = <T>(make: (parts: { clock: Clock; log: Logger; metrics: Metrics }) => T) =>
    instanceCachingFactory((c) =>
      make({ clock: c.resolve(CLOCK), log: c.resolve(LOG), metrics: c.resolve(Metrics) }),
    );
  const { sentinel } = config;

  road.register<Resolver>(RESOLVER, { useFactory: instanceCachingFactory(() => createResolver()) });
  road.register<Sender>(SENDER, {
    useFactory: made(({ log, ...parts }) =>
      createSender({
        ...parts,
        log: log.child({ component: 'sender' }),
        destinations: config.destinations,
        buffer: road.resolve<BlockBuffer>(BUFFER),
        createHttpClient: (options) => createHttpClient(options, road.resolve<Resolver>(RESOLVER)),
      }),
    ),
  });
  road.register<BlockStage>(BLOCK, {
    useFactory: made(({ clock, metrics }) =>
      createBlockStage({
        clock,
        metrics,
        routes: routesOf(config.destinations),
        commitIntervalMs: config.buffer.commitIntervalMs,
        externalLabels: config.externalLabels,
        next: (block) => road.resolve<BlockBuffer>(BUFFER).push(block),
      }),
    ),
  });
  road.register<ClockGuard>(CLOCK_GUARD, {
    useFactory: made(({ log, ...parts }) => {
      const block = road.resolve<BlockStage>(BLOCK);
      const boot = new BootClock(parts.clock, (stepMs) => {
        block.flush();
        road.resolve<BlockBuffer>(BUFFER).shiftUnsent(stepMs, shiftBlock);
      });
      return watchClock({ ...parts, log: log.child({ component: 'schedule' }) }, boot);
    }),
  });
  road.register(Probes, {
    useFactory: made(({ log, ...parts }) => {
      const block = road.resolve<BlockStage>(BLOCK);
      const clock = road.resolve<ClockGuard>(CLOCK_GUARD);
      return new Probes({
        ...parts,
        log: log.child({ component: 'probe' }),
        catalog,
        agent: { name: sentinel.name, region: sentinel.region, labels: sentinel.labels },
        hostConfig: config.plugins.hostConfig,
        next: (batch) => {
          clock.correct(batch);
          return block.push(batch);
        },
      });
    }),
  });
  road.register<HttpEdge>(HTTP, {
    useFactory: made(({ log, ...parts }) => {
      const [probes, sender] = [road.resolve(Probes), road.resolve<Sender>(SENDER)];
      const view = { tasks: () => probes.statuses(), ready: () => sender.ready() };
      return createHttpEdge({
        ...parts,
        log: log.child({ component: 'http' }),
        listen: config.http.listen,
        view,
      });
    }),
  });
}

/** Metrics about the process itself, which no stage owns. */
function describeBuild(metrics: Metrics): void {
  const labels = { version: VERSION, node: process.version };
  metrics
    .family('gauge', 'sentinel_build_info', 'Version of the agent and of Node; always 1.')
    .with(labels)
    .set(1);
  metrics
    .gauge('sentinel_start_time_seconds', 'Start of the agent, seconds since 1970.')
    .set(Date.now() / 1000);
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

/** A stop that may be asked for twice happens once. */
function once<T>(run: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= run();
    return running;
  };
}
