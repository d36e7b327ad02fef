import { sameValue } from '../lib/index.js';
import type { ScrapeConfig, ScrapeLimits } from './scrape-config.js';

/**
 * What may change while the series of a target go on. The parts that make targets are among them: another target has another key. So Prometheus's rule (interval,
 * timeout, sample_limit, HTTP client) is widened to what no series depends on.
 */
const FREE: ReadonlySet<string> = new Set<keyof ScrapeConfig>([
  'intervalMs',
  'timeoutMs',
  'alignIntervalMs',
  'offsetMs',
  'scheme',
  'metricsPath',
  'params',
  'http',
  'compression',
  'targetLimit',
  'keepDroppedTargets',
  'failureLogFile',
  'discovery',
  'relabel',
  'nativeHistograms',
  'alwaysScrapeClassicHistograms',
  'convertClassicHistograms',
]);

/** Limits of a page as a whole; those of a series were judged when it was new. */
const FREE_LIMITS: Partial<ScrapeLimits> = { samples: 0, bodySizeBytes: 0, maxScrapeBytes: 0, series: 0 };

/** Whether targets that stay can go on with their series under another configuration of their job. */
export function keepsSeries(before: ScrapeConfig, next: ScrapeConfig): boolean {
  const [a, b] = [before, next].map((config) => ({
    ...config,
    limits: { ...config.limits, ...FREE_LIMITS },
  }));
  const keys = Object.keys({ ...a, ...b }) as (keyof ScrapeConfig)[];
  return keys.every((key) => FREE.has(key) || sameValue(a![key], b![key]));
}
