import type { Clock, Logger, Metrics, Timer } from '../lib/index.js';
import type { Batch, Next } from '../model/index.js';
import type { RunResult, ToAgent } from './frames.js';
import type { HostEnd } from './host-child.js';
import { HOST_LIMITS, type HostLimits } from './host-limits.js';
import { Lane, type LaneHello } from './lane.js';
import { probeMetrics } from './metrics.js';
import type { PluginCatalog } from './plugin-loader.js';
import { Quarantine } from './quarantine.js';
import type { LastResult, TaskStatus } from './status.js';
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
  /** Tests have less patience. */
  limits?: HostLimits;
}

interface Watched {
  task: Task;
  series: TaskSeries;
  status: TaskStatus;
}

/** A plugin that is left out for a while. */
interface SetAside {
  sinceMs: number;
  problem: string;
  back: Timer;
}

/** Due task -> batch: keeps a probe host per lane, and turns what their runs give into batches for the next stage. */
export class Probes {
  readonly #parts: ProbesParts;
  readonly #limits: HostLimits;
  readonly #metrics: ReturnType<typeof probeMetrics>;
  readonly #quarantine: Quarantine;
  readonly #lanes = new Map<string, Lane>();
  readonly #tasks = new Map<string, Watched>();
  /** Plugins that were given a host of their own, named as they are, after the host that they shared died. */
  readonly #parted = new Set<string>();
  readonly #setAside = new Map<string, SetAside>();
  readonly #listeners: ((status: TaskStatus) => void)[] = [];

  constructor(parts: ProbesParts) {
    this.#parts = parts;
    this.#limits = parts.limits ?? HOST_LIMITS;
    this.#metrics = probeMetrics(parts.metrics);
    this.#quarantine = new Quarantine(parts.clock, this.#limits);
  }

  /** Runs these tasks and no others. A task that is equal to the one of its id goes on untouched. */
  apply(tasks: readonly Task[]): void {
    const wanted = new Map(tasks.map((task) => [task.id, task]));
    const removed = [...this.#tasks.values()].filter(({ task }) => !sameTask(task, wanted.get(task.id)));
    for (const { task } of removed) this.#forget(task);
    const added = tasks.filter((task) => !this.#tasks.has(task.id));
    for (const task of added) this.#watch(task);
    this.#applyToLanes(
      added,
      removed.map(({ task }) => task),
    );
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

  /** Ends all probe hosts; what had finished is passed on before it settles. */
  async stop(): Promise<void> {
    for (const { back } of this.#setAside.values()) back.cancel();
    await Promise.all([...this.#lanes.values()].map((lane) => lane.stop()));
  }

  #applyToLanes(added: readonly Task[], removed: readonly Task[]): void {
    const runnable = added.filter((task) => !this.#setAside.has(task.plugin));
    for (const name of new Set([...removed, ...runnable].map((task) => this.#laneOf(task)))) {
      const inLane = (task: Task) => this.#laneOf(task) === name;
      const gone = removed.filter(inLane).map(({ id }) => id);
      this.#lane(name).apply(runnable.filter(inLane), gone);
    }
  }

  #laneOf(task: Task): string {
    return this.#parted.has(task.plugin) ? task.plugin : task.lane;
  }

  #lane(name: string): Lane {
    let lane = this.#lanes.get(name);
    if (lane !== undefined) return lane;
    const { clock, log, catalog, agent, hostConfig } = this.#parts;
    const plugins = [...catalog.plugins.values()].filter(
      (plugin) => plugin.lane === name || plugin.definition.name === name,
    );
    const own = Object.fromEntries(
      plugins.map(({ definition }) => [definition.name, hostConfig[definition.name] ?? {}]),
    );
    const hello: LaneHello = { hostConfig: own, agentName: agent.name };
    const { loopDelay, droppedResults, droppedLines, restarts } = this.#metrics;
    lane = new Lane(name, {
      clock,
      log,
      plugins,
      hello,
      limits: this.#limits,
      events: {
        onMessage: (message) => this.#receive(message),
        onHeartbeat: (heartbeat) => {
          loopDelay.with({ lane: name }).set(heartbeat.worstLoopDelayMs / 1000);
          droppedResults.with({ lane: name }).inc(heartbeat.droppedResults);
          droppedLines.with({ lane: name }).inc(heartbeat.droppedLines);
        },
        onCutShort: (ids) => {
          for (const id of ids) this.#countAborted(id);
        },
        onRestart: () => restarts.with({ lane: name }).inc(),
        onDeath: (end) => this.#judge(name, end),
      },
    });
    this.#lanes.set(name, lane);
    return lane;
  }

  /** A host died: whoever keeps doing that to it is taken out. */
  #judge(lane: string, end: HostEnd): void {
    if (end.fromOutside) return;
    const inLane = [...this.#tasks.values()].map(({ task }) => task).filter((task) => this.#isIn(task, lane));
    const running = new Set(end.running);
    const verdict = this.#quarantine.judge({
      lane,
      plugins: pluginsOf(inLane),
      running: pluginsOf(inLane.filter(({ id }) => running.has(id))),
    });
    if (verdict.kind === 'part') this.#part(lane, verdict.plugins);
    else if (verdict.kind === 'set_aside') this.#leaveOut(verdict.plugin, verdict.forMs, end.how);
  }

  #isIn(task: Task, lane: string): boolean {
    return this.#laneOf(task) === lane && !this.#setAside.has(task.plugin);
  }

  /** Gives plugins a host of their own, so that the next death has one culprit. */
  #part(lane: string, plugins: readonly string[]): void {
    this.#parts.log.error(
      { lane, plugins },
      'The probe host keeps dying: these plugins ran, and each gets a host of its own',
    );
    const tasks = this.#tasksOf(plugins);
    this.#applyToLanes([], tasks);
    for (const plugin of plugins) this.#parted.add(plugin);
    this.#applyToLanes(tasks, []);
  }

  #leaveOut(plugin: string, forMs: number, how: string): void {
    const { clock, log } = this.#parts;
    const until = new Date(clock.now() + forMs).toISOString();
    const problem = `plugin "${plugin}" is set aside until ${until}, because its probe host keeps dying: it ${how}`;
    log.error({ plugin, until }, `Plugin set aside: its probe host keeps dying; the last time it ${how}`);
    const tasks = this.#tasksOf([plugin]);
    this.#applyToLanes([], tasks);
    const back = clock.after(forMs, () => this.#takeBack(plugin));
    this.#setAside.set(plugin, { sinceMs: clock.monotonic(), problem, back });
    this.#metrics.setAside.set(this.#setAside.size);
    for (const { id } of tasks) {
      const { status, series } = this.#tasks.get(id)!;
      status.problem = problem;
      this.#pushEnd(series, status);
    }
  }

  /** Tries a plugin again that was set aside. */
  #takeBack(plugin: string): void {
    const aside = this.#setAside.get(plugin);
    if (aside === undefined) return;
    this.#setAside.delete(plugin);
    this.#metrics.setAside.set(this.#setAside.size);
    this.#parts.log.warn({ plugin }, 'Plugin is tried again');
    const tasks = this.#tasksOf([plugin]);
    const asideMs = this.#parts.clock.monotonic() - aside.sinceMs;
    for (const { id, intervalMs } of tasks) {
      this.#tasks.get(id)!.status.problem = undefined;
      this.#countMissed(id, Math.floor(asideMs / intervalMs), 'set_aside');
    }
    this.#applyToLanes(tasks, []);
  }

  #tasksOf(plugins: readonly string[]): Task[] {
    return [...this.#tasks.values()].map(({ task }) => task).filter((task) => plugins.includes(task.plugin));
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
      problem: this.#setAside.get(task.plugin)?.problem,
    };
    this.#tasks.set(task.id, { task, series: new TaskSeries(task, this.#parts.agent), status });
  }

  /** A task that goes takes its series with it: they are marked as ended. */
  #forget(task: Task): void {
    const watched = this.#tasks.get(task.id);
    if (watched === undefined) return;
    this.#tasks.delete(task.id);
    this.#pushEnd(watched.series, watched.status);
  }

  /** Marks the series of a task as ended, now; after its last samples also when the clock was set back since. */
  #pushEnd(series: TaskSeries, { last }: TaskStatus): void {
    const batch = series.endBatch(Math.max(Math.round(this.#parts.clock.now()), (last?.plannedMs ?? 0) + 1));
    if (batch.length > 0) this.#push(batch);
  }

  #receive(message: Extract<ToAgent, { id: string }>): void {
    const watched = this.#tasks.get(message.id);
    if (watched === undefined) return; // Its task has gone; what was on the way is not wanted any more.
    const { status, task } = watched;
    if (message.kind === 'result') this.#take(watched, message.result);
    else if (message.kind === 'aborted') this.#countAborted(message.id);
    else if (message.kind === 'missed') {
      const { ticks, reason } = message.missed;
      this.#countMissed(message.id, ticks, reason);
    } else if (message.kind === 'problem') {
      status.problem = message.message;
      this.#parts.log.error({ task: task.id, plugin: task.plugin }, `task cannot run: ${message.message}`);
    } else if (message.kind === 'skipped') {
      status.skipped += message.ticks;
      this.#metrics.skipped.with({ plugin: task.plugin }).inc(message.ticks);
    }
  }

  #countAborted(id: string): void {
    const watched = this.#tasks.get(id);
    if (watched === undefined) return;
    watched.status.aborted++;
    this.#metrics.aborted.with({ plugin: watched.task.plugin }).inc();
  }

  #countMissed(id: string, ticks: number, reason: string): void {
    const watched = this.#tasks.get(id);
    if (watched === undefined) return;
    watched.status.missed += ticks;
    this.#metrics.missed.with({ plugin: watched.task.plugin, reason }).inc(ticks);
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
    // A stamp that waits for a clock that was set back lies after the start.
    this.#metrics.lag.with({ plugin }).set(Math.max(0, result.startedMs - result.plannedMs) / 1000);
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

function pluginsOf(tasks: readonly Task[]): string[] {
  return [...new Set(tasks.map(({ plugin }) => plugin))];
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
