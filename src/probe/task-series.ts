import { Batch, labelsBeside, labelsOf, type SeriesRef, SeriesTable, StaleTracker } from '../model/index.js';
import type { RunResult, SampleShape } from './frames.js';
import type { Task } from './task.js';

// In the place of a ref: a sample that is not taken, and why.
const DUPLICATE = 0xffffffff;
const INVALID = 0xfffffffe;
const NOT_TAKEN = INVALID;

/** Values of a result that people are shown. */
const SHOWN_VALUES = 32;

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
  /** Refs of the last result, in its order. */
  #refs: Uint32Array | undefined;
  /** The samples of the last result that people are shown, by name. */
  #shown: { name: string; index: number }[] = [];
  /** Samples of a series that the same run had given already, without a time of its own; dropped. */
  duplicates = 0;
  /** Samples whose name or label names remote write 1.0 does not know; dropped. */
  invalidNames = 0;

  constructor(task: Task, agent: AgentLabels) {
    this.#task = task;
    const own: Record<string, string> = { sentinel: agent.name, region: agent.region };
    const fixed = { device_id: task.deviceId, task: task.id, plugin: task.plugin, target: task.target };
    this.#base = { ...agent.labels, ...own, ...task.labels, ...fixed };
  }

  /** Number of series in its table. */
  get size(): number {
    return this.#table.size;
  }

  /** The batch of one run. Samples without a time of their own carry the planned tick. `undefined` when the result speaks of a shape that is not known: it came from before this task was (re)made. */
  batchOf(result: RunResult): Batch | undefined {
    const { samples, plannedMs, startedMs, finishedMs } = result;
    this.#stale.begin();
    if (samples.shape !== undefined) this.#learn(samples.shape);
    const refs = this.#refs;
    if (refs === undefined || refs.length !== samples.values.length) return undefined;
    const times = { plannedMs, startedMs, finishedMs };
    const batch = new Batch({ kind: 'task', id: this.#task.id }, this.#table, times, refs.length + 4);
    const seen = new Set<SeriesRef>();
    const stamped = new Set<string>();
    for (let i = 0; i < refs.length; i++) {
      const ref = refs[i]!;
      if (ref >= NOT_TAKEN) {
        if (ref === DUPLICATE) this.duplicates++;
        else this.invalidNames++;
        continue;
      }
      const ownMs = samples.timestamps?.[i] ?? Number.NaN;
      const isStamped = !Number.isNaN(ownMs);
      const isRepeated = isStamped ? stamped.has(`${ref} ${ownMs}`) : seen.has(ref);
      if (isRepeated) {
        this.duplicates++;
        continue;
      }
      if (isStamped) {
        stamped.add(`${ref} ${ownMs}`);
        this.#stale.keep(ref);
      } else {
        seen.add(ref);
        this.#stale.see(ref);
      }
      batch.add(ref, samples.values[i]!, isStamped ? ownMs : plannedMs);
    }
    this.#stale.end(batch, plannedMs);
    return batch;
  }

  /** The first samples of a result that have no labels of their own, for people. */
  valuesOf(result: RunResult): Record<string, number> {
    return Object.fromEntries(this.#shown.map(({ name, index }) => [name, result.samples.values[index]!]));
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

  /** The same series under the labels of another agent: a host sends names only when they change. */
  relabelled(agent: AgentLabels): TaskSeries {
    const next = new TaskSeries(this.#task, agent);
    next.#refs = this.#refs?.map((ref) => {
      if (ref >= NOT_TAKEN) return ref;
      const [name, ...own] = this.#table.key(ref).split('\0');
      return next.#refOf(name!, own.length === 0 ? undefined : own.map(unescapeNul));
    });
    next.#shown = this.#shown;
    return next;
  }

  #learn({ names, labels }: SampleShape): void {
    const before = this.#refs ?? [];
    this.#refs = Uint32Array.from(names, (name, i) =>
      isLegal(name, labels[i]) ? this.#refOf(name, labels[i]) : INVALID,
    );
    const repeated = this.#markRepeated(this.#refs);
    const present = new Set(this.#refs);
    // A series whose end is marked leaves the table by the tracker; the others leave here.
    for (const ref of new Set([...before, ...repeated]))
      if (ref < NOT_TAKEN && !present.has(ref) && !this.#stale.tracks(ref)) this.#table.remove(ref);
    const plain = names
      .map((name, index) => ({ name, index }))
      .filter(({ index }) => labels[index] === undefined);
    this.#shown = plain.slice(0, SHOWN_VALUES);
  }

  /** Other texts may come to the same labels (`m` and `m{a=""}`): the first counts. Gives the refs that do not. */
  #markRepeated(refs: Uint32Array): SeriesRef[] {
    const first = new Map<string, SeriesRef>();
    const repeated: SeriesRef[] = [];
    for (let i = 0; i < refs.length; i++) {
      const ref = refs[i]!;
      if (ref >= NOT_TAKEN) continue;
      const labels = this.#table.labels(ref).map(escapeNul).join('\0');
      const known = first.get(labels);
      if (known === undefined) first.set(labels, ref);
      else if (known !== ref) {
        refs[i] = DUPLICATE;
        repeated.push(ref);
      }
    }
    return repeated;
  }

  #refOf(name: string, own: readonly string[] | undefined): SeriesRef {
    const key = own === undefined ? name : `${name}\0${own.map(escapeNul).join('\0')}`;
    return (
      this.#table.find(key) ??
      this.#table.add(key, labelsOf(labelsBeside({ ...this.#base, __name__: name }, own ?? [])))
    );
  }
}

/** Remote write 1.0 knows these names alone (its spec, "Labels"); a receiver may answer 2xx to others and store nothing. */
function isLegal(name: string, own: readonly string[] | undefined): boolean {
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)) return false;
  if (own === undefined) return true;
  for (let i = 0; i < own.length; i += 2) if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(own[i]!)) return false;
  return true;
}

function unescapeNul(text: string): string {
  return text.replace(/\\([\\0])/g, (_, c) => (c === '0' ? '\0' : '\\'));
}

/** The key joins texts with NUL, which a label value may hold. */
function escapeNul(text: string): string {
  return text.includes('\0') || text.includes('\\')
    ? text.replace(/[\\\0]/g, (c) => (c === '\0' ? '\\0' : '\\\\'))
    : text;
}
