import { formatDuration, isSensitive, redactUrl, shownUrl } from '../lib/index.js';
import { type Labels, labelsToMap } from '../model/index.js';
import { parseSelector } from '../relabel/index.js';
import type { DroppedTarget, PoolStatus, TargetMetadata, TargetStatus } from '../scrape/index.js';
import { timeJson } from './tasks.js';

/** Prometheus's time of a target that was never scraped (Go's zero time). */
const NEVER = '0001-01-01T00:00:00Z';

/** Which targets are asked for: `?scrapePool=node&health=down&q=core`. */
export interface TargetFilter {
  /** A job, or empty for all. */
  job: string;
  /** up, down or unknown, or empty for all. */
  health: string;
  /** Part of a label's value, the URL or the error, in any case; or empty. */
  q: string;
}

/** Reads the filter of a query string; a job or a health that there is not finds nothing. */
export function readTargetFilter(query: URLSearchParams): TargetFilter {
  return {
    job: query.get('scrapePool') ?? '',
    health: query.get('health') ?? '',
    q: (query.get('q') ?? '').trim(),
  };
}

/** The active targets that the filter lets through, in the order of their jobs. */
export function filterTargets(
  pools: readonly PoolStatus[],
  { job, health, q }: TargetFilter,
): TargetStatus[] {
  const part = q.toLowerCase();
  const fits = (target: TargetStatus) => {
    if (health !== '' && target.health !== health) return false;
    if (part === '') return true;
    const values = target.labels.filter((_, i) => i % 2 === 1);
    return [...values, shownUrl(target.url), target.lastError].some((text) =>
      text.toLowerCase().includes(part),
    );
  };
  return pools.filter((pool) => job === '' || pool.job === job).flatMap(({ active }) => active.filter(fits));
}

/** What `/api/v1/targets` shows, in Prometheus's shape; samples, series and the reasons of dropped ones beside. `?state=active|dropped|any&scrapePool=`. */
export function targetsJson(pools: readonly PoolStatus[], query: URLSearchParams) {
  const state = (query.get('state') ?? 'any').toLowerCase();
  const asked = pools.filter(({ job }) => (query.get('scrapePool') ?? job) === job);
  const wants = (one: string) => state !== (one === 'active' ? 'dropped' : 'active');
  return {
    activeTargets: wants('active') ? filterTargets(asked, readTargetFilter(query)).map(targetJson) : [],
    droppedTargets: wants('dropped')
      ? asked.flatMap(({ job, dropped }) => dropped.map((target) => droppedJson(job, target)))
      : [],
    droppedTargetCounts: wants('dropped')
      ? Object.fromEntries(asked.map(({ job, droppedCount }) => [job, droppedCount]))
      : null,
  };
}

function targetJson(target: TargetStatus) {
  const url = shownUrl(target.url);
  return {
    discoveredLabels: shownLabels(target.discoveredLabels),
    labels: labelsToMap(target.labels),
    scrapePool: target.pool,
    scrapeUrl: url,
    globalUrl: url,
    lastError: target.lastError,
    lastScrape: timeJson(target.lastScrapeMs) ?? NEVER,
    lastScrapeDuration: target.lastDurationMs / 1000,
    health: target.health,
    scrapeInterval: formatDuration(target.intervalMs),
    scrapeTimeout: formatDuration(target.timeoutMs),
    samples: target.lastSamples,
    series: target.series,
  };
}

function droppedJson(scrapePool: string, { discoveredLabels, reason, detail }: DroppedTarget) {
  return { discoveredLabels: shownLabels(discoveredLabels), scrapePool, reason, detail };
}

/** What `/api/v1/targets/metadata` shows: `?match_target={job="x"}&metric=name&limit=n`. Throws SEN_CONFIG_INVALID for a selector that is none. */
export function metadataJson(targets: readonly TargetMetadata[], query: URLSearchParams) {
  const match = query.get('match_target') ?? '';
  const selector = match === '' ? undefined : parseSelector(match);
  const metric = query.get('metric') ?? '';
  const limit = Number(query.get('limit') ?? 0) || Infinity;
  const found = [];
  for (const { target, families } of targets) {
    if (selector !== undefined && !selector.matches(target)) continue;
    for (const { family, type, help, unit } of families) {
      if (metric !== '' && family !== metric) continue;
      if (found.length >= limit) return found;
      // Prometheus leaves out the name that was asked for.
      found.push({ target: labelsToMap(target), ...(metric === '' && { metric: family }), type, help, unit });
    }
  }
  return found;
}

/** Labels for people. A URL among them, such as `__meta_url`, may hold a password or a token. */
export function shownLabels(labels: Labels): Record<string, string> {
  const map = labelsToMap(labels);
  for (const name of Object.keys(map))
    if (isSensitive(name)) map[name] = '<secret>';
    else if (map[name]!.includes('://')) map[name] = redactUrl(map[name]!);
  return map;
}
