import { field } from '../lib/index.js';
import type { NameScheme, RelabelRule } from '../relabel/index.js';
import { readConfiguration } from './configuration.js';
import { usageError } from './exit.js';

/** Rules, and the names that they may give. */
export interface RulesToExplain {
  rules: readonly RelabelRule[];
  scheme: NameScheme;
}

/** The rules of a job of a configuration: for its targets, or for the metrics that they expose. Throws SEN_USAGE that names the known jobs, and all that is wrong with the configuration. */
export async function rulesOfJob(
  job: string,
  { config: file, metric = false }: { config?: string | undefined; metric?: boolean | undefined },
): Promise<RulesToExplain> {
  const { config } = await readConfiguration(file);
  const found = config.scrape.find(({ jobName }) => jobName === job);
  const known = config.scrape.map(({ jobName }) => jobName);
  if (found === undefined) throw usageError(field.unknownWord('job', job, known));
  return { rules: metric ? found.metricRelabel : found.relabel, scheme: found.validationScheme };
}
