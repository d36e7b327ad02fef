export type {
  ClusterConfig,
  EscapingScheme,
  ScrapeConfig,
  ScrapeLimits,
  ScrapeProtocol,
} from './scrape-config.js';
export { Scrapes, type ScrapeSettings, type ScrapesParts, type TargetSource } from './scrapes.js';
export type { DroppedTarget, PoolStatus, TargetMetadata, TargetStatus } from './status.js';
