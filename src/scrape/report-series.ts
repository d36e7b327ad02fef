import { compareBytes, type Labels } from '../model/index.js';
import type { ScrapeConfig } from './scrape-config.js';

/** What is reported about a scrape beside its samples. */
export interface ScrapeReport {
  isUp: boolean;
  durationSeconds: number;
  /** Samples on the page. */
  scraped: number;
  /** Those that relabelling left. */
  kept: number;
  /** Series that were not known before. */
  added: number;
  /** Bytes of the body, decompressed; -1 when it was too large, 0 after another failure of the exchange. */
  bodyBytes: number;
  /** Series of the last 24 hours that count against `series_limit`. */
  currentSeries: number;
  /** Samples dropped by it. */
  overLimit: number;
}

/** One report series: its name, what it says, and whether the configuration asks for it. */
interface Reported {
  name: string;
  value: (report: ScrapeReport, config: ScrapeConfig) => number;
  isWanted: (config: ScrapeConfig) => boolean;
}

const always = () => true;
const withExtra = (config: ScrapeConfig) => config.extraMetrics;
const withSeriesLimit = (config: ScrapeConfig) => config.limits.series > 0;

/** All of them, in the order in which they are sent: those of Prometheus, its extra ones, and vmagent's for `series_limit`. Their index is their ref. */
export const REPORTED: readonly Reported[] = [
  { name: 'up', value: (r) => (r.isUp ? 1 : 0), isWanted: always },
  { name: 'scrape_duration_seconds', value: (r) => r.durationSeconds, isWanted: always },
  { name: 'scrape_samples_scraped', value: (r) => r.scraped, isWanted: always },
  { name: 'scrape_samples_post_metric_relabeling', value: (r) => r.kept, isWanted: always },
  { name: 'scrape_series_added', value: (r) => r.added, isWanted: always },
  { name: 'scrape_timeout_seconds', value: (_, c) => c.timeoutMs / 1000, isWanted: withExtra },
  { name: 'scrape_sample_limit', value: (_, c) => c.limits.samples, isWanted: withExtra },
  { name: 'scrape_body_size_bytes', value: (r) => r.bodyBytes, isWanted: withExtra },
  { name: 'scrape_series_limit', value: (_, c) => c.limits.series, isWanted: withSeriesLimit },
  { name: 'scrape_series_current', value: (r) => r.currentSeries, isWanted: withSeriesLimit },
  { name: 'scrape_series_limit_samples_dropped', value: (r) => r.overLimit, isWanted: withSeriesLimit },
];

/**
 * Labels of a report series. Prometheus clears `exported_<l>` before it sets `l`, label by label: a target label `exported_x` that sorts before `x` is lost
 * here, one behind it stays.
 */
export function reportLabels(name: string, target: Labels): Labels {
  const labels = new Map([['__name__', name]]);
  for (let i = 0; i < target.length; i += 2) {
    labels.delete(`exported_${target[i]}`);
    labels.set(target[i]!, target[i + 1]!);
  }
  return [...labels].sort(([a], [b]) => compareBytes(a, b)).flat();
}
