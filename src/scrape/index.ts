export { schemesOf, scrapeConfigOf, timesOf } from './compile.js';
export type { ClusterConfig, ScrapeConfig } from './scrape-config.js';
export type { ScrapeOutcome } from './scraped-page.js';
export { type ScrapeSettings, Scrapes, type TargetSource } from './scrapes.js';
export { SharedTexts } from './shared-texts.js';
export type {
  ActiveTarget,
  DroppedTarget,
  ExplainSubject,
  PoolStatus,
  TargetMetadata,
  TargetStatus,
} from './status.js';
export { discoveredLabels } from './target-labels.js';
export { TargetSeries } from './target-series.js';
