export { Discoveries } from './discoveries.js';
export type {
  DiscoveryConfig,
  DnsDiscovery,
  FileDiscovery,
  HttpDiscovery,
  StaticDiscovery,
} from './discovery-config.js';
export type { DiscoveryStatus } from './status.js';
export type { TargetGroup } from './target-group.js';
