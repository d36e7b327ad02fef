import { type Clock, type Logger, type Metrics, sameValue, TimeSlice } from '../lib/index.js';
import type { Batch, Next } from '../model/index.js';
import type { RunResult, ToAgent } from './frames.js';
import { Lane, type LaneSettings } from './lane.js';
import { LeavingTasks } from './leaving.js';
import { probeMetrics } from './metrics.js';
import type { PluginFolder } from './plugin-loader.js';
import type { HostStatus, LastResult, TaskStatus } from './status.js';
import type { Task } from './task.js';
import { type AgentLabels, TaskSeries } from './task-series.js';

/** Tasks that are changed without a look at the time. */
const CHANGES_AT_ONCE = 50;

/** What holds for all tasks, and may change while the agent runs. */
export interface ProbesSettings {
  catalog: { plugins: ReadonlyMap<string, PluginFolder> };
  agent: AgentLabels;
  /** Keys of `plugins.config` that hold for a whole probe host, by plugin. */
  hostConfig: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** What the probe stage needs. */
export interface ProbesParts extends ProbesSettings {
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  next: Next;
}

/** A task with what is known of it. */
interface Watched {
  task: Task;
  series: TaskSeries;
  status: TaskStatus;
}

/** A task that was taken off. */
interface Leaving extends Watched {
  /** Another one goes on with its series. */
  hasHeir: boolean;
}

/** What a new list of tasks changes for one id. */
interface TaskChange {
  old: Task | undefined;
  next: Task | undefined;
}

/** Due task -> batch: keeps a probe host per lane, and turns what their runs give into batches for the next stage. */
export class Probes {
  readonly #parts: ProbesParts;
  readonly #metrics: ReturnType<typeof probeMetrics>;
  readonly #lanes = new Map<string, Lane>();
  readonly #leaving = new LeavingTasks<Leaving>();
  #settings: ProbesSettings;
  #tasks = new Map<string, Watched>();
  #stopped = false;
  readonly #listeners: ((status: TaskStatus) => void)[] = [];

  constructor(parts: ProbesParts) {
    this.#parts = parts;
    const { catalog, agent, hostConfig } = parts;
    this.#settings = { catalog, agent, hostConfig };
    this.#metrics = probeMetrics(parts.metrics);
  }

  /**
   * Runs these tasks and no others, with these settings. A task that is equal to the one of its id goes on untouched, in phase and counters; a lane is
   * started again only where its plugins, their host keys or the agent's name changed. One call at a time; it gives way to others while it works.
   */
  async apply(tasks: readonly Task[], settings: Partial<ProbesSettings> = {}): Promise<void> {
    const slice = new TimeSlice();
    const { agent } = this.#settings;
    this.#settings = { ...this.#settings, ...settings };
    if (!sameValue(agent, this.#settings.agent)) await this.#relabel(slice);
    for (const lane of this.#lanes.values()) lane.set(this.#laneSettings(lane.name));
    const changes = await this.#changesTo(tasks, slice);
    for (let i = 0; i < changes.length; i += CHANGES_AT_ONCE) {
      if (slice.isUp) await slice.next();
      if (this.#stopped) return;
      this.#change(changes.slice(i, i + CHANGES_AT_ONCE));
    }
    this.#tasks = new Map(tasks.map(({ id }) => [id, this.#tasks.get(id)!]));
    this.#metrics.tasks.set(this.#tasks.size);
  }

  async #changesTo(tasks: readonly Task[], slice: TimeSlice): Promise<TaskChange[]> {
    const changes: TaskChange[] = [];
    const wanted = new Map(tasks.map((task) => [task.id, task]));
    for (const [id, { task: old }] of this.#tasks) {
      if (slice.isUp) await slice.next();
      const next = wanted.get(id);
      if (!sameValue(old, next)) changes.push({ old, next });
    }
    for (const next of tasks) if (!this.#tasks.has(next.id)) changes.push({ old: undefined, next });
    return changes;
  }

  #change(changes: readonly TaskChange[]): void {
    const lanes = new Map<string, { add: Task[]; remove: string[] }>();
    const laneOf = (task: Task) => {
      const lane = lanes.get(task.lane) ?? { add: [], remove: [] };
      lanes.set(task.lane, lane);
      return lane;
    };
    for (const { old, next } of changes) {
      const series = old && this.#takeOff(old, next);
      if (old !== undefined) laneOf(old).remove.push(old.id);
      if (next === undefined) continue;
      this.#watch(next, series);
      laneOf(next).add.push(next);
    }
    for (const [name, { add, remove }] of lanes) {
      const lane = this.#lane(name);
      if (!lane.isHosted) this.#endLane(name);
      lane.apply(add, remove);
    }
  }

  /** Gives the series of the old task where the next one goes on with them. */
  #takeOff(old: Task, next: Task | undefined): TaskSeries | undefined {
    const watched = this.#tasks.get(old.id)!;
    this.#tasks.delete(old.id);
    const series = next !== undefined && sameSeries(old, next) ? watched.series : undefined;
    this.#leaving.add(old, { ...watched, hasHeir: series !== undefined });
    return series;
  }

  /** All samples get other labels: the present series end. */
  async #relabel(slice: TimeSlice): Promise<void> {
    for (const watched of this.#tasks.values()) {
      if (slice.isUp) await slice.next();
      const next = watched.series.relabelled(this.#settings.agent);
      this.#endSeries(watched.series);
      watched.series = next;
    }
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
    this.#stopped = true;
    await Promise.all([...this.#lanes.values()].map((lane) => lane.stop()));
  }

  #lane(name: string): Lane {
    let lane = this.#lanes.get(name);
    if (lane !== undefined) return lane;
    const { clock, log } = this.#parts;
    lane = new Lane(name, this.#laneSettings(name), {
      clock,
      log,
      events: {
        onMessage: (message) => this.#receive(name, message),
        onHeartbeat: (heartbeat) => {
          this.#metrics.loopDelay.with({ lane: name }).set(heartbeat.worstLoopDelayMs / 1000);
          this.#metrics.droppedResults.with({ lane: name }).inc(heartbeat.droppedResults);
        },
        onDeath: (running) => {
          this.#metrics.restarts.with({ lane: name }).inc();
          for (const id of running) this.#countAborted(this.#watched(name, id));
        },
        onClose: () => {
          this.#metrics.loopDelay.remove({ lane: name });
          this.#endLane(name);
        },
      },
    });
    this.#lanes.set(name, lane);
    return lane;
  }

  #laneSettings(name: string): LaneSettings {
    const { catalog, agent, hostConfig } = this.#settings;
    const own = [...catalog.plugins.values()].filter((plugin) => plugin.lane === name);
    return {
      plugins: own.map(({ directory, builtin, stamp }) => ({ directory, builtin, stamp })),
      hello: {
        agentName: agent.name,
        hostConfig: Object.fromEntries(
          own.map(({ definition }) => [definition.name, hostConfig[definition.name] ?? {}]),
        ),
      },
    };
  }

  #watch(task: Task, series = new TaskSeries(task, this.#settings.agent)): void {
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
    this.#tasks.set(task.id, { task, series, status });
  }

  /** The task that a lane speaks of: the one that was taken off, until the lane has said so. */
  #watched(lane: string, id: string): Watched | undefined {
    return this.#leaving.first(lane, id) ?? this.#tasks.get(id);
  }

  /** Nothing more comes of a task: its series are marked as ended. */
  #ended({ series, hasHeir }: Leaving): void {
    if (!hasHeir) this.#endSeries(series);
  }

  /** What was taken off a lane has no host any more. */
  #endLane(name: string): void {
    for (const leaving of this.#leaving.takeLane(name)) this.#ended(leaving);
  }

  #endSeries(series: TaskSeries): void {
    const batch = series.endBatch(Math.round(this.#parts.clock.now()));
    if (batch.length > 0) this.#push(batch);
  }

  #receive(lane: string, message: Extract<ToAgent, { id: string }>): void {
    const watched = this.#watched(lane, message.id);
    if (message.kind === 'removed') {
      const leaving = this.#leaving.take(lane, message.id);
      if (leaving !== undefined) this.#ended(leaving);
    } else if (watched === undefined)
      return; // A host says nothing of a task after `removed`: this one is of a lane that has been closed.
    else if (message.kind === 'result') this.#take(watched, message.result);
    else if (message.kind === 'aborted') this.#countAborted(watched);
    else if (message.kind === 'problem') this.#note(watched, message.message);
    else this.#countTicks(watched, message);
  }

  #note({ status, task }: Watched, problem: string): void {
    status.problem = problem;
    this.#parts.log.error({ task: task.id, plugin: task.plugin }, `task cannot run: ${problem}`);
  }

  #countTicks({ status, task }: Watched, { skipped, missed }: { skipped: number; missed: number }): void {
    status.skipped += skipped;
    status.missed += missed;
    this.#metrics.skipped.with({ plugin: task.plugin }).inc(skipped);
    this.#metrics.missed.with({ plugin: task.plugin }).inc(missed);
  }

  #countAborted(watched: Watched | undefined): void {
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

/** Whether the samples of both have the same labels. */
function sameSeries(a: Task, b: Task): boolean {
  const labels = ({ deviceId, target, plugin, labels }: Task) => ({ deviceId, target, plugin, labels });
  return sameValue(labels(a), labels(b));
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
