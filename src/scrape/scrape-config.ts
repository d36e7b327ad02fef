import type { DiscoveryConfig } from '../discovery/index.js';
import type { HttpClientOptions } from '../net/index.js';
import type { NameScheme, RelabelRule } from '../relabel/index.js';

/** Formats that a target can be asked for, by Prometheus's names. */
export type ScrapeProtocol =
  | 'PrometheusProto'
  | 'OpenMetricsText0.0.1'
  | 'OpenMetricsText1.0.0'
  | 'PrometheusText0.0.4'
  | 'PrometheusText1.0.0';

/** How names that are not legacy are asked for (the `escaping` parameter of the Accept header). */
export type EscapingScheme = 'allow-utf-8' | 'underscores' | 'dots' | 'values';

/** What a page may be; 0 = no limit. Exceeding one fails the scrape. */
export interface ScrapeLimits {
  /** Bytes of the body, decompressed; a body of exactly so many fails (Prometheus). */
  bodySizeBytes: number;
  /** vmagent's `max_scrape_size`: a body of more bytes fails. */
  maxScrapeBytes: number;
  samples: number;
  labels: number;
  labelNameLength: number;
  labelValueLength: number;
  /** vmagent's `series_limit`: series of a target within 24 hours; what goes beyond is dropped and counted, the scrape goes on. */
  series: number;
  /** Of a native histogram. */
  buckets: number;
}

/** One entry of `scrape_configs`, with what it takes from `global`; checked, plain data. */
export interface ScrapeConfig {
  jobName: string;
  intervalMs: number;
  timeoutMs: number;
  scheme: string;
  metricsPath: string;
  params: Readonly<Record<string, readonly string[]>>;
  honorLabels: boolean;
  honorTimestamps: boolean;
  trackTimestampsStaleness: boolean;
  protocols: readonly ScrapeProtocol[];
  fallbackProtocol: ScrapeProtocol | undefined;
  nativeHistograms: boolean;
  alwaysScrapeClassicHistograms: boolean;
  convertClassicHistograms: boolean;
  nativeHistogramMinBucketFactor: number;
  limits: ScrapeLimits;
  /** Active targets of the pool; with more every one of them fails. 0 = no limit. */
  targetLimit: number;
  /** Dropped targets that are kept for people; 0 = all. */
  keepDroppedTargets: number;
  validationScheme: NameScheme;
  escapingScheme: EscapingScheme;
  extraMetrics: boolean;
  /** Absolute; "" = none. */
  failureLogFile: string;
  compression: boolean;
  /** vmagent's: ticks lie at multiples of it; 0 = by the target's hash. */
  alignIntervalMs: number;
  /** vmagent's: exact place in the interval; `undefined` = by the target's hash. */
  offsetMs: number | undefined;
  noStaleMarkers: boolean;
  http: HttpClientOptions;
  discovery: readonly DiscoveryConfig[];
  relabel: readonly RelabelRule[];
  metricRelabel: readonly RelabelRule[];
}

/** `cluster`: which share of the targets is ours. */
export interface ClusterConfig {
  members: number;
  /** Counted from 0. */
  member: number;
  replicationFactor: number;
}
