import { resolve } from 'node:path';
import { discoveryConfigs } from '../discovery/schema.js';
import { Secret } from '../lib/index.js';
import { httpClientOptions } from '../net/schema.js';
import type { NameScheme } from '../relabel/index.js';
import { relabelRules } from '../relabel/schema.js';
import type { GlobalScrapeKeys, ScrapeKeys } from './schema.js';
import type { EscapingScheme, ScrapeConfig, ScrapeLimits, ScrapeProtocol } from './scrape-config.js';

const TEXT_PROTOCOLS = [
  'OpenMetricsText1.0.0',
  'OpenMetricsText0.0.1',
  'PrometheusText1.0.0',
  'PrometheusText0.0.4',
] as const satisfies readonly ScrapeProtocol[];

const DEFAULT_TIMEOUT_MS = 10_000;

/** What a scrape config depends on beside its keys. */
interface ScrapeContext {
  global: GlobalScrapeKeys;
  /** Relative paths start here. */
  directory: string;
}

/** Compiles the checked keys of a scrape config: what it does not say is taken from `global`. */
export function scrapeConfigOf(keys: ScrapeKeys, { global, directory }: ScrapeContext): ScrapeConfig {
  const nativeHistograms = keys.scrape_native_histograms ?? global.scrape_native_histograms ?? false;
  const failureLogFile = keys.scrape_failure_log_file || global.scrape_failure_log_file || '';
  return {
    jobName: keys.job_name,
    ...timesOf(keys, global),
    scheme: keys.scheme,
    metricsPath: keys.metrics_path,
    params: keys.params,
    honorLabels: keys.honor_labels,
    honorTimestamps: keys.honor_timestamps,
    trackTimestampsStaleness: keys.track_timestamps_staleness,
    protocols: protocolsOf(keys, global, nativeHistograms),
    fallbackProtocol: keys.fallback_scrape_protocol,
    nativeHistograms,
    alwaysScrapeClassicHistograms:
      keys.always_scrape_classic_histograms ?? global.always_scrape_classic_histograms ?? false,
    convertClassicHistograms:
      keys.convert_classic_histograms_to_nhcb ?? global.convert_classic_histograms_to_nhcb ?? false,
    nativeHistogramMinBucketFactor: keys.native_histogram_min_bucket_factor,
    limits: limitsOf(keys, global),
    targetLimit: keys.target_limit || global.target_limit,
    keepDroppedTargets: keys.keep_dropped_targets || global.keep_dropped_targets,
    ...schemesOf(keys, global),
    extraMetrics: keys.extra_scrape_metrics ?? global.extra_scrape_metrics ?? false,
    failureLogFile: failureLogFile && resolve(directory, failureLogFile),
    compression: keys.enable_compression && keys.disable_compression !== true,
    alignIntervalMs: keys.scrape_align_interval ?? 0,
    offsetMs: keys.scrape_offset,
    noStaleMarkers: keys.no_stale_markers,
    http: {
      ...httpClientOptions({ ...keys, headers: headersOf(keys.headers) }, directory),
      keepAlive: !keys.disable_keepalive,
    },
    discovery: discoveryConfigs(keys, directory),
    relabel: relabelRules([...global.relabel_configs, ...keys.relabel_configs]),
    metricRelabel: relabelRules([...global.metric_relabel_configs, ...keys.metric_relabel_configs]),
  };
}

/** The interval and the timeout of a job: a timeout of its own may be longer than the interval, which is a fault. */
export function timesOf(
  keys: Partial<Pick<ScrapeKeys, 'scrape_interval' | 'scrape_timeout'>>,
  global: Pick<GlobalScrapeKeys, 'scrape_interval' | 'scrape_timeout'>,
): { intervalMs: number; timeoutMs: number } {
  const globalInterval = global.scrape_interval || 60_000;
  const globalTimeout = global.scrape_timeout || Math.min(DEFAULT_TIMEOUT_MS, globalInterval);
  const intervalMs = keys.scrape_interval || globalInterval;
  return { intervalMs, timeoutMs: keys.scrape_timeout || Math.min(globalTimeout, intervalMs) };
}

/** What `global` says holds also where native histograms would put protobuf first. */
function protocolsOf(
  keys: ScrapeKeys,
  global: GlobalScrapeKeys,
  nativeHistograms: boolean,
): readonly ScrapeProtocol[] {
  const byDefault = nativeHistograms ? (['PrometheusProto', ...TEXT_PROTOCOLS] as const) : TEXT_PROTOCOLS;
  return keys.scrape_protocols ?? global.scrape_protocols ?? byDefault;
}

function limitsOf(keys: ScrapeKeys, global: GlobalScrapeKeys): ScrapeLimits {
  return {
    bodySizeBytes: keys.body_size_limit || global.body_size_limit,
    maxScrapeBytes: keys.max_scrape_size,
    samples: keys.sample_limit || global.sample_limit,
    labels: keys.label_limit || global.label_limit,
    labelNameLength: keys.label_name_length_limit || global.label_name_length_limit,
    labelValueLength: keys.label_value_length_limit || global.label_value_length_limit,
    series: keys.series_limit,
    buckets: keys.native_histogram_bucket_limit,
  };
}

/** A job that says which names it takes does not take its escaping from `global`: the two would not fit. */
export function schemesOf(
  keys: Partial<Pick<ScrapeKeys, 'metric_name_validation_scheme' | 'metric_name_escaping_scheme'>>,
  global: Pick<GlobalScrapeKeys, 'metric_name_validation_scheme' | 'metric_name_escaping_scheme'>,
): { validationScheme: NameScheme; escapingScheme: EscapingScheme } {
  const own = keys.metric_name_validation_scheme;
  const validationScheme = own ?? global.metric_name_validation_scheme ?? 'utf8';
  const inherited = own === undefined ? global.metric_name_escaping_scheme : undefined;
  const byDefault = validationScheme === 'legacy' ? 'underscores' : 'allow-utf-8';
  return {
    validationScheme,
    escapingScheme: keys.metric_name_escaping_scheme ?? inherited ?? byDefault,
  };
}

function headersOf(lines: readonly Secret[]): Readonly<Record<string, Secret>> | undefined {
  if (lines.length === 0) return undefined;
  return Object.fromEntries(lines.map(headerOf));
}

/** `Name: value`; the schema has seen that it is of this form. */
function headerOf(line: Secret): [string, Secret] {
  const text = line.reveal();
  const colon = text.indexOf(':');
  return [text.slice(0, colon).trim(), new Secret(text.slice(colon + 1).trim())];
}
