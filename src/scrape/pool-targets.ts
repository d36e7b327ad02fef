import type { TargetGroup } from '../discovery/index.js';
import type { TimeSlice } from '../lib/index.js';
import type { Labels } from '../model/index.js';
import type { Relabeller } from '../relabel/index.js';
import { isOurs } from './cluster.js';
import type { ClusterConfig, ScrapeConfig } from './scrape-config.js';
import type { DroppedTarget } from './status.js';
import { populateTarget, type Target } from './target.js';
import { discoveredLabels } from './target-labels.js';

/** What decides which discovered targets are scraped. */
export interface PoolRules {
  config: ScrapeConfig;
  relabel: Relabeller;
  cluster: ClusterConfig;
}

/** All discovered targets of a pool, sorted out. */
export class PoolTargets {
  /** Those that are scraped, by key. */
  readonly active = new Map<string, Target>();
  /** Those that are not; as many as are to be kept. */
  readonly dropped: DroppedTarget[] = [];
  readonly counts: Record<DroppedTarget['reason'], number> = {
    relabel: 0,
    cluster: 0,
    duplicate: 0,
    invalid: 0,
  };
  readonly #rules: PoolRules;

  private constructor(rules: PoolRules) {
    this.#rules = rules;
  }

  /** Gives way to others between targets: there may be many thousands. */
  static async of(rules: PoolRules, groups: readonly TargetGroup[], slice: TimeSlice): Promise<PoolTargets> {
    const targets = new PoolTargets(rules);
    for (const group of groups) {
      for (const target of group.targets) {
        if (slice.isUp) await slice.next();
        targets.#take(discoveredLabels(rules.config, group, target));
      }
    }
    return targets;
  }

  #take(discovered: Labels): void {
    const { config, relabel, cluster } = this.#rules;
    const populated = populateTarget(config, relabel, discovered);
    if (populated.kind === 'dropped')
      this.#drop(discovered, 'relabel', () => relabel.explain(discovered).at(-1)?.rule ?? '');
    else if (populated.kind === 'invalid') this.#drop(discovered, 'invalid', () => populated.error);
    else if (this.active.has(populated.target.key)) this.#drop(discovered, 'duplicate', () => '');
    else if (!isOurs(populated.target.key, cluster))
      this.#drop(
        discovered,
        'cluster',
        () => `member ${cluster.member} of ${cluster.members} does not scrape it`,
      );
    else this.active.set(populated.target.key, populated.target);
  }

  #drop(discovered: Labels, reason: DroppedTarget['reason'], detail: () => string): void {
    this.counts[reason]++;
    const { keepDroppedTargets: kept } = this.#rules.config;
    if (kept > 0 && this.dropped.length >= kept) return;
    this.dropped.push({ discoveredLabels: discovered, reason, detail: detail() });
  }
}
