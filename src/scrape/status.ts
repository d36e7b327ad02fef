import type { DiscoveryStatus } from '../discovery/index.js';
import type { Labels, MetricMetadata } from '../model/index.js';
import type { RelabelRule } from '../relabel/index.js';

/** A target that is scraped, as people and the API see it. */
export interface TargetStatus {
  /** The job. */
  pool: string;
  labels: Labels;
  /** Before relabelling. */
  discoveredLabels: Labels;
  /** As asked for. Its parameters are no secrets: they stand among the labels too, as `__param_<name>`. */
  url: string;
  health: 'unknown' | 'up' | 'down';
  /** Empty when the last scrape went well. */
  lastError: string;
  /** Start of the last scrape, wall clock ms; `undefined` before the first one. */
  lastScrapeMs: number | undefined;
  lastDurationMs: number;
  /** Samples on the last page. */
  lastSamples: number;
  /** Series that it gives now. */
  series: number;
  intervalMs: number;
  timeoutMs: number;
}

/** A target that is not scraped, and why. */
export interface DroppedTarget {
  discoveredLabels: Labels;
  /** relabel: a rule dropped it; cluster: another member scrapes it; duplicate: it is there already; invalid: see `detail`. */
  reason: 'relabel' | 'cluster' | 'duplicate' | 'invalid';
  /** The error of an invalid one; the rule that dropped it. */
  detail: string;
}

/** A target that is scraped, as it is whenever it is asked: with ten thousand of them the rest of a status is made for those that are told of. */
export interface ActiveTarget {
  readonly health: TargetStatus['health'];
  status(): TargetStatus;
}

/** The targets of one job. */
export interface PoolStatus {
  job: string;
  /** Those that are scraped now, in a list that stays as it is. */
  active(): readonly ActiveTarget[];
  /** At most `keep_dropped_targets` of them. */
  dropped: readonly DroppedTarget[];
  droppedCount: number;
  /** The same by reason; Prometheus counts those of `relabel` alone. */
  droppedCounts: Readonly<Record<DroppedTarget['reason'], number>>;
  discovery(): readonly DiscoveryStatus[];
  /** Its `relabel_configs`, those of `global` before them. */
  relabel: readonly RelabelRule[];
}

/** The metadata of one target. */
export interface TargetMetadata {
  target: Labels;
  families: readonly MetricMetadata[];
}

/** What the rules of a job are asked about: the labels of a target, which gets what its job says of it (`job`, `__scheme__` and so on); all labels of a discovered one; or those of a series, its target's among them. */
export type ExplainSubject = 'target' | 'discovered' | 'metric';
