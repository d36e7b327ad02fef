import { Batch, labelsBeside, labelsOf, type SeriesRef, SeriesTable, StaleTracker } from '../model/index.js';
import type { RunResult, SampleColumns } from './frames.js';
import type { Task } from './task.js';

/** Labels that every probe sample of an agent carries. */
export interface AgentLabels {
  name: string;
  region: string;
  labels: Readonly<Record<string, string>>;
}

/** The series of one task: turns what a run gave into a batch, with the labels of DESIGN 8 and stale markers for what the run no longer gives. */
export class TaskSeries {
  readonly #task: Task;
  readonly #base: Readonly<Record<string, string>>;
  readonly #table = new SeriesTable();
  readonly #stale = new StaleTracker(this.#table);
  /** Samples of a series that the same run had given already, without a time of its own; dropped. */
  duplicates = 0;

  constructor(task: Task, agent: AgentLabels) {
    this.#task = task;
    const own: Record<string, string> = { sentinel: agent.name, region: agent.region };
    const fixed = { device_id: task.deviceId, task: task.id, plugin: task.plugin, target: task.target };
    this.#base = { ...agent.labels, ...own, ...task.labels, ...fixed };
  }

  /** The batch of one run. Samples without a time of their own carry the planned tick. */
  batchOf(result: RunResult): Batch {
    const { samples, plannedMs, startedMs, finishedMs } = result;
    const times = { plannedMs, startedMs, finishedMs };
    const batch = new Batch(
      { kind: 'task', id: this.#task.id },
      this.#table,
      times,
      samples.names.length + 4,
    );
    this.#stale.begin();
    const seen = new Set<SeriesRef>();
    for (let i = 0; i < samples.names.length; i++) {
      const ref = this.#refOf(samples, i);
      const ownMs = samples.timestamps?.[i] ?? Number.NaN;
      if (Number.isNaN(ownMs)) {
        if (seen.has(ref)) {
          this.duplicates++;
          continue;
        }
        seen.add(ref);
        this.#stale.see(ref);
      }
      batch.add(ref, samples.values[i]!, Number.isNaN(ownMs) ? plannedMs : ownMs);
    }
    this.#stale.end(batch, plannedMs);
    return batch;
  }

  /** Stale markers for all that the last run gave: the task has gone. */
  endBatch(plannedMs: number): Batch {
    const batch = new Batch({ kind: 'task', id: this.#task.id }, this.#table, {
      plannedMs,
      startedMs: plannedMs,
      finishedMs: plannedMs,
    });
    this.#stale.begin();
    this.#stale.end(batch, plannedMs);
    return batch;
  }

  #refOf(samples: SampleColumns, i: number): SeriesRef {
    const name = samples.names[i]!;
    const own = samples.labels[i];
    const key = own === undefined ? name : `${name}\0${own.map(escapeNul).join('\0')}`;
    return (
      this.#table.find(key) ??
      this.#table.add(key, labelsOf(labelsBeside({ ...this.#base, __name__: name }, own ?? [])))
    );
  }
}

/** The key joins texts with NUL, which a label value may hold. */
function escapeNul(text: string): string {
  return text.includes('\0') || text.includes('\\')
    ? text.replace(/[\\\0]/g, (c) => (c === '\0' ? '\\0' : '\\\\'))
    : text;
}
