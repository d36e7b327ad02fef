export type {
  ClusterConfig,
  EscapingScheme,
  ScrapeConfig,
  ScrapeLimits,
  ScrapeProtocol,
} from './scrape-config.js';
export type { ScrapedPage, ScrapeFailure, ScrapeMoment, ScrapeOutcome } from './scraped-page.js';
export { type ScrapeSettings, Scrapes, type ScrapesParts, type TargetSource } from './scrapes.js';
export { SharedTexts } from './shared-texts.js';
export type { DroppedTarget, ExplainSubject, PoolStatus, TargetMetadata, TargetStatus } from './status.js';
export { discoveredLabels } from './target-labels.js';
export { TargetSeries, type TargetSeriesOptions } from './target-series.js';
