import type { TargetGroup } from '../discovery/index.js';
import type { TimeSlice } from '../lib/index.js';
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

/** All discovered targets of a pool, sorted out. Stays as it is. */
export interface SortedTargets {
  /** Those that are scraped, by key. */
  active: ReadonlyMap<string, Target>;
  /** Those that are not; as many as are to be kept. */
  dropped: readonly DroppedTarget[];
  counts: Readonly<Record<DroppedTarget['reason'], number>>;
}

/** What the rules make of a target. Of one that is dropped and not told of the reason alone is kept: there may be a hundred for each one that is scraped. */
type Outcome = Target | DroppedTarget | DroppedTarget['reason'];

/** What the rules made of a group: of its very targets, with these labels. */
interface Judged {
  labels: TargetGroup['labels'];
  outcomes: Outcome[];
}

/** Sorts out the discovered targets of a pool by one set of rules. A group that was there the last time is not judged again. */
export class PoolTargets {
  readonly #rules: PoolRules;
  #judged: ReadonlyMap<TargetGroup['targets'], Judged> = new Map();

  constructor(rules: PoolRules) {
    this.#rules = rules;
  }

  /** All targets of these groups. Gives way to others between them: there may be many thousands. One call at a time. */
  async sort(groups: readonly TargetGroup[], slice: TimeSlice): Promise<SortedTargets> {
    const judged = new Map<TargetGroup['targets'], Judged>();
    const sorting = new Sorting(this.#rules.config.keepDroppedTargets);
    for (const group of groups) {
      const { targets, labels } = group;
      const before = this.#judged.get(targets);
      const outcomes = before?.labels === labels ? before.outcomes : [];
      judged.set(targets, { labels, outcomes });
      for (let i = 0; i < targets.length; i++) {
        if (slice.isUp) await slice.next();
        outcomes[i] = this.#outcome(group, i, { known: outcomes[i], isTold: sorting.hasRoom });
        sorting.add(outcomes[i]!);
      }
    }
    this.#judged = judged;
    return sorting;
  }

  /** `isTold`: were it dropped, it would be told of. */
  #outcome(group: TargetGroup, i: number, { known, isTold }: { known?: Outcome; isTold: boolean }): Outcome {
    if (known === undefined || (typeof known === 'string' && isTold)) return this.#judge(group, i, isTold);
    return typeof known === 'string' || isTold || !('reason' in known) ? known : known.reason;
  }

  #judge(group: TargetGroup, i: number, isTold: boolean): Outcome {
    const { config, relabel, cluster } = this.#rules;
    const discovered = discoveredLabels(config, group, group.targets[i]!);
    const drop = (reason: DroppedTarget['reason'], detail: () => string) =>
      isTold ? { discoveredLabels: discovered, reason, detail: detail() } : reason;
    const populated = populateTarget(config, relabel, discovered);
    if (populated.kind === 'dropped')
      return drop('relabel', () => relabel.explain(discovered).at(-1)?.rule ?? '');
    if (populated.kind === 'invalid') return drop('invalid', () => populated.error);
    if (isOurs(populated.target.key, cluster)) return populated.target;
    return drop('cluster', () => `member ${cluster.member} of ${cluster.members} does not scrape it`);
  }
}

class Sorting implements SortedTargets {
  readonly active = new Map<string, Target>();
  readonly dropped: DroppedTarget[] = [];
  readonly counts: Record<DroppedTarget['reason'], number> = {
    relabel: 0,
    cluster: 0,
    duplicate: 0,
    invalid: 0,
  };
  readonly #keepDropped: number;

  constructor(keepDropped: number) {
    this.#keepDropped = keepDropped;
  }

  /** Whether another dropped target is told of. */
  get hasRoom(): boolean {
    return this.#keepDropped === 0 || this.dropped.length < this.#keepDropped;
  }

  add(outcome: Outcome): void {
    if (typeof outcome === 'string') this.counts[outcome]++;
    else if ('reason' in outcome) this.#drop(outcome);
    else if (!this.active.has(outcome.key)) this.active.set(outcome.key, outcome);
    else this.#drop({ discoveredLabels: outcome.discoveredLabels, reason: 'duplicate', detail: '' });
  }

  #drop(target: DroppedTarget): void {
    this.counts[target.reason]++;
    if (this.hasRoom) this.dropped.push(target);
  }
}
