import type { Metrics } from '../lib/index.js';

/** What the scrape stage counts. */
export function scrapeMetrics(metrics: Metrics) {
  const counter = (name: string, help: string) => metrics.counter(`sentinel_scrape_${name}`, help);
  const family = (name: string, help: string) => metrics.family('counter', `sentinel_scrape_${name}`, help);
  const scrapes = family(
    'scrapes_total',
    'Scrapes by result: ok, or why the target is down. The limits are body_size, max_scrape_size, sample_limit, label_limit, bucket_limit, target_limit.',
  );
  return {
    scrapes,
    /** The usual result. */
    ok: scrapes.with({ result: 'ok' }),
    aborted: counter(
      'aborted_total',
      'Scrapes that were cut short by a stop, a reload or the end of their target; they give no sample.',
    ),
    skipped: counter(
      'skipped_total',
      'Ticks without a scrape because the one before went on beyond the next tick too.',
    ),
    missed: family(
      'missed_total',
      'Ticks that passed without a scrape, by reason: late (the agent was held up), clock (set forward).',
    ),
    lag: metrics.gauge('sentinel_scrape_lag_seconds', 'How late the last scrape started after its tick.'),
    bytes: counter('bytes_total', 'Bytes of pages, decompressed.'),
    scraped: counter('scraped_samples_total', 'Samples on pages.'),
    leftOut: family(
      'left_out_samples_total',
      'Samples on pages that scrapes did not give, by reason: relabel, duplicate, out_of_order, out_of_bounds, series_limit; failed (their page was refused as a whole).',
    ),
    samplesIn: counter(
      'samples_in_total',
      'Samples that scrapes gave, report series and stale markers included.',
    ),
    samplesOut: counter('samples_out_total', 'Samples that the next stage took.'),
    samplesDropped: family('samples_dropped_total', 'Samples that did not go on, by reason.'),
    targets: metrics.family(
      'gauge',
      'sentinel_scrape_targets',
      'Targets of a job, by state: up, down, unknown (not scraped yet); and those not scraped: relabel, cluster, duplicate, invalid.',
    ),
    syncFailures: family('sync_failed_total', 'Discovered targets that were invalid, by job.'),
    logDropped: counter('failure_log_lines_dropped_total', 'Lines that no scrape_failure_log_file took.'),
  };
}

/** See `scrapeMetrics`. */
export type ScrapeMetrics = ReturnType<typeof scrapeMetrics>;
