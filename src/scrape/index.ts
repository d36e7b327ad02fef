export type {
  ClusterConfig,
  EscapingScheme,
  ScrapeConfig,
  ScrapeLimits,
  ScrapeProtocol,
} from './scrape-config.js';
export type { DroppedTarget, PoolStatus, TargetMetadata, TargetStatus } from './status.js';
