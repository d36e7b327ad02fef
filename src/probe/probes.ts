import { type Clock, type Logger, type Metrics, sameValue, type Timer, TimeSlice } from '../lib/index.js';
import type { Next } from '../model/index.js';
import { Endings } from './endings.js';
import type { ToAgent } from './frames.js';
import type { HostEnd } from './host-child.js';
import { HOST_LIMITS, type HostLimits } from './host-limits.js';
import { Lane } from './lane.js';
import { LeavingTasks } from './leaving.js';
import { probeMetrics } from './metrics.js';
import { Quarantine } from './quarantine.js';
import { laneSettingsOf, type ProbesSettings, stampOf } from './settings.js';
import type { HostStatus, TaskStatus } from './status.js';
import type { Task } from './task.js';
import { changesTo, sameSeries, type TaskChange } from './task-changes.js';
import { TaskSeries } from './task-series.js';
import { WatchedTask, type WatchedTaskParts } from './watched-task.js';

/** Tasks that are changed without a look at the time. */
const CHANGES_AT_ONCE = 50;

/** What the probe stage needs. */
export interface ProbesParts extends ProbesSettings {
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  next: Next;
  /** Tests have less patience. */
  limits?: HostLimits;
}

/** A task that was taken off. */
interface Leaving {
  watched: WatchedTask;
  /** Another one goes on with its series. */
  hasHeir: boolean;
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
  readonly #leaving = new LeavingTasks<Leaving>();
  readonly #endings = new Endings();
  readonly #taskParts: WatchedTaskParts;
  #settings: ProbesSettings;
  #tasks = new Map<string, WatchedTask>();
  #stopped = false;
  /** Plugins that were given a host of their own, named as they are, after the host that they shared died. */
  readonly #parted = new Set<string>();
  readonly #setAside = new Map<string, SetAside>();
  readonly #listeners: ((status: TaskStatus) => void)[] = [];

  constructor(parts: ProbesParts) {
    this.#parts = parts;
    const { catalog, agent, hostConfig } = parts;
    this.#settings = { catalog, agent, hostConfig };
    this.#limits = parts.limits ?? HOST_LIMITS;
    this.#metrics = probeMetrics(parts.metrics);
    this.#quarantine = new Quarantine(parts.clock, this.#limits);
    const { clock, log, next } = parts;
    const onResult = (status: TaskStatus) => {
      for (const listener of this.#listeners) listener(status);
    };
    this.#taskParts = { clock, log, next, metrics: this.#metrics, onResult };
  }

  /**
   * Runs these tasks and no others, with these settings. A task that is equal to the one of its id goes on untouched, in phase and counters; a host is
   * started again only where its plugins, their host keys or the agent's name changed. One call at a time; it gives way to others while it works.
   */
  async apply(tasks: readonly Task[], settings: Partial<ProbesSettings> = {}): Promise<void> {
    const slice = new TimeSlice();
    const before = this.#settings;
    this.#settings = { ...before, ...settings };
    if (!sameValue(before.agent, this.#settings.agent)) await this.#relabel(slice);
    for (const lane of this.#lanes.values()) lane.set(laneSettingsOf(lane.name, this.#settings));
    for (const plugin of this.#setAside.keys())
      if (stampOf(before, plugin) !== stampOf(this.#settings, plugin)) this.#takeBack(plugin);
    const changes = await changesTo(this.#tasks, tasks, slice);
    for (let i = 0; i < changes.length; i += CHANGES_AT_ONCE) {
      if (slice.isUp) await slice.next();
      if (this.#stopped) return;
      this.#change(changes.slice(i, i + CHANGES_AT_ONCE));
    }
    this.#tasks = new Map(tasks.map(({ id }) => [id, this.#tasks.get(id)!]));
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
    for (const { task } of this.#tasks.values()) {
      const lane = this.#laneOf(task);
      tasks.set(lane, (tasks.get(lane) ?? 0) + 1);
    }
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
    for (const { back } of this.#setAside.values()) back.cancel();
    await Promise.all([...this.#lanes.values()].map((lane) => lane.stop()));
    await this.#endings.done;
  }

  #change(changes: readonly TaskChange[]): void {
    for (const { old, next } of changes) {
      const series = old && this.#takeOff(old, next);
      if (next !== undefined) this.#watch(next, series);
    }
    const tasks = (of: (change: TaskChange) => Task | undefined) => changes.flatMap((one) => of(one) ?? []);
    this.#applyToLanes(
      tasks(({ next }) => next),
      tasks(({ old }) => old),
    );
  }

  /** Gives the series of the old task where the next one goes on with them. */
  #takeOff(old: Task, next: Task | undefined): TaskSeries | undefined {
    const watched = this.#tasks.get(old.id)!;
    this.#tasks.delete(old.id);
    const series = next !== undefined && sameSeries(old, next) ? watched.series : undefined;
    this.#leaving.add(this.#laneOf(old), old.id, { watched, hasHeir: series !== undefined });
    return series;
  }

  /** All samples get other labels: the present series end. */
  async #relabel(slice: TimeSlice): Promise<void> {
    for (const watched of this.#tasks.values()) {
      if (slice.isUp) await slice.next();
      watched.relabel(this.#settings.agent);
    }
  }

  #applyToLanes(added: readonly Task[], removed: readonly Task[]): void {
    const runnable = added.filter((task) => !this.#setAside.has(task.plugin));
    for (const name of new Set([...removed, ...runnable].map((task) => this.#laneOf(task)))) {
      const inLane = (task: Task) => this.#laneOf(task) === name;
      const gone = removed.filter(inLane).map(({ id }) => id);
      const lane = this.#lane(name);
      if (!lane.isHosted) this.#endLane(name);
      lane.apply(runnable.filter(inLane), gone);
    }
  }

  #laneOf(task: Task): string {
    return this.#parted.has(task.plugin) ? task.plugin : task.lane;
  }

  #lane(name: string): Lane {
    let lane = this.#lanes.get(name);
    if (lane !== undefined) return lane;
    const { clock, log } = this.#parts;
    const { loopDelay, droppedResults, droppedLines, restarts } = this.#metrics;
    lane = new Lane(name, {
      clock,
      log,
      settings: laneSettingsOf(name, this.#settings),
      limits: this.#limits,
      events: {
        onMessage: (message) => this.#receive(name, message),
        onHeartbeat: (heartbeat) => {
          loopDelay.with({ lane: name }).set(heartbeat.worstLoopDelayMs / 1000);
          droppedResults.with({ lane: name }).inc(heartbeat.droppedResults);
          droppedLines.with({ lane: name }).inc(heartbeat.droppedLines);
        },
        onCutShort: (ids) => {
          for (const id of ids) this.#watched(name, id)?.countAborted();
        },
        onRestart: () => restarts.with({ lane: name }).inc(),
        onDeath: (end) => this.#judge(name, end),
        onEnd: () => {
          loopDelay.remove({ lane: name });
          this.#endLane(name);
        },
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
    for (const task of tasks) this.#tasks.get(task.id)!.status.lane = this.#laneOf(task);
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
      const watched = this.#tasks.get(id)!;
      watched.status.problem = problem;
      watched.end();
    }
  }

  /** Tries a plugin again that was set aside. */
  #takeBack(plugin: string): void {
    const aside = this.#setAside.get(plugin);
    if (aside === undefined) return;
    aside.back.cancel();
    this.#setAside.delete(plugin);
    this.#metrics.setAside.set(this.#setAside.size);
    this.#parts.log.warn({ plugin }, 'Plugin is tried again');
    const tasks = this.#tasksOf([plugin]);
    const now = this.#parts.clock.monotonic();
    for (const { id, intervalMs } of tasks) {
      const watched = this.#tasks.get(id)!;
      const asideMs = now - Math.max(aside.sinceMs, watched.sinceMs);
      watched.status.problem = undefined;
      watched.countMissed(Math.floor(asideMs / intervalMs), 'set_aside');
    }
    this.#applyToLanes(tasks, []);
  }

  #tasksOf(plugins: readonly string[]): Task[] {
    return [...this.#tasks.values()].map(({ task }) => task).filter((task) => plugins.includes(task.plugin));
  }

  #watch(task: Task, series = new TaskSeries(task, this.#settings.agent)): void {
    const problem = this.#setAside.get(task.plugin)?.problem;
    const watched = new WatchedTask(task, series, problem, this.#taskParts);
    watched.status.lane = this.#laneOf(task);
    this.#tasks.set(task.id, watched);
  }

  /** The task that a lane speaks of: the one that was taken off, until the lane has said so. */
  #watched(lane: string, id: string): WatchedTask | undefined {
    return this.#leaving.first(lane, id)?.watched ?? this.#tasks.get(id);
  }

  /** Nothing more comes of a task: its series have ended. */
  #ended({ watched, hasHeir }: Leaving): void {
    if (!hasHeir) this.#endings.add(watched);
  }

  /** What was taken off a lane has no host any more. */
  #endLane(name: string): void {
    for (const leaving of this.#leaving.takeLane(name)) this.#ended(leaving);
  }

  #receive(lane: string, message: Extract<ToAgent, { id: string }>): void {
    if (message.kind === 'removed') {
      const leaving = this.#leaving.take(lane, message.id);
      if (leaving !== undefined) this.#ended(leaving);
    } else this.#watched(lane, message.id)?.hear(message); // A host says nothing of a task after `removed`.
  }
}

function pluginsOf(tasks: readonly Task[]): string[] {
  return [...new Set(tasks.map(({ plugin }) => plugin))];
}
