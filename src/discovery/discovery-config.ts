import type { HttpClientOptions } from '../net/index.js';
import type { TargetGroup } from './target-group.js';

/** `static_configs` of one owner, all of them. */
export interface StaticDiscovery {
  kind: 'static';
  groups: readonly TargetGroup[];
}

/** An entry of `file_sd_configs`. */
export interface FileDiscovery {
  kind: 'file';
  /** Absolute paths; the last part may hold one `*`. */
  files: readonly string[];
  refreshMs: number;
}

/** An entry of `http_sd_configs`. */
export interface HttpDiscovery {
  kind: 'http';
  url: string;
  refreshMs: number;
  http: HttpClientOptions;
}

/** An entry of `dns_sd_configs`. */
export interface DnsDiscovery {
  kind: 'dns';
  names: readonly string[];
  type: 'SRV' | 'A' | 'AAAA' | 'MX';
  /** For A, AAAA and MX. */
  port: number;
  refreshMs: number;
}

/** Where targets come from; plain data. Two that are equal share one poller. */
export type DiscoveryConfig = StaticDiscovery | FileDiscovery | HttpDiscovery | DnsDiscovery;
