import type { Sample } from '../sdk/index.js';
import type { SampleColumns } from './frames.js';

/** Samples as columns, for the stream. Labels are sorted by name, so that the same series always reads the same. */
export function toColumns(samples: readonly Sample[]): SampleColumns {
  const columns: SampleColumns = {
    names: new Array(samples.length),
    labels: new Array(samples.length),
    values: new Float64Array(samples.length),
    timestamps: undefined,
  };
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i]!;
    columns.names[i] = sample.name;
    columns.labels[i] = sample.labels === undefined ? undefined : pairsOf(sample.labels);
    columns.values[i] = sample.value;
    if (sample.timestampMs === undefined) continue;
    columns.timestamps ??= new Float64Array(samples.length).fill(Number.NaN);
    columns.timestamps[i] = sample.timestampMs;
  }
  return columns;
}

function pairsOf(labels: Readonly<Record<string, string>>): string[] {
  const pairs: string[] = [];
  for (const name of Object.keys(labels).sort()) pairs.push(name, String(labels[name]));
  return pairs;
}
