import { DeadlineError, type MetricDeclaration, type Result, type Sample } from '../sdk/index.js';

/** What the host adds to every run, so that every plugin can be asked the same questions. */
export const HOST_METRICS: readonly MetricDeclaration[] = [
  { name: 'probe_success', type: 'gauge', help: '1 if the probe succeeded, 0 if not.' },
  { name: 'probe_duration_seconds', type: 'gauge', help: 'How long the run took, in seconds.' },
  {
    name: 'probe_failure_info',
    type: 'gauge',
    help: '1, with the reason why the probe failed; absent when it succeeded.',
  },
];

const HOST_NAMES = new Set(HOST_METRICS.map((metric) => metric.name));

/** The samples of a run: the plugin's own, then what the host adds. A plugin's sample of a name of the host is left out. */
export function outcomeSamples(result: Result, durationSeconds: number): Sample[] {
  const samples = result.samples.filter((sample) => !HOST_NAMES.has(sample.name));
  samples.push({ name: 'probe_success', value: result.ok ? 1 : 0 });
  samples.push({ name: 'probe_duration_seconds', value: durationSeconds });
  if (!result.ok)
    samples.push({ name: 'probe_failure_info', labels: { reason: result.reason ?? 'internal' }, value: 1 });
  return samples;
}

/** The result of a run whose `collect` threw: a deadline passed on is a timeout, everything else is a fault of the plugin. */
export function resultOfThrow(error: unknown, evidence: string): Result {
  if (error instanceof DeadlineError) return { ok: false, reason: 'timeout', samples: [], evidence };
  return { ok: false, reason: 'internal', samples: [], evidence };
}
