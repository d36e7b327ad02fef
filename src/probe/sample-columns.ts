import type { Sample } from '../sdk/index.js';
import type { SampleColumns, SampleShape } from './frames.js';

/** Turns samples into columns, task by task, and leaves out the names and labels that the agent has from the result before. */
export class ColumnWriter {
  /** The samples of each task's last result: what the agent's shape of it was made from. */
  readonly #last = new Map<string, readonly Sample[]>();

  /** The columns of a result, to be sent next: the agent must get what this gives, in this order. */
  columnsOf(id: string, samples: readonly Sample[]): SampleColumns {
    const values = new Float64Array(samples.length);
    let timestamps: Float64Array | undefined;
    for (let i = 0; i < samples.length; i++) {
      const sample = samples[i]!;
      values[i] = sample.value;
      if (sample.timestampMs === undefined) continue;
      timestamps ??= new Float64Array(samples.length).fill(Number.NaN);
      timestamps[i] = sample.timestampMs;
    }
    const shape = sameShape(samples, this.#last.get(id)) ? undefined : shapeOf(samples);
    this.#last.set(id, samples);
    return { shape, values, timestamps };
  }

  /** The task has gone; another one of this id begins anew. */
  forget(id: string): void {
    this.#last.delete(id);
  }
}

function sameShape(samples: readonly Sample[], last: readonly Sample[] | undefined): boolean {
  if (last === undefined || last.length !== samples.length) return false;
  for (let i = 0; i < samples.length; i++) {
    const [now, before] = [samples[i]!, last[i]!];
    if (now.name !== before.name) return false;
    if (now.labels !== before.labels && !sameLabels(now.labels, before.labels)) return false;
  }
  return true;
}

function sameLabels(a: Sample['labels'] = {}, b: Sample['labels'] = {}): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

function shapeOf(samples: readonly Sample[]): SampleShape {
  return {
    names: samples.map(({ name }) => name),
    labels: samples.map(({ labels }) => (labels === undefined ? undefined : pairsOf(labels))),
  };
}

/** Sorted by name, so that the same series always reads the same. */
function pairsOf(labels: Readonly<Record<string, string>>): string[] {
  const pairs: string[] = [];
  for (const name of Object.keys(labels).sort()) pairs.push(name, String(labels[name]));
  return pairs;
}
