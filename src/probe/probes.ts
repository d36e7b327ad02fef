import type { Clock, Logger, Metrics } from '../lib/index.js';
import type { Batch, Next } from '../model/index.js';
import type { RunResult, ToAgent } from './frames.js';
import { Lane, type LaneHello } from './lane.js';
import { probeMetrics } from './metrics.js';
import type { PluginCatalog } from './plugin-loader.js';
import type { HostStatus, LastResult, TaskStatus } from './status.js';
import type { Task } from './task.js';
import { type AgentLabels, TaskSeries } from './task-series.js';

/** What the probe stage needs. */
export interface ProbesParts {
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  catalog: PluginCatalog;
  agent: AgentLabels;
  /** Keys of `plugins.config` that hold for a whole probe host, by plugin. */
  hostConfig: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  next: Next;
}

interface Watched {
  task: Task;
  series: TaskSeries;
  status: TaskStatus;
}

/** Due task -> batch: keeps a probe host per lane, and turns what their runs give into batches for the next stage. */
export class Probes {
  readonly #parts: ProbesParts;
  readonly #metrics: ReturnType<typeof probeMetrics>;
  readonly #lanes = new Map<string, Lane>();
  readonly #tasks = new Map<string, Watched>();
  readonly #listeners: ((status: TaskStatus) => void)[] = [];

  constructor(parts: ProbesParts) {
    this.#parts = parts;
    this.#metrics = probeMetrics(parts.metrics);
  }

  /** Runs these tasks and no others. A task that is equal to the one of its id goes on untouched. */
  apply(tasks: readonly Task[]): void {
    const wanted = new Map(tasks.map((task) => [task.id, task]));
    const removed = [...this.#tasks.values()].filter(({ task }) => !sameTask(task, wanted.get(task.id)));
    for (const { task } of removed) this.#forget(task);
    const added = tasks.filter((task) => !this.#tasks.has(task.id));
    for (const task of added) this.#watch(task);
    const lanes = new Set([...removed.map(({ task }) => task.lane), ...added.map((task) => task.lane)]);
    for (const name of lanes) {
      this.#lane(name).apply(
        added.filter((task) => task.lane === name),
        removed.filter(({ task }) => task.lane === name).map(({ task }) => task.id),
      );
    }
    this.#metrics.tasks.set(this.#tasks.size);
  }

  /** What is known of every task, in the order of the configuration. */
  statuses(): readonly TaskStatus[] {
    return [...this.#tasks.values()].map(({ status }) => status);
  }

  /** Calls `listener` after every result. */
  onResult(listener: (status: TaskStatus) => void): void {
    this.#listeners.push(listener);
  }

  /** Process ids of the probe hosts, by lane. */
  hosts(): ReadonlyMap<string, number | undefined> {
    return new Map([...this.#lanes].map(([name, lane]) => [name, lane.pid]));
  }

  /** What there is to know of the probe hosts of lanes with tasks. */
  hostStatuses(): HostStatus[] {
    const tasks = new Map<string, number>();
    for (const { task } of this.#tasks.values()) tasks.set(task.lane, (tasks.get(task.lane) ?? 0) + 1);
    return [...tasks].map(([lane, count]) => ({
      lane,
      pid: this.#lanes.get(lane)?.pid,
      tasks: count,
      restarts: this.#metrics.restarts.with({ lane }).value,
      loopDelayMs: this.#metrics.loopDelay.with({ lane }).value * 1000,
    }));
  }

  /** Ends all probe hosts; what had finished is passed on before it settles. */
  async stop(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.stop()));
  }

  #lane(name: string): Lane {
    let lane = this.#lanes.get(name);
    if (lane !== undefined) return lane;
    const { clock, log, catalog, agent, hostConfig } = this.#parts;
    const plugins = [...catalog.plugins.values()].filter((plugin) => plugin.lane === name);
    const own = Object.fromEntries(
      plugins.map(({ definition }) => [definition.name, hostConfig[definition.name] ?? {}]),
    );
    const hello: LaneHello = { hostConfig: own, agentName: agent.name };
    lane = new Lane(name, {
      clock,
      log,
      plugins,
      hello,
      events: {
        onMessage: (message) => this.#receive(message),
        onHeartbeat: (heartbeat) => {
          this.#metrics.loopDelay.with({ lane: name }).set(heartbeat.worstLoopDelayMs / 1000);
          this.#metrics.droppedResults.with({ lane: name }).inc(heartbeat.droppedResults);
        },
        onDeath: (running) => {
          this.#metrics.restarts.with({ lane: name }).inc();
          for (const id of running) this.#countAborted(id);
        },
      },
    });
    this.#lanes.set(name, lane);
    return lane;
  }

  #watch(task: Task): void {
    const status: TaskStatus = {
      task,
      last: undefined,
      runs: 0,
      failures: 0,
      skipped: 0,
      missed: 0,
      aborted: 0,
      problem: undefined,
    };
    this.#tasks.set(task.id, { task, series: new TaskSeries(task, this.#parts.agent), status });
  }

  /** A task that goes takes its series with it: they are marked as ended. */
  #forget(task: Task): void {
    const watched = this.#tasks.get(task.id);
    if (watched === undefined) return;
    this.#tasks.delete(task.id);
    const batch = watched.series.endBatch(Math.round(this.#parts.clock.now()));
    if (batch.length > 0) this.#push(batch);
  }

  #receive(message: Extract<ToAgent, { id: string }>): void {
    const watched = this.#tasks.get(message.id);
    if (watched === undefined) return; // Its task has gone; what was on the way is not wanted any more.
    const { status, task } = watched;
    if (message.kind === 'result') this.#take(watched, message.result);
    else if (message.kind === 'aborted') this.#countAborted(message.id);
    else if (message.kind === 'problem') {
      status.problem = message.message;
      this.#parts.log.error({ task: task.id, plugin: task.plugin }, `task cannot run: ${message.message}`);
    } else {
      status.skipped += message.skipped;
      status.missed += message.missed;
      this.#metrics.skipped.with({ plugin: task.plugin }).inc(message.skipped);
      this.#metrics.missed.with({ plugin: task.plugin }).inc(message.missed);
    }
  }

  #countAborted(id: string): void {
    const watched = this.#tasks.get(id);
    if (watched === undefined) return;
    watched.status.aborted++;
    this.#metrics.aborted.with({ plugin: watched.task.plugin }).inc();
  }

  #take(watched: Watched, result: RunResult): void {
    const { status, task, series } = watched;
    const plugin = task.plugin;
    const duplicatesBefore = series.duplicates;
    const batch = series.batchOf(result);
    if (batch === undefined) {
      this.#metrics.dropped.with({ reason: 'replaced' }).inc(result.samples.values.length);
      return;
    }
    this.#metrics.dropped.with({ reason: 'duplicate' }).inc(series.duplicates - duplicatesBefore);
    this.#push(batch);
    status.problem = undefined;
    status.runs++;
    this.#metrics.runs.with({ plugin }).inc();
    this.#metrics.lag.with({ plugin }).set((result.startedMs - result.plannedMs) / 1000);
    if (!result.ok) {
      status.failures++;
      this.#metrics.failures.with({ plugin, reason: result.reason ?? 'internal' }).inc();
    }
    status.last = lastResult(result, series.valuesOf(result));
    for (const listener of this.#listeners) listener(status);
  }

  #push(batch: Batch): void {
    this.#metrics.samples.inc(batch.length);
    if (this.#parts.next(batch) === 'refused')
      this.#metrics.dropped.with({ reason: 'refused' }).inc(batch.length);
  }
}

function sameTask(a: Task, b: Task | undefined): boolean {
  return b !== undefined && JSON.stringify(a) === JSON.stringify(b);
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
