import type { Clock } from '../lib/index.js';
import type { StaticDiscovery } from './discovery-config.js';
import { countTargets, type Entry } from './entry.js';

/** Targets that stand in the configuration: nothing is asked, and they are always good. */
export function createStaticEntry({ groups }: StaticDiscovery, clock: Clock): Entry {
  return {
    groups,
    status: () => ({
      kind: 'static',
      what: 'static_configs',
      targets: countTargets(groups),
      lastSuccessMs: clock.now(),
      lastError: undefined,
    }),
  };
}
