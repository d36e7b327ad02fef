import type { DiscoveryStatus } from './status.js';
import type { TargetGroup } from './target-group.js';

/** One entry of an owner's discoveries, of whatever kind. */
export interface Entry {
  /** The targets that it gives now: the same array until they change. */
  readonly groups: readonly TargetGroup[];
  /** How it is doing. */
  status(): DiscoveryStatus;
}

/** Number of targets in some groups. */
export function countTargets(groups: readonly TargetGroup[]): number {
  return groups.reduce((sum, { targets }) => sum + targets.length, 0);
}
