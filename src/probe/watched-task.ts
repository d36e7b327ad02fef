import type { Clock, Logger } from '../lib/index.js';
import type { Batch, Next } from '../model/index.js';
import type { RunResult, ToAgent } from './frames.js';
import type { probeMetrics } from './metrics.js';
import type { LastResult, TaskStatus } from './status.js';
import type { Task } from './task.js';
import type { AgentLabels, TaskSeries } from './task-series.js';

/** What all watched tasks share. */
export interface WatchedTaskParts {
  clock: Clock;
  log: Logger;
  metrics: ReturnType<typeof probeMetrics>;
  next: Next;
  /** Called after every result. */
  onResult: (status: TaskStatus) => void;
}

/** What a probe host says of a task while it has it. */
type OfTask = Exclude<Extract<ToAgent, { id: string }>, { kind: 'removed' }>;

/** A task with all that is known of it: counts what its host says, and gives its results on as batches. */
export class WatchedTask {
  readonly task: Task;
  readonly status: TaskStatus;
  /** When it came, monotonic. */
  readonly sinceMs: number;
  readonly #parts: WatchedTaskParts;
  #series: TaskSeries;

  /** `problem`: why it cannot run now. */
  constructor(task: Task, series: TaskSeries, problem: string | undefined, parts: WatchedTaskParts) {
    this.task = task;
    this.sinceMs = parts.clock.monotonic();
    this.status = {
      task,
      lane: task.lane,
      sinceMs: parts.clock.now(),
      last: undefined,
      runs: 0,
      failures: 0,
      skipped: 0,
      missed: 0,
      aborted: 0,
      problem,
    };
    this.#series = series;
    this.#parts = parts;
  }

  /** For a task that goes on with them. */
  get series(): TaskSeries {
    return this.#series;
  }

  /** The host says something. */
  hear(message: OfTask): void {
    if (message.kind === 'result') this.#take(message.result);
    else if (message.kind === 'aborted') this.countAborted();
    else if (message.kind === 'missed') this.countMissed(message.missed.ticks, message.missed.reason);
    else if (message.kind === 'problem') this.#note(message.message);
    else if (message.kind === 'skipped') this.#countSkipped(message.ticks);
  }

  /** A run was cut short. */
  countAborted(): void {
    this.status.aborted++;
    this.#parts.metrics.aborted.with({ plugin: this.task.plugin }).inc();
  }

  /** Ticks passed without a run. */
  countMissed(ticks: number, reason: string): void {
    this.status.missed += ticks;
    this.#parts.metrics.missed.with({ plugin: this.task.plugin, reason }).inc(ticks);
  }

  /** Marks its series as ended, now; after its last samples also when the clock was set back since. */
  end(): void {
    const now = Math.round(this.#parts.clock.now());
    const batch = this.#series.endBatch(Math.max(now, (this.status.last?.plannedMs ?? 0) + 1));
    if (batch.length > 0) this.#push(batch);
  }

  /** Its samples get other labels from now on: the present series end. */
  relabel(agent: AgentLabels): void {
    const next = this.#series.relabelled(agent);
    this.end();
    this.#series = next;
  }

  #countSkipped(ticks: number): void {
    this.status.skipped += ticks;
    this.#parts.metrics.skipped.with({ plugin: this.task.plugin }).inc(ticks);
  }

  #note(problem: string): void {
    this.status.problem = problem;
    const { id, plugin } = this.task;
    this.#parts.log.error({ task: id, plugin }, `task cannot run: ${problem}`);
  }

  #take(result: RunResult): void {
    const { metrics, onResult } = this.#parts;
    const series = this.#series;
    const before = { duplicate: series.duplicates, invalid_name: series.invalidNames };
    const batch = series.batchOf(result);
    if (batch === undefined) {
      metrics.dropped.with({ reason: 'replaced' }).inc(result.samples.values.length);
      return;
    }
    metrics.dropped.with({ reason: 'duplicate' }).inc(series.duplicates - before.duplicate);
    metrics.dropped.with({ reason: 'invalid_name' }).inc(series.invalidNames - before.invalid_name);
    this.#push(batch);
    this.#countRun(result);
    this.status.last = lastResult(result, series.valuesOf(result));
    onResult(this.status);
  }

  #countRun({ plannedMs, startedMs, ok, reason = 'internal' }: RunResult): void {
    const { metrics } = this.#parts;
    const { plugin } = this.task;
    this.status.problem = undefined;
    this.status.runs++;
    metrics.runs.with({ plugin }).inc();
    // A stamp that waits for a clock that was set back lies after the start.
    metrics.lag.with({ plugin }).set(Math.max(0, startedMs - plannedMs) / 1000);
    if (ok) return;
    this.status.failures++;
    metrics.failures.with({ plugin, reason }).inc();
  }

  #push(batch: Batch): void {
    const { metrics, next } = this.#parts;
    metrics.samples.inc(batch.length);
    if (next(batch) === 'refused') metrics.dropped.with({ reason: 'refused' }).inc(batch.length);
  }
}

function lastResult(result: RunResult, values: Readonly<Record<string, number>>): LastResult {
  const { plannedMs, startedMs, finishedMs, ok, reason, evidence, samples } = result;
  const durationSeconds = (finishedMs - startedMs) / 1000;
  return {
    plannedMs,
    startedMs,
    durationSeconds,
    ok,
    reason,
    evidence,
    samples: samples.values.length,
    values,
  };
}
