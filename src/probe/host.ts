import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Duplex } from 'node:stream';
import { type Clock, errorLine, field, type Logger } from '../lib/index.js';
import { Schedule } from '../schedule/index.js';
import type { PluginHost } from '../sdk/index.js';
import { encodeFrame, FrameReader, type ToAgent, type ToHost } from './frames.js';
import { Outbox } from './outbox.js';
import { runOnce } from './outcome.js';
import { type LoadedPlugin, loadPlugin } from './plugin-loader.js';
import { ColumnWriter } from './sample-columns.js';
import { readOptions, type Task } from './task.js';

const HEARTBEAT_MS = 1000;
/** How often the event loop is looked at; a look that comes late by so much says how long the loop was held. */
const LOOK_MS = 50;
/** How long the runs that a stop cut short may take to settle. */
const STOP_MS = 1500;
/** After a plugin could not open, its tasks are tried again. */
const REOPEN_MS = 30_000;

/** A plugin with what it opened. */
interface OpenPlugin {
  loaded: LoadedPlugin;
  shared: unknown;
}

interface HostedTask {
  task: Task;
  plugin: OpenPlugin;
  prepared: unknown;
  timeoutMs: number;
}

/** What a probe host needs from its process. */
export interface ProbeHostParts {
  /** The one byte stream to the agent. */
  stream: Duplex;
  clock: Clock;
  /** What the process offers to a plugin: resolver, HTTP client. */
  offer(log: Logger, config: unknown): PluginHost;
  /** Ends the process. */
  exit(): void;
}

/** A probe host: owns the schedule of its tasks, runs them, stamps their results, and sends them to the agent as frames. */
export class ProbeHost {
  readonly #parts: ProbeHostParts;
  readonly #reader = new FrameReader<ToHost>();
  readonly #schedule: Schedule<HostedTask>;
  readonly #plugins = new Map<string, Promise<OpenPlugin>>();
  readonly #tasks = new Map<string, HostedTask>();
  /** Tasks that the agent wants here, also those that are still being prepared. */
  readonly #wanted = new Map<string, Task>();
  readonly #runs = new Map<HostedTask, { cutShort: AbortController; done: Promise<void> }>();
  readonly #columns = new ColumnWriter();
  readonly #delay = monitorEventLoopDelay({ resolution: LOOK_MS });
  #hello: Extract<ToHost, { kind: 'hello' }> | undefined;
  #loaded: Promise<Map<string, LoadedPlugin>> | undefined;
  #outbox = new Outbox(0, () => {});
  #heartbeat: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(parts: ProbeHostParts) {
    this.#parts = parts;
    this.#schedule = new Schedule(parts.clock, {
      run: (hosted, plannedMs) => this.#run(hosted, plannedMs),
      onSkip: (hosted) => this.#send({ kind: 'ticks', id: hosted.task.id, skipped: 1, missed: 0 }),
      onMiss: (hosted, ticks) => this.#send({ kind: 'ticks', id: hosted.task.id, skipped: 0, missed: ticks }),
    });
    parts.stream.on('data', (chunk: Buffer) => {
      for (const message of this.#reader.push(chunk)) this.#receive(message);
    });
    // The agent is gone: nobody is left to take results.
    parts.stream.on('close', () => parts.exit());
    parts.stream.on('error', () => parts.exit());
  }

  #receive(message: ToHost): void {
    if (message.kind === 'hello') this.#start(message);
    else if (message.kind === 'credit') this.#outbox.credit(message.count);
    else if (message.kind === 'stop') void this.#stop();
    else {
      for (const id of message.remove) this.#remove(id);
      void this.#add(message.add);
    }
  }

  #start(hello: Extract<ToHost, { kind: 'hello' }>): void {
    this.#hello = hello;
    this.#outbox = new Outbox(hello.credits, ({ id, result, samples }) =>
      this.#send({
        kind: 'result',
        id,
        result: { ...result, samples: this.#columns.columnsOf(id, samples) },
      }),
    );
    this.#loaded = this.#load(hello.plugins);
    this.#delay.enable();
    this.#beat();
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS);
  }

  #beat(): void {
    this.#send({
      kind: 'heartbeat',
      worstLoopDelayMs: Math.max(0, this.#delay.max / 1e6 - LOOK_MS),
      droppedResults: this.#outbox.takeDropped(),
      running: [...this.#runs.keys()].slice(0, 20).map((hosted) => hosted.task.id),
    });
    this.#delay.reset();
  }

  async #load(folders: { directory: string; builtin: boolean }[]): Promise<Map<string, LoadedPlugin>> {
    const plugins = new Map<string, LoadedPlugin>();
    for (const { directory, builtin } of folders) {
      try {
        const loaded = await loadPlugin(directory, builtin);
        plugins.set(loaded.definition.name, loaded);
      } catch (error) {
        this.#log.error({ plugin: directory }, errorLine(error));
      }
    }
    return plugins;
  }

  /** The plugin with its `open` done, once per host. Rejects when it cannot be had; the next call tries again. */
  #open(name: string): Promise<OpenPlugin> {
    let open = this.#plugins.get(name);
    if (open === undefined) {
      open = this.#openNew(name);
      this.#plugins.set(name, open);
      open.catch(() => this.#plugins.delete(name));
    }
    return open;
  }

  async #openNew(name: string): Promise<OpenPlugin> {
    const loaded = (await this.#loaded)?.get(name);
    if (loaded === undefined) throw new Error(`plugin "${name}" did not load in its probe host`);
    const { definition } = loaded;
    const checked =
      definition.hostConfig === undefined
        ? undefined
        : field.check(definition.hostConfig, this.#hello?.hostConfig[name] ?? {});
    if (checked?.issues !== undefined)
      throw new Error(`plugins.config.${name}: ${checked.issues.map((issue) => issue.message).join('; ')}`);
    const shared = await definition.open?.(
      this.#parts.offer(this.#log.child({ plugin: name }), checked?.value),
    );
    return { loaded, shared };
  }

  async #add(tasks: readonly Task[]): Promise<void> {
    for (const task of tasks) this.#wanted.set(task.id, task);
    const ready: HostedTask[] = [];
    for (const task of tasks) {
      const hosted = await this.#prepare(task);
      if (hosted !== undefined && this.#wanted.get(task.id) === task && !this.#stopping) ready.push(hosted);
    }
    for (const hosted of ready) {
      this.#drop(hosted.task.id);
      this.#tasks.set(hosted.task.id, hosted);
    }
    const phase = this.#hello?.agentName ?? '';
    this.#schedule.add(
      ready.map((hosted) => ({
        key: hosted.task.id,
        phase: `${phase}/${hosted.task.id}`,
        intervalMs: hosted.task.intervalMs,
        item: hosted,
      })),
    );
  }

  async #prepare(task: Task): Promise<HostedTask | undefined> {
    let plugin: OpenPlugin;
    try {
      plugin = await this.#open(task.plugin);
    } catch (error) {
      this.#send({
        kind: 'problem',
        id: task.id,
        message: `cannot open plugin "${task.plugin}": ${errorLine(error)}`,
      });
      this.#parts.clock.after(REOPEN_MS, () => {
        if (this.#wanted.get(task.id) === task && !this.#stopping) void this.#add([task]);
      });
      return undefined;
    }
    const { definition } = plugin.loaded;
    try {
      const read = readOptions(definition, task.config, {
        baseDirectory: task.baseDirectory,
        timeoutMs: task.timeoutMs,
      });
      if (read.issues !== undefined)
        throw new Error(read.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '));
      const prepared = definition.prepare(read.config, plugin.shared, { timeoutMs: read.timeoutMs });
      return { task, plugin, prepared, timeoutMs: read.timeoutMs };
    } catch (error) {
      this.#send({ kind: 'problem', id: task.id, message: errorLine(error) });
      return undefined;
    }
  }

  #remove(id: string): void {
    this.#wanted.delete(id);
    this.#drop(id);
  }

  /** Takes a task off the schedule and cuts its run short. */
  #drop(id: string): void {
    const hosted = this.#tasks.get(id);
    if (hosted === undefined) return;
    this.#schedule.remove(id);
    this.#tasks.delete(id);
    this.#columns.forget(id);
    const run = this.#runs.get(hosted);
    run?.cutShort.abort();
    void (run?.done ?? Promise.resolve()).then(() =>
      hosted.plugin.loaded.definition.release?.(hosted.prepared),
    );
  }

  async #run(hosted: HostedTask, plannedMs: number): Promise<void> {
    const cutShort = new AbortController();
    const done = this.#runAndReport(hosted, plannedMs, cutShort.signal);
    this.#runs.set(hosted, { cutShort, done });
    await done;
    this.#runs.delete(hosted);
  }

  async #runAndReport(hosted: HostedTask, plannedMs: number, cutShort: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const { id } = hosted.task;
    const startedMs = clock.now();
    const outcome = await runOnce(hosted.plugin.loaded.definition, hosted.prepared, {
      timeoutMs: hosted.timeoutMs,
      plannedMs,
      cutShort,
    });
    if (outcome.kind === 'aborted') {
      this.#send({ kind: 'aborted', id });
      return;
    }
    const { ok, reason, evidence } = outcome;
    const finishedMs = startedMs + outcome.durationSeconds * 1000;
    this.#outbox.push({
      id,
      result: { plannedMs, startedMs, finishedMs, ok, reason, evidence },
      samples: outcome.samples,
    });
  }

  /** Cuts the runs short, closes the plugins, sends what waits, and ends. */
  async #stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#schedule.stop();
    clearInterval(this.#heartbeat);
    const runs = [...this.#runs.values()];
    for (const run of runs) run.cutShort.abort();
    await Promise.race([
      Promise.all(runs.map((run) => run.done)),
      new Promise((resolve) => setTimeout(resolve, STOP_MS)),
    ]);
    for (const opening of this.#plugins.values()) {
      const plugin = await opening.catch(() => undefined);
      await plugin?.loaded.definition.close?.(plugin.shared);
    }
    this.#outbox.flush();
    this.#send({ kind: 'stopped' });
    this.#parts.stream.end();
  }

  #send(message: ToAgent): void {
    if (!this.#parts.stream.writableEnded) this.#parts.stream.write(encodeFrame(message));
  }

  readonly #log: Logger = frameLogger((frame) => this.#send(frame), {});
}

/** A logger whose lines go to the agent, which writes them. */
function frameLogger(send: (frame: ToAgent) => void, bound: Record<string, unknown>): Logger {
  const line = (level: 'debug' | 'info' | 'warn' | 'error') => (first: string | object, second?: string) => {
    const fields = typeof first === 'string' ? bound : { ...bound, ...first };
    const message = typeof first === 'string' ? first : (second ?? '');
    send({
      kind: 'log',
      level,
      fields: JSON.parse(JSON.stringify(fields)) as Record<string, unknown>,
      message,
    });
  };
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: (fields) => frameLogger(send, { ...bound, ...fields }),
  };
}
