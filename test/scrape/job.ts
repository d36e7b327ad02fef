import assert from 'node:assert/strict';
import type { ScrapeConfig } from '../../src/scrape/index.js';
import type { ManualClock } from '../manual-clock.js';
import { until } from '../until.js';
import { staticTargets } from './fake-discovery.js';
import { scrapeConfig } from './scrape-config.js';
import type { Scraping } from './scraping.js';

/** The scrape interval of `job`. */
export const INTERVAL_MS = 10_000;

/** A job with these static targets. */
export const job = (addresses: readonly string[], more: Partial<ScrapeConfig> = {}) =>
  scrapeConfig({
    intervalMs: INTERVAL_MS,
    timeoutMs: INTERVAL_MS,
    discovery: staticTargets(addresses),
    ...more,
  });

/** One interval passes, in which so many scrapes begin; settles when they have ended. */
export async function interval(
  scraping: Scraping,
  clock: ManualClock,
  scrapes: number,
  intervalMs = INTERVAL_MS,
): Promise<void> {
  const want = scraping.batches + scrapes;
  await clock.advance(intervalMs);
  await until(`${scrapes} scrapes`, () => scraping.batches >= want);
  assert.equal(scraping.batches, want);
}

/** Settles when so many targets are scraped. */
export const active = (scraping: Scraping, count: number) =>
  until(`${count} targets`, () => scraping.active().length === count);

/** Names of the series that were marked as ended, with the time. */
export const markers = (scraping: Scraping) =>
  scraping.samples
    .filter(({ value }) => value === undefined)
    .map(({ labels, timestampMs }) => ({ name: labels.__name__!, timestampMs }));
