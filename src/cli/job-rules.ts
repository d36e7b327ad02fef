import { field } from '../lib/index.js';
import { type Labels, labelsToMap } from '../model/index.js';
import type { NameScheme, RelabelRule } from '../relabel/index.js';
import { discoveredLabels } from '../scrape/index.js';
import { readConfiguration } from './configuration.js';
import { usageError } from './exit.js';

/** Rules, the names that they may give, and what they see. */
export interface RulesToExplain {
  rules: readonly RelabelRule[];
  scheme: NameScheme;
  input: Labels;
}

/**
 * The rules of a job of a configuration: for the metrics of its targets, or for a target, which gets what the job says of it and `labels` do not
 * (`job`, `__scheme__` and so on). Throws SEN_USAGE that names the known jobs, and all that is wrong with the configuration.
 */
export async function rulesOfJob(
  job: string,
  labels: Labels,
  { config: file, metric = false }: { config?: string | undefined; metric?: boolean | undefined },
): Promise<RulesToExplain> {
  const { config } = await readConfiguration(file);
  const found = config.scrape.find(({ jobName }) => jobName === job);
  const known = config.scrape.map(({ jobName }) => jobName);
  if (found === undefined) throw usageError(field.unknownWord('job', job, known));
  const scheme = found.validationScheme;
  if (metric) return { rules: found.metricRelabel, scheme, input: labels };
  const group = { source: '', targets: [], labels: {} };
  return { rules: found.relabel, scheme, input: discoveredLabels(found, group, labelsToMap(labels)) };
}
