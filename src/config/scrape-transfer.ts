import type { DiscoveryConfig, TargetGroup } from '../discovery/index.js';
import type { ScrapeConfig } from '../scrape/index.js';

/** What a message may hold, counted in targets and groups; a job counts as so many. */
const PORTION = 500;
const JOB = 50;

/** Jobs taken apart: `targets` come before the job that they belong to, which is then the last one of its message. */
export type ScrapeMessage =
  | { kind: 'targets'; groups: readonly TargetGroup[] }
  | { kind: 'scrape'; configs: readonly ScrapeConfig[] };

/**
 * Takes jobs apart so that no message is long: 10,000 targets of one job, or 1,000 jobs, must not hold the loop of who unpacks them. Nor is one short for nothing: a message for
 * each of 10,000 groups would cost more than what is in them.
 */
export function* scrapeMessages(scrape: readonly ScrapeConfig[]): Generator<ScrapeMessage> {
  let configs: ScrapeConfig[] = [];
  let weight = 0;
  for (const config of scrape) {
    const groups = groupsOf(config);
    const own = groups.reduce((sum, group) => sum + weightOf(group), 0);
    weight += JOB + own;
    if (own > PORTION) yield* targetMessages(groups);
    configs.push(own > PORTION ? withGroups(config, []) : config);
    if (weight < PORTION) continue;
    yield { kind: 'scrape', configs };
    [configs, weight] = [[], 0];
  }
  if (configs.length > 0) yield { kind: 'scrape', configs };
}

function* targetMessages(all: readonly TargetGroup[]): Generator<ScrapeMessage> {
  let groups: TargetGroup[] = [];
  let weight = 0;
  for (const group of all)
    for (const part of partsOf(group)) {
      if (weight + weightOf(part) > PORTION && groups.length > 0) {
        yield { kind: 'targets', groups };
        [groups, weight] = [[], 0];
      }
      groups.push(part);
      weight += weightOf(part);
    }
  if (groups.length > 0) yield { kind: 'targets', groups };
}

function* partsOf(group: TargetGroup): Generator<TargetGroup> {
  for (let i = 0; i < Math.max(group.targets.length, 1); i += PORTION)
    yield { ...group, targets: group.targets.slice(i, i + PORTION) };
}

const weightOf = ({ targets }: TargetGroup) => 1 + targets.length;

/** Puts jobs together again. */
export class ScrapeAssembler {
  readonly configs: ScrapeConfig[] = [];
  #groups: TargetGroup[] = [];

  /** Takes the next message. */
  take(message: ScrapeMessage): void {
    if (message.kind === 'targets') for (const group of message.groups) this.#addGroup(group);
    else this.#addConfigs(message.configs);
  }

  #addGroup(group: TargetGroup): void {
    const last = this.#groups.at(-1);
    if (last === undefined || last.source !== group.source) this.#groups.push(group);
    else this.#groups[this.#groups.length - 1] = { ...last, targets: last.targets.concat(group.targets) };
  }

  #addConfigs(configs: readonly ScrapeConfig[]): void {
    this.configs.push(...configs);
    const last = this.configs.at(-1);
    if (last === undefined || this.#groups.length === 0) return;
    this.configs[this.configs.length - 1] = withGroups(last, this.#groups);
    this.#groups = [];
  }
}

function groupsOf({ discovery }: ScrapeConfig): readonly TargetGroup[] {
  return discovery.flatMap((one) => (one.kind === 'static' ? one.groups : []));
}

/** The same job with other static groups; all that it has are one entry of its discoveries. */
function withGroups(config: ScrapeConfig, groups: readonly TargetGroup[]): ScrapeConfig {
  const discovery = config.discovery.map(
    (one): DiscoveryConfig => (one.kind === 'static' ? { ...one, groups } : one),
  );
  return { ...config, discovery };
}
