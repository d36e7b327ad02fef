import type { DiscoveryStatus } from '../discovery/index.js';
import { shownUrl } from '../lib/index.js';
import type { ActiveTarget, PoolStatus, TargetStatus } from '../scrape/index.js';
import { shownLabels } from './shown.js';
import { timeJson } from './tasks.js';

/** Targets of a job that are down and told of one by one; `/api/v1/targets?health=down` has all of them. */
const MAX_DOWN = 20;

/** The scraped targets by health. */
export function healthCounts(active: readonly ActiveTarget[]): Record<TargetStatus['health'], number> {
  const counts = { up: 0, down: 0, unknown: 0 };
  for (const { health } of active) counts[health]++;
  return counts;
}

/** A job as `/api/v1/jobs` shows it: snake_case, times as RFC 3339. */
export function jobJson({ job, active: targets, droppedCount, droppedCounts, discovery }: PoolStatus) {
  const active = targets();
  const down = active.filter(({ health }) => health === 'down').slice(0, MAX_DOWN);
  return {
    job,
    ...healthCounts(active),
    dropped: droppedCount,
    dropped_by_reason: droppedCounts,
    down_targets: down.map((target) => downJson(target.status())),
    discovery: discovery().map(discoveryJson),
  };
}

function downJson({ url, labels, lastError, lastScrapeMs }: TargetStatus) {
  return {
    url: shownUrl(url),
    labels: shownLabels(labels),
    last_error: lastError,
    last_scrape: timeJson(lastScrapeMs),
  };
}

function discoveryJson({ kind, what, targets, lastSuccessMs, lastError }: DiscoveryStatus) {
  return { kind, what, targets, last_success: timeJson(lastSuccessMs), last_error: lastError ?? null };
}

/** A job in an answer. */
export type JobJson = ReturnType<typeof jobJson>;
