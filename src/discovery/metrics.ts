import type { Cell, ErrorCode, Metrics } from '../lib/index.js';
import { countTargets, type Entry } from './entry.js';
import type { DiscoveryStatus } from './status.js';

type Kind = DiscoveryStatus['kind'];

/** Why a part of a reading failed, by the code of its error. */
const REASONS: Partial<Record<ErrorCode, string>> = {
  SEN_NET: 'network',
  SEN_TLS: 'tls',
  SEN_RESOLVE: 'resolve',
  SEN_LIMIT: 'limit',
  SEN_DISCOVERY: 'answer',
};

/** What all pollers of one kind count. */
export interface KindMetrics {
  refreshes: Cell;
  /** Time that they took, seconds. */
  seconds: Cell;
  failure(code: ErrorCode): Cell;
}

/** The counters of a kind. */
export function kindMetrics(metrics: Metrics, kind: Kind): KindMetrics {
  const counter = (name: string, help: string) => metrics.family('counter', name, help);
  const failures = counter(
    'sentinel_discovery_failures_total',
    'URLs, files and names that gave no good answer and keep their last targets, by reason.',
  );
  return {
    refreshes: counter(
      'sentinel_discovery_refreshes_total',
      'Times that entries asked for their targets.',
    ).with({ kind }),
    seconds: counter(
      'sentinel_discovery_refresh_seconds_total',
      'Time that entries took to ask for their targets.',
    ).with({
      kind,
    }),
    failure: (code) => failures.with({ kind, reason: REASONS[code] ?? 'other' }),
  };
}

/** Declares what is told of the entries of one owner. */
export function addOwnerMetrics(metrics: Metrics, owner: string, entries: readonly Entry[]): void {
  const targets = metrics.family('gauge', 'sentinel_discovery_targets', 'Targets that are discovered now.');
  const failing = metrics.family(
    'gauge',
    'sentinel_discovery_failing_entries',
    'Entries whose last answer was not good; they keep their last good targets.',
  );
  const success = metrics.family(
    'gauge',
    'sentinel_discovery_last_success_timestamp_seconds',
    'When the entry that is the oldest in this had its last good answer, seconds since 1970; 0 before the first.',
  );
  for (const kind of new Set(entries.map((entry) => entry.status().kind))) {
    const own = entries.filter((entry) => entry.status().kind === kind);
    const labels = { owner, kind };
    targets.read(labels, () => own.reduce((sum, { groups }) => sum + countTargets(groups), 0));
    if (kind === 'static') continue;
    failing.read(labels, () => own.filter((entry) => entry.status().lastError !== undefined).length);
    success.read(labels, () => Math.min(...own.map((entry) => entry.status().lastSuccessMs ?? 0)) / 1000);
  }
}

/** Forgets what was told of an owner. */
export function removeOwnerMetrics(metrics: Metrics, owner: string): void {
  for (const family of metrics.families()) {
    if (!family.name.startsWith('sentinel_discovery_')) continue;
    for (const { labels } of [...family.samples()]) if (labels.owner === owner) family.remove(labels);
  }
}
