import { hostname } from 'node:os';
import { formatDuration, shownUrl, tryParseDuration } from '../lib/index.js';
import { labelValue } from '../model/index.js';
import type { ActiveTarget, PoolStatus, TargetStatus } from '../scrape/index.js';
import { jsonList, lazily, type Pieces } from './pieces.js';
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

/** Those of the targets that the filter lets through, whatever their job; `undefined` in the place of each other one. Secrets are not searched. */
export function* matchingTargets(
  active: Iterable<ActiveTarget>,
  { health, q }: TargetFilter,
): Generator<ActiveTarget | undefined> {
  const part = q.toLowerCase();
  for (const target of active) {
    const fits = (health === '' || target.health === health) && (part === '' || says(target.status(), part));
    yield fits ? target : undefined;
  }
}

function says({ labels, url, lastError }: TargetStatus, part: string): boolean {
  const texts = [...Object.values(shownLabels(labels)), shownUrl(url), lastError];
  return texts.some((text) => text.toLowerCase().includes(part));
}

/** The jobs that the filter asks for. */
export function askedPools<T extends { job: string }>(
  pools: readonly T[],
  { job }: TargetFilter,
): readonly T[] {
  return pools.filter((pool) => job === '' || pool.job === job);
}

/**
 * What `/api/v1/targets` shows, in Prometheus's shape; samples, series and the reasons of dropped ones beside. As there, `state` is any when it is empty, a state that there is not
 * finds nothing, and the counts are those of all jobs. Those that are dropped here are more than those of relabelling. The targets are those of one moment, as in Prometheus, and
 * each is told of as it is when its turn comes.
 */
export function targetsJson(pools: readonly PoolStatus[], query: URLSearchParams): Pieces {
  const filter = readTargetFilter(query);
  const state = (query.get('state') ?? '').toLowerCase();
  const wants = (one: string) => ['', 'any', one].includes(state);
  const asked = askedPools(pools, filter);
  const active = wants('active') ? asked.flatMap((pool) => pool.active()) : [];
  const counts = Object.fromEntries(pools.map(({ job, droppedCount }) => [job, droppedCount]));
  return targetsPieces({
    active: lazily(matchingTargets(active, filter), (target) => target && targetJson(target.status())),
    dropped: wants('dropped') ? droppedOf(asked) : [],
    counts: wants('dropped') ? counts : null,
  });
}

interface TargetsParts {
  active: Iterable<object | undefined>;
  dropped: Iterable<object>;
  counts: Readonly<Record<string, number>> | null;
}

function* targetsPieces({ active, dropped, counts }: TargetsParts): Generator<string> {
  yield '{"activeTargets":';
  yield* jsonList(active);
  yield ',"droppedTargets":';
  yield* jsonList(dropped);
  yield `,"droppedTargetCounts":${JSON.stringify(counts)}}`;
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

function* droppedOf(pools: readonly PoolStatus[]): Generator<object> {
  for (const { job: scrapePool, dropped } of pools)
    for (const { discoveredLabels, reason, detail } of dropped)
      yield { discoveredLabels: shownDiscovered(discoveredLabels), scrapePool, reason, detail };
}
