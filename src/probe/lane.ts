import { Backoff, type Clock, type Logger, sameValue, type Timer, TimeSlice } from '../lib/index.js';
import type { Resume } from '../schedule/index.js';
import type { ToAgent, ToHost } from './frames.js';
import { HostChild, type HostEnd } from './host-child.js';
import type { HostLimits } from './host-limits.js';
import type { PluginFolder } from './plugin-loader.js';
import type { Task } from './task.js';

/** Results that a host may send before it must wait for the agent. */
const CREDITS = 500;
/** Credits are given back in portions. */
const CREDIT_PORTION = 50;
/** A host that lived so long was well: the next restart is at once again. */
const WELL_MS = 60_000;
/** The same for one that somebody else killed. */
const WELL_BEFORE_KILL_MS = 2000;
const MAX_STUCK_MS = 600_000;
/** Tasks in one frame: to pack them must not hold the agent's loop. */
const TASKS_PER_FRAME = 100;

/** What a lane tells its owner. */
export interface LaneEvents {
  /** Anything that concerns a task. */
  onMessage(message: Extract<ToAgent, { id: string }>): void;
  /** The host is alive; `droppedLines` counts what it logged and what it printed. */
  onHeartbeat(heartbeat: Extract<ToAgent, { kind: 'heartbeat' }>): void;
  /** The host has ended and gave nothing for these runs. */
  onCutShort(ids: readonly string[]): void;
  /** The host is started again: it died, or held a run that did not end. */
  onRestart(): void;
  /** The host died by itself or was killed. */
  onDeath(end: HostEnd): void;
  /** The host has ended, asked to or not: nothing more comes of its tasks. */
  onEnd(): void;
}

/** What a host must know before its tasks. */
export type LaneHello = Omit<Extract<ToHost, { kind: 'hello' }>, 'kind' | 'plugins' | 'credits'>;

/** What a host is started with; other settings need another host. */
export interface LaneSettings {
  plugins: readonly Pick<PluginFolder, 'directory' | 'builtin' | 'stamp'>[];
  hello: LaneHello;
  /** It measures short times: all other hosts give way to it. */
  timed: boolean;
}

/** What a lane is made of. */
export interface LaneParts {
  clock: Clock;
  log: Logger;
  settings: LaneSettings;
  limits: HostLimits;
  events: LaneEvents;
}

/** A lane: the probe host of some plugins, kept alive while it has tasks. */
export class Lane {
  readonly name: string;
  readonly #parts: LaneParts;
  readonly #log: Logger;
  #settings: LaneSettings;
  readonly #tasks = new Map<string, Task>();
  /** Tasks that the host has not been given yet. */
  #unsent = new Set<string>();
  /** Where the hosts so far left each task: the next one goes on from there. */
  readonly #left = new Map<string, Resume>();
  readonly #backoff = new Backoff(500, 60_000);
  readonly #stuckBackoff: Backoff;
  #stuckLimitMs: number;
  #host: HostChild | undefined;
  #unpaidCredits = 0;
  #diedBefore = false;
  #closed = false;
  #restart: Timer | undefined;
  #onGone: (() => void)[] = [];

  constructor(name: string, parts: LaneParts) {
    this.name = name;
    this.#parts = parts;
    this.#settings = parts.settings;
    this.#log = parts.log.child({ lane: name });
    this.#stuckBackoff = new Backoff(parts.limits.stuckMs, MAX_STUCK_MS);
    this.#stuckLimitMs = this.#stuckBackoff.next();
  }

  /** Process id of the host, while there is one. */
  get pid(): number | undefined {
    return this.#host?.pid;
  }

  /** Whether a host is there: it says `removed` for each task that is taken from it, or ends. */
  get isHosted(): boolean {
    return this.#host !== undefined;
  }

  /** Adds and removes tasks; starts the host with the first and stops it after the last. */
  apply(add: readonly Task[], remove: readonly string[]): void {
    for (const id of remove) {
      this.#tasks.delete(id);
      this.#left.delete(id);
      this.#unsent.delete(id);
    }
    for (const task of add) {
      this.#tasks.set(task.id, task);
      this.#unsent.add(task.id);
    }
    const host = this.#host;
    if (this.#tasks.size === 0) void this.#end();
    else if (host !== undefined) {
      if (remove.length > 0) host.send({ kind: 'tasks', add: [], remove: [...remove] });
      void this.#give(host);
    } else if (this.#restart === undefined && !this.#closed) this.#start();
  }

  /** From now on its host is started with these; one that was started with others is ended, and another one goes on from there. */
  set(settings: LaneSettings): void {
    if (sameValue(settings, this.#settings)) return;
    this.#settings = settings;
    this.#host?.stop();
  }

  /** Ends the host for good: its runs are cut short, its finished results come first. Settles when the process is gone. */
  stop(): Promise<void> {
    this.#closed = true;
    return this.#end();
  }

  #end(): Promise<void> {
    this.#restart?.cancel();
    this.#restart = undefined;
    if (this.#host === undefined) return Promise.resolve();
    this.#host.stop();
    return new Promise((resolve) => this.#onGone.push(resolve));
  }

  #start(): void {
    const { clock, limits } = this.#parts;
    const { plugins, hello, timed } = this.#settings;
    this.#unpaidCredits = 0;
    const host = new HostChild({
      lane: this.name,
      clock,
      log: this.#log,
      limits,
      timed,
      onMessage: (message) => this.#receive(message),
      onEnd: (end) => this.#onEnd(end),
    });
    this.#host = host;
    const folders = plugins.map(({ directory, builtin }) => ({ directory, builtin }));
    host.send({ kind: 'hello', ...hello, plugins: folders, credits: CREDITS });
    this.#unsent = new Set(this.#tasks.keys());
    void this.#give(host);
  }

  /** Gives a host the tasks that it does not have yet, in portions. */
  async #give(host: HostChild): Promise<void> {
    const slice = new TimeSlice();
    while (this.#unsent.size > 0 && this.#host === host) {
      const add: Task[] = [];
      const resume = new Map<string, Resume>();
      for (const id of this.#unsent) {
        add.push(this.#tasks.get(id)!);
        const left = this.#left.get(id);
        if (left !== undefined) resume.set(id, left);
        this.#unsent.delete(id);
        if (add.length === TASKS_PER_FRAME) break;
      }
      host.send({ kind: 'tasks', add, remove: [], resume });
      if (slice.isUp) await slice.next();
    }
  }

  #receive(message: ToAgent): void {
    const { events } = this.#parts;
    if (message.kind === 'heartbeat') this.#onHeartbeat(message);
    else if (message.kind === 'log') this.#log[message.level](message.fields, message.message);
    else if (message.kind === 'started') this.#leave(message.id, message.plannedMs, false);
    else if (message.kind !== 'stopped') {
      events.onMessage(message);
      if (message.kind === 'aborted') this.#cutShort(message.id);
      if (message.kind === 'skipped') this.#leave(message.id, message.lastMs);
      if (message.kind === 'missed') this.#leave(message.id, message.missed.lastMs);
      if (message.kind === 'result') this.#pay();
    }
  }

  #onHeartbeat(heartbeat: Extract<ToAgent, { kind: 'heartbeat' }>): void {
    const droppedLines = heartbeat.droppedLines + (this.#host?.takeDroppedLines() ?? 0);
    if (droppedLines > 0)
      this.#log.warn({ lines: droppedLines }, 'probe host logged or printed more than is written');
    this.#parts.events.onHeartbeat({ ...heartbeat, droppedLines });
    if (heartbeat.stuckMs <= this.#stuckLimitMs) return;
    this.#stuckLimitMs = this.#stuckBackoff.next();
    this.#log.error('probe host is started again: a run in it has not ended since it was given up');
    this.#parts.events.onRestart();
    this.#host?.stop();
  }

  #leave(id: string, plannedMs: number, cutShort = this.#left.get(id)?.cutShort ?? false): void {
    if (this.#tasks.has(id)) this.#left.set(id, { plannedMs, cutShort });
  }

  #cutShort(id: string): void {
    const left = this.#left.get(id);
    if (left !== undefined) this.#left.set(id, { ...left, cutShort: true });
  }

  #pay(): void {
    if (++this.#unpaidCredits < CREDIT_PORTION) return;
    this.#host?.send({ kind: 'credit', count: this.#unpaidCredits });
    this.#unpaidCredits = 0;
  }

  #onEnd(end: HostEnd): void {
    this.#host = undefined;
    for (const id of end.running) this.#cutShort(id);
    this.#parts.events.onCutShort(end.running);
    this.#parts.events.onEnd();
    if (!end.asked) this.#onDeath(end);
    else if (this.#tasks.size > 0 && !this.#closed) this.#start();
    for (const resolve of this.#onGone.splice(0)) resolve();
  }

  #onDeath(end: HostEnd): void {
    const wasWell = end.livedMs > (end.fromOutside ? WELL_BEFORE_KILL_MS : WELL_MS);
    if (wasWell) this.#backoff.reset();
    const delayMs = wasWell || !this.#diedBefore ? 0 : this.#backoff.next();
    this.#diedBefore = true;
    const running = end.running.slice(0, 20);
    const fields = { running, cut_short: end.running.length, restart_in_ms: Math.round(delayMs) };
    this.#log.error(fields, `probe host died: it ${end.how}`);
    this.#restart = this.#parts.clock.after(delayMs, () => {
      this.#restart = undefined;
      if (this.#tasks.size > 0) this.#start();
    });
    this.#parts.events.onRestart();
    this.#parts.events.onDeath(end);
  }
}
