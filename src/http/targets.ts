import { hostname } from 'node:os';
import { formatDuration, shownUrl, tryParseDuration } from '../lib/index.js';
import { labelValue } from '../model/index.js';
import type { DroppedTarget, PoolStatus, TargetStatus } from '../scrape/index.js';
import { shownDiscovered, shownLabels } from './shown.js';
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

/** The active targets that the filter lets through, in the order of their jobs. Secrets are not searched. */
export function filterTargets(
  pools: readonly PoolStatus[],
  { job, health, q }: TargetFilter,
): TargetStatus[] {
  const part = q.toLowerCase();
  const fits = (target: TargetStatus) => {
    if (health !== '' && target.health !== health) return false;
    if (part === '') return true;
    const texts = [...Object.values(shownLabels(target.labels)), shownUrl(target.url), target.lastError];
    return texts.some((text) => text.toLowerCase().includes(part));
  };
  return pools.filter((pool) => job === '' || pool.job === job).flatMap(({ active }) => active.filter(fits));
}

/**
 * What `/api/v1/targets` shows, in Prometheus's shape; samples, series and the reasons of dropped ones beside. As there, `state` is any when it is empty, a state that there is not
 * finds nothing, and the counts are those of all jobs. Those that are dropped here are more than those of relabelling.
 */
export function targetsJson(pools: readonly PoolStatus[], query: URLSearchParams) {
  const filter = readTargetFilter(query);
  const state = (query.get('state') ?? '').toLowerCase();
  const wants = (one: string) => ['', 'any', one].includes(state);
  const asked = pools.filter(({ job }) => filter.job === '' || filter.job === job);
  return {
    activeTargets: wants('active') ? filterTargets(asked, filter).map(targetJson) : [],
    droppedTargets: wants('dropped')
      ? asked.flatMap(({ job, dropped }) => dropped.map((target) => droppedJson(job, target)))
      : [],
    droppedTargetCounts: wants('dropped')
      ? Object.fromEntries(pools.map(({ job, droppedCount }) => [job, droppedCount]))
      : null,
  };
}

function targetJson(target: TargetStatus) {
  const url = shownUrl(target.url);
  return {
    discoveredLabels: shownDiscovered(target.discoveredLabels),
    labels: shownLabels(target.labels),
    scrapePool: target.pool,
    scrapeUrl: url,
    globalUrl: globalUrl(url),
    lastError: target.lastError,
    lastScrape: timeJson(target.lastScrapeMs) ?? NEVER,
    lastScrapeDuration: target.lastDurationMs / 1000,
    health: target.health,
    scrapeInterval: durationText(target, '__scrape_interval__', target.intervalMs),
    scrapeTimeout: durationText(target, '__scrape_timeout__', target.timeoutMs),
    samples: target.lastSamples,
    series: target.series,
  };
}

/** A duration as it is written, which Prometheus shows; only a rule may have made another one of it. */
function durationText({ discoveredLabels }: TargetStatus, label: string, ms: number): string {
  const written = labelValue(discoveredLabels, label);
  return tryParseDuration(written) === ms ? written : formatDuration(ms);
}

/** The URL as other hosts may reach it: with this host's name in place of loopback (Prometheus, getGlobalURL). */
function globalUrl(url: string): string {
  return url.replace(
    /^([^:]+:\/\/)(?:127\.0\.0\.1|localhost|\[::1\])(?=:\d)/,
    (_, scheme: string) => `${scheme}${hostname()}`,
  );
}

function droppedJson(scrapePool: string, { discoveredLabels, reason, detail }: DroppedTarget) {
  return { discoveredLabels: shownDiscovered(discoveredLabels), scrapePool, reason, detail };
}
