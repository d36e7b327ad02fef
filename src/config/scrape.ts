import { field, formatDuration } from '../lib/index.js';
import type { ScrapeConfig } from '../scrape/index.js';
import { type ScrapeKeys, scrapeConfigOf, timesOf } from '../scrape/schema.js';
import type { Report } from './report.js';
import type { Readable } from './salvage.js';

/** Compiles the jobs; relative paths start at `directory`. */
export function compileScrape(
  keys: Pick<Readable, 'global' | 'scrape_configs'>,
  directory: string,
  report: Report,
): ScrapeConfig[] {
  return keys.scrape_configs.flatMap((entry, i) => {
    const path = ['scrape_configs', i];
    const { intervalMs, timeoutMs } = timesOf(
      { scrape_interval: entry.scrape_interval, scrape_timeout: entry.scrape_timeout },
      keys.global,
    );
    if (timeoutMs > intervalMs)
      report.add(
        [...path, 'scrape_timeout'],
        `scrape_timeout (${formatDuration(timeoutMs)}) is longer than scrape_interval (${formatDuration(intervalMs)})`,
      );
    report.addIssues(path, field.readSecretFiles(entry, directory));
    return report.clean ? [scrapeConfigOf(entry as ScrapeKeys, { global: keys.global, directory })] : [];
  });
}
