import type { DiscoveryStatus, TargetGroup } from '../discovery/index.js';
import {
  type Clock,
  type Logger,
  sameValue,
  shownUrl,
  Throttle,
  TimeSlice,
  type Turns,
} from '../lib/index.js';
import { type Labels, labelsToMap, type Next } from '../model/index.js';
import type { HttpClient, HttpClientOptions } from '../net/index.js';
import { compileRelabel, type Relabeller, type RelabelStep } from '../relabel/index.js';
import type { Schedule } from '../schedule/index.js';
import type { FailureLogs } from './failure-log.js';
import { LeavingLoops, type Ticks } from './leaving.js';
import { TargetLoop } from './loop.js';
import { LoopsByLabels } from './loops-by-labels.js';
import type { ScrapeMetrics } from './metrics.js';
import type { PageMemory } from './page-memory.js';
import { phaseOf } from './phase.js';
import { PoolClient } from './pool-client.js';
import { PoolTargets, type SortedTargets } from './pool-targets.js';
import type { ClusterConfig, ScrapeConfig } from './scrape-config.js';
import { keepsSeries } from './series-change.js';
import type { SharedTexts } from './shared-texts.js';
import type { ExplainSubject, PoolStatus, TargetStatus } from './status.js';
import type { Target } from './target.js';
import { discoveredLabels } from './target-labels.js';
import { TargetSeries } from './target-series.js';

const LOG_PERIOD_MS = 60_000;

/** What all pools share. */
export interface PoolParts {
  clock: Clock;
  log: Logger;
  metrics: ScrapeMetrics;
  next: Next;
  createHttpClient: (options: HttpClientOptions) => HttpClient;
  schedule: Schedule<TargetLoop>;
  texts: SharedTexts;
  memory: PageMemory;
  failureLogs: FailureLogs;
  /** For syncs. */
  turns: Turns;
}

/** What a pool is told; compared as plain data. */
export interface PoolSettings {
  config: ScrapeConfig;
  cluster: ClusterConfig;
}

/** A pool keeps its own where the settings change. */
interface PoolOptions extends PoolSettings {
  /** Tells this agent from others that scrape the same. */
  seed: string;
}

/** A target that is scraped. */
interface Entry {
  loop: TargetLoop;
  ticks: Ticks;
}

/** What is not scraped. */
type Dropped = Pick<SortedTargets, 'dropped' | 'counts'>;

/**
 * The targets of one job: groups of discovered targets come in, loops run. A target that stays keeps its loop, with phase, series and health, whatever else
 * changes; one whose interval or timeout alone changes keeps its series.
 */
export class Pool {
  readonly #parts: PoolParts;
  readonly #seed: string;
  readonly #throttle: Throttle;
  #settings: PoolSettings;
  #relabel: Relabeller;
  #metricRelabel: Relabeller;
  #client: PoolClient;
  #groups: readonly TargetGroup[] = [];
  /** By the present settings. */
  #targets: PoolTargets;
  #dropped: Dropped = {
    dropped: [],
    counts: { relabel: 0, cluster: 0, duplicate: 0, invalid: 0 },
  };
  /** Of all loops. */
  #refusal: TargetLoop['refusal'];
  readonly #loops = new Map<string, Entry>();
  readonly #byLabels = new LoopsByLabels();
  readonly #leaving: LeavingLoops;
  #mustSync = true;
  #mustRenew = false;
  #syncing: Promise<void> | undefined;
  #stopped = false;

  constructor({ config, cluster, seed }: PoolOptions, parts: PoolParts) {
    this.#parts = parts;
    this.#seed = seed;
    this.#throttle = new Throttle(LOG_PERIOD_MS, () => parts.clock.monotonic());
    this.#settings = { config, cluster };
    this.#relabel = compileRelabel(config.relabel, config.validationScheme);
    this.#metricRelabel = compileRelabel(config.metricRelabel, config.validationScheme);
    this.#targets = new PoolTargets({ config, cluster, relabel: this.#relabel });
    this.#client = this.#createClient(config.http);
    this.#leaving = new LeavingLoops(parts.clock, this.#byLabels);
    this.#declare();
  }

  /** Goes on with other settings of the same job, from the next sync on. */
  configure(settings: PoolSettings): void {
    const before = this.#settings;
    if (sameValue(before, settings)) return;
    const { config, cluster } = settings;
    this.#relabel = compileRelabel(config.relabel, config.validationScheme);
    this.#metricRelabel = compileRelabel(config.metricRelabel, config.validationScheme);
    if (!sameValue(before.config.http, config.http)) {
      this.#client.close();
      this.#client = this.#createClient(config.http);
    }
    this.#settings = settings;
    this.#targets = new PoolTargets({ config, cluster, relabel: this.#relabel });
    this.#mustSync = true;
    this.#mustRenew ||= !keepsSeries(before.config, config);
  }

  /** All groups that there are now. Nothing is to be done where they are the very ones of before. */
  setGroups(groups: readonly TargetGroup[]): void {
    const before = this.#groups;
    if (groups.length === before.length && groups.every((group, i) => group === before[i])) return;
    this.#groups = groups;
    this.#mustSync = true;
  }

  /** Settles when the loops are those of the present settings and groups. */
  sync(): Promise<void> {
    this.#syncing ??= this.#syncAll().finally(() => {
      this.#syncing = undefined;
      // What came between the last look and now.
      return this.#mustSync && !this.#stopped ? this.sync() : undefined;
    });
    return this.#syncing;
  }

  /** Ends all loops, without markers; settles when nothing runs any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#undeclare();
    const loops = [...this.loops()];
    for (const loop of loops) {
      this.#parts.schedule.remove(this.#planKey(loop.target.key));
      loop.interrupt();
    }
    this.#loops.clear();
    await Promise.all([...loops.map((loop) => loop.idle()), this.#leaving.stop(), this.#syncing]);
    this.#client.close();
  }

  status(discovery: () => readonly DiscoveryStatus[]): PoolStatus {
    const { dropped, counts } = this.#dropped;
    return {
      job: this.#job,
      active: () => [...this.loops()],
      dropped,
      droppedCount: Object.values(counts).reduce((sum, count) => sum + count, 0),
      droppedCounts: { ...counts },
      discovery,
      relabel: this.#settings.config.relabel,
    };
  }

  /** What the rules of the job do to these labels. */
  explain(subject: ExplainSubject, labels: Labels): RelabelStep[] {
    if (subject === 'metric') return this.#metricRelabel.explain(labels);
    if (subject === 'discovered') return this.#relabel.explain(labels);
    const alone = { source: '', targets: [], labels: {} };
    return this.#relabel.explain(discoveredLabels(this.#settings.config, alone, labelsToMap(labels)));
  }

  /** Those of the targets that are scraped now. */
  *loops(): Generator<TargetLoop> {
    for (const { loop } of this.#loops.values()) yield loop;
  }

  get #job(): string {
    return this.#settings.config.jobName;
  }

  /** A connection for each scrape that is running: one slow target on a port does not hold up the others there. */
  #createClient(options: HttpClientOptions): PoolClient {
    return new PoolClient(this.#parts.createHttpClient({ ...options, maxConnections: Infinity }));
  }

  async #syncAll(): Promise<void> {
    // What is set in one breath, settings and groups, is one change; and who set it may have held the loop for long enough.
    await new TimeSlice().next();
    while (this.#mustSync && !this.#stopped) await this.#parts.turns.take(() => this.#sync());
  }

  async #sync(): Promise<void> {
    if (this.#stopped) return;
    this.#mustSync = false;
    const mustRenew = this.#mustRenew;
    this.#mustRenew = false;
    const slice = new TimeSlice();
    const sorted = await this.#targets.sort(this.#groups, slice);
    // Before one that is new can be asked.
    this.#refuse(sorted.active.size);
    const fresh = await this.#keep(sorted.active, mustRenew, slice);
    for (const target of fresh.values()) {
      if (slice.isUp) await slice.next();
      if (this.#stopped) return;
      this.#start(target);
    }
    // Its metrics are gone: a count would bring one back.
    if (this.#stopped) return;
    const { dropped, counts } = sorted;
    this.#dropped = { dropped, counts };
    this.#report();
  }

  /** Loops whose target is there go on, the others end; gives the targets that have none yet. */
  async #keep(
    active: ReadonlyMap<string, Target>,
    mustRenew: boolean,
    slice: TimeSlice,
  ): Promise<ReadonlyMap<string, Target>> {
    const fresh = new Map<string, Target>();
    const heirs = new Map<string, Target>();
    for (const [key, target] of active) {
      if (slice.isUp) await slice.next();
      if (!mustRenew && this.#loops.has(key)) continue;
      fresh.set(key, target);
      if (!mustRenew) heirs.set(target.seriesKey, target);
    }
    for (const [key, entry] of [...this.#loops]) {
      if (slice.isUp) await slice.next();
      if (this.#stopped) break;
      const same = mustRenew ? undefined : active.get(key);
      const target = same ?? heirs.get(entry.loop.target.seriesKey);
      if (target === undefined) this.#end(key, entry);
      else this.#goOn(key, entry, target);
      const next = target ?? fresh.get(key);
      if (next === undefined || next === same) continue;
      heirs.delete(next.seriesKey);
      fresh.delete(next.key);
      // In one go with the end of the old one: a tick between the two would be lost.
      if (target === undefined) this.#start(next);
    }
    return fresh;
  }

  /** A target that is gone. A scrape of it that is running comes to its end, and counts (Prometheus). */
  #end(key: string, { loop, ticks }: Entry): void {
    this.#loops.delete(key);
    this.#byLabels.remove(loop);
    this.#parts.schedule.remove(this.#planKey(key));
    this.#leaving.add(loop, ticks);
  }

  /** The loop stays, for this target; it is planned anew only where its ticks are others. */
  #goOn(key: string, entry: Entry, target: Target): void {
    const { loop } = entry;
    if (loop.target === target) return;
    loop.target = target;
    const ticks = this.#ticksOf(target);
    if (key === target.key && sameValue(ticks, entry.ticks)) return;
    this.#loops.delete(key);
    this.#parts.schedule.remove(this.#planKey(key));
    this.#plan({ loop, ticks });
  }

  #start(target: Target): void {
    const { clock, log, metrics, memory, next } = this.#parts;
    const loop = new TargetLoop(target, {
      clock,
      log,
      metrics,
      next,
      memory,
      client: () => this.#client,
      createSeries: (of) => this.#createSeries(of),
      onFailure: (failed, error) => this.#logFailure(failed, error),
    });
    this.#byLabels.add(loop);
    loop.refusal = this.#refusal;
    this.#plan({ loop, ticks: this.#ticksOf(target) });
  }

  #createSeries({ config, labels, url }: Target): TargetSeries {
    const { clock, texts: shared } = this.#parts;
    const relabel = this.#metricRelabel;
    return new TargetSeries({ config, labels, relabel, id: `${config.jobName} ${url}`, clock, shared });
  }

  #plan(entry: Entry): void {
    const { loop, ticks } = entry;
    const { key } = loop.target;
    this.#loops.set(key, entry);
    const { intervalMs, offsetMs } = ticks;
    this.#parts.schedule.add([
      { key: this.#planKey(key), phase: key, intervalMs, item: loop, ticks: { offsetMs } },
    ]);
  }

  #ticksOf(target: Target): Ticks {
    return { intervalMs: target.config.intervalMs, offsetMs: phaseOf(target, this.#seed) };
  }

  #planKey(key: string): string {
    return `${this.#job}\0${key}`;
  }

  /** With more targets than `target_limit` none of them is asked, and all are down. */
  #refuse(count: number): void {
    const { targetLimit } = this.#settings.config;
    const isOver = targetLimit > 0 && count > targetLimit;
    this.#refusal = isOver
      ? `target_limit exceeded (number of targets: ${count}, limit: ${targetLimit})`
      : undefined;
    for (const { loop } of this.#loops.values()) loop.refusal = this.#refusal;
  }

  #report(): void {
    const { metrics, log } = this.#parts;
    const { dropped, counts } = this.#dropped;
    const job = this.#job;
    metrics.syncFailures.with({ job }).inc(counts.invalid);
    if (counts.invalid === 0 || this.#throttle.pass('invalid') === undefined) return;
    const error = dropped.find(({ reason }) => reason === 'invalid')?.detail;
    log.warn({ job, count: counts.invalid, error }, 'Creating targets failed');
  }

  #logFailure({ url, config }: Target, error: string): void {
    const { failureLogs, log } = this.#parts;
    const line = { job: config.jobName, target: shownUrl(url), error };
    log.debug(line, 'Scrape failed');
    const { failureLogFile } = this.#settings.config;
    if (failureLogFile !== '') failureLogs.write(failureLogFile, line);
  }

  #declare(): void {
    const { targets } = this.#parts.metrics;
    for (const state of ['up', 'down', 'unknown'] as const)
      targets.read({ job: this.#job, state }, () => this.#countOf(state));
    for (const state of ['relabel', 'cluster', 'duplicate', 'invalid'] as const)
      targets.read({ job: this.#job, state }, () => this.#dropped.counts[state]);
  }

  #undeclare(): void {
    const { targets, syncFailures } = this.#parts.metrics;
    for (const state of ['up', 'down', 'unknown', 'relabel', 'cluster', 'duplicate', 'invalid'])
      targets.remove({ job: this.#job, state });
    syncFailures.remove({ job: this.#job });
  }

  #countOf(health: TargetStatus['health']): number {
    let count = 0;
    for (const { loop } of this.#loops.values()) if (loop.health === health) count++;
    return count;
  }
}
