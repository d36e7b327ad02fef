import type { Batch, BatchTimes } from '../model/index.js';

/** When a scrape was. */
export interface ScrapeMoment {
  /** `finishedMs` is set anew when the batch is complete. */
  times: BatchTimes;
  /** Whole ms: what all samples without a time of their own, report series and markers are stamped with. */
  stampMs: number;
  /** The clock's `monotonic()` when the scrape began: `scrape_duration_seconds` counts from here. */
  beganMs: number;
}

/** The answer of a target, status 200. */
export interface ScrapedPage extends ScrapeMoment {
  /** Decompressed; not changed until `read` settles. */
  body: Buffer;
  contentType: string;
}

/** Why a scrape failed: the exchange, a malformed page, or a limit. */
export type ScrapeFailure = 'exchange' | 'page' | 'sample_limit' | 'label_limit' | 'bucket_limit';

/** What a scrape gave. Never a part of a page: with an error the batch has markers and report series alone. */
export interface ScrapeOutcome {
  batch: Batch;
  /** Empty = the target is up. */
  error: string;
  failure: ScrapeFailure | undefined;
  /** Samples on the page. */
  scraped: number;
  /** Those that metric relabelling left. */
  kept: number;
  /** Series that were not known before. */
  added: number;
  /** Samples that were left out although the scrape went well. */
  duplicates: number;
  outOfOrder: number;
  outOfBounds: number;
  /** Beyond `series_limit`. */
  overLimit: number;
}
