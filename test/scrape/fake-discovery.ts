import type { DiscoveryConfig, DiscoveryStatus, TargetGroup } from '../../src/discovery/index.js';
import type { TargetSource } from '../../src/scrape/index.js';

type OnGroups = (owner: string, groups: readonly TargetGroup[]) => void;

/** The discovery stage as scraping sees it: static groups come from the configuration, others when the test says so. */
export class FakeDiscovery implements TargetSource {
  readonly #onGroups: OnGroups;
  #owners: ReadonlyMap<string, readonly DiscoveryConfig[]> = new Map();

  constructor(onGroups: OnGroups) {
    this.#onGroups = onGroups;
  }

  apply(owners: ReadonlyMap<string, readonly DiscoveryConfig[]>): void {
    this.#owners = owners;
    for (const [owner, configs] of owners) {
      const groups = configs.flatMap((config) => (config.kind === 'static' ? config.groups : []));
      this.#onGroups(owner, groups);
    }
  }

  statuses(owner: string): readonly DiscoveryStatus[] {
    return (this.#owners.get(owner) ?? []).map(({ kind }) => ({
      kind,
      what: kind,
      targets: 0,
      lastSuccessMs: undefined,
      lastError: undefined,
    }));
  }

  stop(): void {
    this.#owners = new Map();
  }
}

/** Static targets, all in one group. */
export function staticTargets(
  addresses: readonly string[],
  labels: Readonly<Record<string, string>> = {},
): DiscoveryConfig[] {
  const targets = addresses.map((address) => ({ __address__: address }));
  return [{ kind: 'static', groups: [{ source: '0', targets, labels }] }];
}
