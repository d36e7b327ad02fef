import { hostname } from 'node:os';
import type { DiscoveryConfig, DiscoveryStatus, TargetGroup } from '../discovery/index.js';
import { type Clock, errorLine, type Logger, type Metrics, Turns } from '../lib/index.js';
import type { Labels, Next } from '../model/index.js';
import type { HttpClient, HttpClientOptions } from '../net/index.js';
import type { RelabelStep } from '../relabel/index.js';
import { Schedule } from '../schedule/index.js';
import { FailureLogs } from './failure-log.js';
import type { TargetLoop } from './loop.js';
import { type ScrapeMetrics, scrapeMetrics } from './metrics.js';
import { PageMemory } from './page-memory.js';
import { Pool, type PoolParts, type PoolSettings } from './pool.js';
import type { ClusterConfig, ScrapeConfig } from './scrape-config.js';
import { SharedTexts } from './shared-texts.js';
import type { ExplainSubject, PoolStatus, TargetMetadata } from './status.js';

/** What is scraped. */
export interface ScrapeSettings {
  configs: readonly ScrapeConfig[];
  cluster: ClusterConfig;
  externalLabels: Readonly<Record<string, string>>;
}

/** Where targets come from: the stage before. Owners are called `scrape/<job>`. */
export interface TargetSource {
  /** From now on for these owners and no others. */
  apply(owners: ReadonlyMap<string, readonly DiscoveryConfig[]>): void;
  statuses(owner: string): readonly DiscoveryStatus[];
  stop(): void;
}

/** Called with all groups of an owner whenever they change; for static ones before `apply` returns. */
type OnGroups = (owner: string, groups: readonly TargetGroup[]) => void;

/** What the scrape stage needs. */
export interface ScrapesParts {
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  createHttpClient: (options: HttpClientOptions) => HttpClient;
  createDiscoveries: (onGroups: OnGroups) => TargetSource;
  next: Next;
}

const OWNER = 'scrape/';

/** Due target -> batch: keeps a pool of targets per job, fed by discovery, and one schedule for all of them. */
export class Scrapes {
  readonly #discoveries: TargetSource;
  readonly #metrics: ScrapeMetrics;
  readonly #parts: PoolParts;
  readonly #pools = new Map<string, Pool>();
  readonly #leaving = new Set<Promise<void>>();

  constructor({ clock, log, metrics, createHttpClient, createDiscoveries, next }: ScrapesParts) {
    this.#metrics = scrapeMetrics(metrics);
    this.#parts = {
      clock,
      log,
      metrics: this.#metrics,
      next,
      createHttpClient,
      schedule: this.#createSchedule(clock),
      texts: new SharedTexts(),
      memory: new PageMemory(),
      turns: new Turns(),
      failureLogs: new FailureLogs({ log, dropped: this.#metrics.logDropped, now: () => clock.now() }),
    };
    this.#discoveries = createDiscoveries((owner, groups) => this.#setGroups(owner, groups));
  }

  /**
   * Scrapes these jobs and no others. A job that is equal to the one of its name goes on untouched; of one that changed the targets that stay keep their
   * loops. Settles when the targets that are known by then have their loops. One call at a time; it gives way to others while it works.
   */
  async apply({ configs, cluster, externalLabels }: ScrapeSettings): Promise<void> {
    const jobs = new Set(configs.map(({ jobName }) => jobName));
    for (const [job, pool] of this.#pools) if (!jobs.has(job)) this.#end(job, pool);
    const seed = `${hostname()} ${JSON.stringify(Object.entries(externalLabels).sort())}`;
    for (const config of configs) this.#configure({ config, cluster }, seed);
    this.#parts.failureLogs.close();
    this.#discoveries.apply(new Map(configs.map(({ jobName, discovery }) => [OWNER + jobName, discovery])));
    await Promise.all([...this.#pools.values()].map((pool) => pool.sync()));
  }

  /** Every job, in the order of their names. */
  pools(): readonly PoolStatus[] {
    return this.#sorted().map(([job, pool]) => pool.status(() => this.#discoveries.statuses(OWNER + job)));
  }

  /** What each target says of its families: the targets of now, each read when it is reached. */
  metadata(): Iterable<TargetMetadata> {
    return metadataOf(this.#sorted().flatMap(([, pool]) => [...pool.loops()]));
  }

  /** What the rules of a job do to these labels, step by step; `undefined` when there is no such job. */
  explain(subject: ExplainSubject, job: string, labels: Labels): readonly RelabelStep[] | undefined {
    return this.#pools.get(job)?.explain(subject, labels);
  }

  /** Ends all scraping, without markers: the agent goes, the targets do not. What is running is cut short, and counted. */
  async stop(): Promise<void> {
    this.#discoveries.stop();
    this.#parts.schedule.stop();
    for (const [job, pool] of this.#pools) this.#end(job, pool);
    await Promise.all(this.#leaving);
    this.#parts.failureLogs.close();
  }

  #configure(settings: PoolSettings, seed: string): void {
    const { jobName } = settings.config;
    const pool = this.#pools.get(jobName);
    if (pool === undefined) this.#pools.set(jobName, new Pool({ ...settings, seed }, this.#parts));
    else pool.configure(settings);
  }

  /** A job that left the configuration ends without markers, as in Prometheus. */
  #end(job: string, pool: Pool): void {
    this.#pools.delete(job);
    const stopped = pool.stop().catch((error) => this.#sayFailed(job, error));
    this.#leaving.add(stopped);
    void stopped.then(() => this.#leaving.delete(stopped));
  }

  #setGroups(owner: string, groups: readonly TargetGroup[]): void {
    const job = owner.slice(OWNER.length);
    const pool = this.#pools.get(job);
    if (pool === undefined) return;
    pool.setGroups(groups);
    pool.sync().catch((error) => this.#sayFailed(job, error));
  }

  /** Only a bug gets here. */
  #sayFailed(job: string, error: unknown): void {
    this.#parts.log.error({ job }, `cannot sync targets: ${errorLine(error)}`);
  }

  #sorted(): [string, Pool][] {
    return [...this.#pools].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  #createSchedule(clock: Clock): Schedule<TargetLoop> {
    const { skipped, missed } = this.#metrics;
    return new Schedule<TargetLoop>(clock, {
      run: (loop, tickMs) => loop.scrape(tickMs),
      onSkip: (_, { ticks }) => skipped.inc(ticks),
      onMiss: (_, { ticks, reason }) => missed.with({ reason }).inc(ticks),
    });
  }
}

function* metadataOf(loops: readonly TargetLoop[]): Generator<TargetMetadata> {
  for (const { target, series } of loops) yield { target: target.labels, families: series.metadata() };
}
