import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { errorLine } from '../lib/index.js';
import { type LoadedPlugin, loadPlugin } from '../probe/index.js';
import { openTestNetwork } from './conformance-network.js';
import {
  abortFaults,
  closedTargetFaults,
  closeFaults,
  deadlineFaults,
  independenceFaults,
  type Subject,
  sampleNameFaults,
  unknownNameFaults,
} from './conformance-runs.js';
import { flagFaults, metricFaults, readmeFaults, sampleFaults } from './conformance-texts.js';
import { watchOutput } from './output-watch.js';

/** What a check found. `excused`: it failed, and the folder's conformance.yaml says why that is right. */
export interface CheckResult {
  check: string;
  outcome: 'ok' | 'failed' | 'excused';
  /** One line per fault; the reason where it is excused. */
  details: readonly string[];
}

// In this order: what other checks leave behind could hide a leak, and the samples of all runs are looked at after them.
const CHECKS: Readonly<Record<string, (subject: Subject) => string[] | Promise<string[]>>> = {
  readme: ({ plugin }) => readmeFaults(plugin),
  sample: ({ plugin }) => sampleFaults(plugin),
  options: ({ plugin }) => flagFaults(plugin),
  metrics: ({ plugin }) => metricFaults(plugin),
  close: closeFaults,
  closed_target: closedTargetFaults,
  unknown_name: unknownNameFaults,
  deadline: deadlineFaults,
  abort: abortFaults,
  independent_tasks: independenceFaults,
  declared_samples: sampleNameFaults,
};

/**
 * The conformance suite over one plugin folder: its texts, and its behaviour towards targets of loopback that are closed, silent or unknown. The plugin
 * runs in this process. Never throws for a plugin's fault.
 */
export async function testPlugin(directory: string, builtin: boolean): Promise<CheckResult[]> {
  let plugin: LoadedPlugin;
  try {
    plugin = await loadPlugin(directory, builtin);
  } catch (error) {
    return [{ check: 'loads', outcome: 'failed', details: [errorLine(error)] }];
  }
  const network = await openTestNetwork();
  const output = watchOutput(realpathSync(directory));
  const excuses = readExcuses(directory);
  const subject: Subject = { plugin, network, samples: [] };
  const results: CheckResult[] = [{ check: 'loads', outcome: 'ok', details: [] }];
  try {
    for (const [check, faultsOf] of Object.entries(CHECKS))
      results.push(judge(check, await faultsWithThrow(faultsOf, subject), excuses));
  } finally {
    results.push(judge('no_output', output.stop(), excuses));
    await network.close();
  }
  return results;
}

async function faultsWithThrow(
  faultsOf: (subject: Subject) => string[] | Promise<string[]>,
  subject: Subject,
): Promise<string[]> {
  try {
    return await faultsOf(subject);
  } catch (error) {
    return [`open, prepare, release or close threw: ${errorLine(error)}`];
  }
}

function judge(check: string, faults: readonly string[], excuses: ReadonlyMap<string, string>): CheckResult {
  if (faults.length === 0) return { check, outcome: 'ok', details: [] };
  const excuse = excuses.get(check);
  return excuse === undefined
    ? { check, outcome: 'failed', details: faults }
    : { check, outcome: 'excused', details: [excuse] };
}

/** conformance.yaml of a plugin folder: `check: why it does not hold here`. */
function readExcuses(directory: string): ReadonlyMap<string, string> {
  const file = join(directory, 'conformance.yaml');
  if (!existsSync(file)) return new Map();
  const entries = Object.entries((parse(readFileSync(file, 'utf8')) ?? {}) as Record<string, unknown>);
  return new Map(entries.map(([check, reason]) => [check, String(reason)]));
}

/** The results of one plugin as lines for a person. */
export function resultLines(directory: string, results: readonly CheckResult[]): string[] {
  const name = basename(directory);
  return results.flatMap(({ check, outcome, details }) => [
    `${outcome.padEnd(7)} ${name}: ${check}`,
    ...details.map((detail) => `        ${detail}`),
  ]);
}
