import type { TargetGroup } from '../discovery/index.js';
import { formatDuration } from '../lib/index.js';
import { compareBytes, type Labels } from '../model/index.js';
import type { ScrapeConfig } from './scrape-config.js';

const YEAR_MS = 365 * 86_400_000;
const WEEK_MS = 7 * 86_400_000;

/** The labels of a target before relabelling: its own, then those of its group, then what the job says where neither does (Prometheus, PopulateLabels). */
export function discoveredLabels(
  config: ScrapeConfig,
  group: TargetGroup,
  target: Readonly<Record<string, string>>,
): Labels {
  const labels = new Map(Object.entries(target));
  for (const [name, value] of Object.entries(group.labels)) if (!labels.has(name)) labels.set(name, value);
  for (const [name, value] of jobLabels(config)) if ((labels.get(name) ?? '') === '') labels.set(name, value);
  return sortedLabels(labels);
}

function* jobLabels(config: ScrapeConfig): Generator<[string, string]> {
  yield ['job', config.jobName];
  yield ['__scrape_interval__', durationLabel(config.intervalMs)];
  yield ['__scrape_timeout__', durationLabel(config.timeoutMs)];
  yield ['__metrics_path__', config.metricsPath];
  yield ['__scheme__', config.scheme];
  yield ['__convert_classic_histograms_to_nhcb__', String(config.convertClassicHistograms)];
  yield ['__always_scrape_classic_histograms__', String(config.alwaysScrapeClassicHistograms)];
  yield ['__scrape_native_histograms__', String(config.nativeHistograms)];
  for (const [name, values] of Object.entries(config.params))
    if (values.length > 0) yield [`__param_${name}`, values[0]!];
}

/** A duration as Prometheus prints it: whole years and weeks as such. */
function durationLabel(ms: number): string {
  if (ms > 0 && ms % YEAR_MS === 0) return `${ms / YEAR_MS}y`;
  if (ms > 0 && ms % WEEK_MS === 0) return `${ms / WEEK_MS}w`;
  return formatDuration(ms);
}

/** An empty value is an absent label. */
function sortedLabels(map: ReadonlyMap<string, string>): Labels {
  const labels: string[] = [];
  for (const name of [...map.keys()].sort(compareBytes)) {
    const value = map.get(name)!;
    if (value !== '') labels.push(name, value);
  }
  return labels;
}
