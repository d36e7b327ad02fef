import { formatValue, labelKey } from '../lib/index.js';
import type { Definition, MetricDeclaration, Sample } from '../sdk/index.js';

/** What the probe stage adds to the samples of every run. */
export const HOST_METRICS: readonly MetricDeclaration[] = [
  { name: 'probe_success', type: 'gauge', help: '1 if the probe succeeded, 0 if not.' },
  { name: 'probe_duration_seconds', type: 'gauge', help: 'How long the run took, in seconds.' },
  {
    name: 'probe_failure_info',
    type: 'gauge',
    help: '1, with the reason of the failure; absent after a success.',
  },
];

/** What a plugin and the probe stage declare of the metrics, by name. */
export function declarationsOf(definition: Definition): ReadonlyMap<string, MetricDeclaration> {
  const own = definition.metrics === 'dynamic' ? [] : definition.metrics;
  return new Map([...HOST_METRICS, ...own].map((metric) => [metric.name, metric]));
}

/** Samples in the text exposition format 0.0.4: a name's samples stand together, with help and type where they are declared. */
export function samplesText(samples: readonly Sample[], definition: Definition): string {
  const declared = declarationsOf(definition);
  const byName = new Map<string, string[]>();
  for (const { name, labels = {}, value, timestampMs } of samples) {
    const stamp = timestampMs === undefined ? '' : ` ${timestampMs}`;
    const lines = byName.get(name) ?? [];
    if (lines.push(`${name}${labelKey(labels)} ${formatValue(value)}${stamp}`) === 1) byName.set(name, lines);
  }
  return [...byName].flatMap(([name, lines]) => [...headOf(declared.get(name)), ...lines]).join('\n');
}

function headOf(metric: MetricDeclaration | undefined): string[] {
  if (metric === undefined) return [];
  const help = metric.help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return [`# HELP ${metric.name} ${help}`, `# TYPE ${metric.name} ${metric.type}`];
}

const UNITS: readonly (readonly [suffix: string, unit: string])[] = [
  ['_ms', ' ms'],
  ['_seconds', ' s'],
  ['_bytes', ' B'],
];

/** A value as a person reads it: six digits, and the unit that the metric's name ends in. */
export function readableValue(name: string, value: number): string {
  const digits =
    Number.isFinite(value) && !Number.isInteger(value)
      ? String(Number(value.toPrecision(6)))
      : formatValue(value);
  const unit = UNITS.find(([suffix]) => name.endsWith(suffix))?.[1] ?? '';
  return `${digits}${unit}`;
}

/** JSON has no NaN and no infinity: they become texts, as in Prometheus's API. */
export function numberJson(value: number): number | string {
  return Number.isFinite(value) ? value : formatValue(value);
}
