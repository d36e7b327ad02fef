import type { TestContext } from 'node:test';
import type { TargetGroup } from '../../src/discovery/index.js';
import { type Clock, type Logger, Metrics } from '../../src/lib/index.js';
import { type Batch, FLAG_STALE, type Labels, labelsToMap } from '../../src/model/index.js';
import { createHttpClient } from '../../src/net/index.js';
import { type ScrapeConfig, Scrapes, type TargetSource } from '../../src/scrape/index.js';
import { resolver } from './exporter.js';
import { FakeDiscovery } from './fake-discovery.js';

/** A sample that came out. */
export interface GivenSample {
  labels: Readonly<Record<string, string>>;
  /** `undefined` = a stale marker. */
  value: number | undefined;
  timestampMs: number;
  /** Number of its batch. */
  batch: number;
}

type OnGroups = (owner: string, groups: readonly TargetGroup[]) => void;
type CreateDiscoveries = (onGroups: OnGroups, parts: { log: Logger; metrics: Metrics }) => TargetSource;

const fakeDiscovery: CreateDiscoveries = (onGroups) => new FakeDiscovery(onGroups);

/** The scrape stage between a fake discovery and a list of samples. */
export class Scraping {
  readonly metrics = new Metrics();
  readonly samples: GivenSample[] = [];
  readonly logged: string[] = [];
  readonly scrapes: Scrapes;
  batches = 0;
  /** Of each batch: how late it began. */
  readonly lateMs: number[] = [];
  /** Whether samples are kept; only batches are counted else. */
  keeps = true;
  #onGroups: OnGroups | undefined;

  constructor(t: TestContext, clock: Clock, createDiscoveries: CreateDiscoveries = fakeDiscovery) {
    const line = (level: string) => (fields: object | string, message?: string) => {
      this.logged.push(`${level} ${message ?? fields}`);
    };
    const log: Logger = {
      debug: line('debug'),
      info: line('info'),
      warn: line('warn'),
      error: line('error'),
      child: () => log,
    };
    this.scrapes = new Scrapes({
      clock,
      log,
      metrics: this.metrics,
      createHttpClient: (options) => createHttpClient(options, resolver),
      createDiscoveries: (onGroups) => {
        this.#onGroups = onGroups;
        return createDiscoveries(onGroups, { log, metrics: this.metrics });
      },
      next: (batch) => this.#take(batch),
    });
    t.after(() => this.scrapes.stop());
  }

  apply(
    configs: readonly ScrapeConfig[],
    more: { externalLabels?: Readonly<Record<string, string>>; members?: number } = {},
  ): Promise<void> {
    const cluster = { members: more.members ?? 1, member: 0, replicationFactor: 1 };
    return this.scrapes.apply({ configs, cluster, externalLabels: more.externalLabels ?? {} });
  }

  /** Discovery finds these addresses for a job. */
  discover(job: string, addresses: readonly string[], labels: Readonly<Record<string, string>> = {}): void {
    const targets = addresses.map((address) => ({ __address__: address }));
    this.#onGroups!(`scrape/${job}`, [{ source: '0', targets, labels }]);
  }

  /** Samples of a metric. */
  of(name: string): GivenSample[] {
    return this.samples.filter(({ labels }) => labels.__name__ === name);
  }

  /** Value of a metric of the stage. */
  count(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return this.metrics
      .families()
      .filter((family) => family.name === `sentinel_scrape_${name}`)
      .flatMap((family) => [...family.samples()])
      .filter((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value))
      .reduce((sum, { value }) => sum + value, 0);
  }

  /** The targets that are scraped, over all jobs. */
  active() {
    return this.scrapes.pools().flatMap((pool) => pool.active().map((target) => target.status()));
  }

  #take(batch: Batch): 'taken' {
    this.batches++;
    this.lateMs.push(batch.times.startedMs - batch.times.plannedMs);
    if (this.keeps) for (let i = 0; i < batch.length; i++) this.samples.push(this.#sample(batch, i));
    return 'taken';
  }

  #sample(batch: Batch, i: number): GivenSample {
    const labels: Labels = batch.table.labels(batch.refs[i]!);
    const isStale = (batch.flags[i]! & FLAG_STALE) !== 0;
    return {
      labels: labelsToMap(labels),
      value: isStale ? undefined : batch.values[i]!,
      timestampMs: batch.timestamps[i]!,
      batch: this.batches,
    };
  }
}
