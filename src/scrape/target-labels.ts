import type { TargetGroup } from '../discovery/index.js';
import { formatDuration } from '../lib/index.js';
import { compareBytes, type Labels } from '../model/index.js';
import type { ScrapeConfig } from './scrape-config.js';

const YEAR_MS = 365 * 86_400_000;
const WEEK_MS = 7 * 86_400_000;

/** The labels of a target before relabelling: its own, then those of its group, then what the job says where neither does (Prometheus, PopulateLabels). An empty value is an absent label. */
export function discoveredLabels(
  config: ScrapeConfig,
  group: TargetGroup,
  target: Readonly<Record<string, string>>,
): Labels {
  const labels = jobLabelsOf(config).slice();
  for (const name in group.labels) if (!Object.hasOwn(target, name)) set(labels, name, group.labels[name]!);
  for (const name in target) set(labels, name, target[name]!);
  return labels;
}

/** Puts a label into its place, or in the place of one of its name. */
function set(labels: string[], name: string, value: string): void {
  if (value === '') return;
  let at = labels.length;
  while (at > 0 && compareBytes(labels[at - 2]!, name) > 0) at -= 2;
  if (at > 0 && labels[at - 2] === name) labels[at - 1] = value;
  else labels.splice(at, 0, name, value);
}

/** By configuration: they are the same for thousands of targets. */
const jobLabelsByConfig = new WeakMap<ScrapeConfig, readonly string[]>();

function jobLabelsOf(config: ScrapeConfig): readonly string[] {
  let labels = jobLabelsByConfig.get(config);
  if (labels === undefined) {
    const own: string[] = [];
    for (const [name, value] of jobLabels(config)) set(own, name, value);
    labels = own;
    jobLabelsByConfig.set(config, labels);
  }
  return labels;
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
