import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Duplex } from 'node:stream';
import { type Clock, errorLine, field, type Logger } from '../lib/index.js';
import { type Resume, Schedule } from '../schedule/index.js';
import type { PluginHost } from '../sdk/index.js';
import { FrameWriter } from './frame-writer.js';
import { encodeFrame, FrameReader, type ToAgent, type ToHost } from './frames.js';
import { HostLog } from './host-log.js';
import { Outbox, type WaitingResult } from './outbox.js';
import { failedSamples, type Outcome, runOnce } from './outcome.js';
import { type LoadedPlugin, loadPlugin } from './plugin-loader.js';
import { ColumnWriter } from './sample-columns.js';
import { readOptions, type Task } from './task.js';

const HEARTBEAT_MS = 1000;
/** How often the event loop is looked at; a look that comes late by so much says how long the loop was held. */
const LOOK_MS = 50;
/** How long the runs that a stop cut short may take to settle. */
const STOP_MS = 1500;
/** Bytes that a result may take on its way; the agent would be held up by reading more at once. */
const MAX_RESULT_BYTES = 64 * 2 ** 20;
/** After a plugin could not open, its tasks are tried again. */
const REOPEN_MS = 30_000;
/** Tasks of a plugin that takes longer to open are said to wait for it. */
const SLOW_OPEN_MS = 10_000;

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

/** A run that goes on. */
interface HostedRun {
  cutShort: AbortController;
  /** Its result was given, or it was cut short. */
  reported: Promise<Outcome>;
  /** It has ended: what it used may be used again. Never, for a plugin that does not return. */
  ended: Promise<void>;
  /** When it was given up, monotonic ms. */
  stuckSinceMs: number | undefined;
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
  readonly #writer: FrameWriter;
  readonly #schedule: Schedule<HostedTask>;
  readonly #plugins = new Map<string, Promise<OpenPlugin>>();
  readonly #tasks = new Map<string, HostedTask>();
  /** Tasks that the agent wants here, also those that are still being prepared. */
  readonly #wanted = new Map<string, Task>();
  /** By task: never two of one task at a time. */
  readonly #runs = new Map<string, HostedRun>();
  readonly #log: HostLog;
  readonly #columns = new ColumnWriter();
  readonly #delay = monitorEventLoopDelay({ resolution: LOOK_MS });
  #hello: Extract<ToHost, { kind: 'hello' }> | undefined;
  #loaded: Promise<Map<string, LoadedPlugin>> | undefined;
  #outbox = new Outbox(0, () => {});
  #heartbeat: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(parts: ProbeHostParts) {
    this.#parts = parts;
    this.#writer = new FrameWriter(parts.stream);
    this.#schedule = new Schedule(parts.clock, {
      onStart: (starts) => this.#announce(starts),
      run: (hosted, plannedMs) => this.#run(hosted, plannedMs),
      onSkip: ({ task }, skipped) => this.#send({ kind: 'skipped', id: task.id, ...skipped }),
      onMiss: ({ task }, missed) => this.#send({ kind: 'missed', id: task.id, missed }),
    });
    this.#log = new HostLog(parts.clock, (frame) => this.#send(frame));
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
      for (const id of message.remove) void this.#remove(id);
      void this.#add(message.add, message.resume);
    }
  }

  #start(hello: Extract<ToHost, { kind: 'hello' }>): void {
    this.#hello = hello;
    this.#outbox = new Outbox(hello.credits, (waiting) => this.#sendResult(waiting));
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
      droppedLines: this.#log.takeDropped(),
      stuckMs: this.#stuckMs(),
    });
    this.#delay.reset();
  }

  #stuckMs(): number {
    const since = [...this.#runs.values()].map((run) => run.stuckSinceMs ?? Infinity);
    const first = Math.min(Infinity, ...since);
    return first === Infinity ? 0 : Math.max(1, this.#parts.clock.monotonic() - first);
  }

  async #load(folders: { directory: string; builtin: boolean }[]): Promise<Map<string, LoadedPlugin>> {
    const plugins = new Map<string, LoadedPlugin>();
    for (const { directory, builtin } of folders) {
      try {
        const loaded = await loadPlugin(directory, builtin);
        plugins.set(loaded.definition.name, loaded);
      } catch (error) {
        this.#log.logger.error({ plugin: directory }, errorLine(error));
      }
    }
    const slacks = [...plugins.values()].map(({ definition }) => definition.slackMs ?? 0);
    this.#schedule.slackMs = slacks.length === 0 ? 0 : Math.min(...slacks);
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
      this.#parts.offer(this.#log.logger.child({ plugin: name }), checked?.value),
    );
    return { loaded, shared };
  }

  async #add(tasks: readonly Task[], resume?: ReadonlyMap<string, Resume>): Promise<void> {
    for (const task of tasks) this.#wanted.set(task.id, task);
    const prepared = await Promise.all(tasks.map((task) => this.#prepare(task)));
    const free: HostedTask[] = [];
    for (const hosted of prepared) {
      if (hosted === undefined || !this.#isWanted(hosted.task)) continue;
      const { id } = hosted.task;
      this.#drop(id);
      this.#tasks.set(id, hosted);
      const before = this.#runs.get(id);
      if (before === undefined) free.push(hosted);
      else void before.ended.then(() => this.#plan([hosted], resume));
    }
    this.#plan(free, resume);
  }

  #isWanted(task: Task): boolean {
    return this.#wanted.get(task.id) === task && !this.#stopping;
  }

  #plan(tasks: readonly HostedTask[], resume: ReadonlyMap<string, Resume> | undefined): void {
    const phase = this.#hello?.agentName ?? '';
    const wanted = tasks.filter((hosted) => this.#tasks.get(hosted.task.id) === hosted);
    this.#schedule.add(
      wanted.map((hosted) => ({
        key: hosted.task.id,
        phase: `${phase}/${hosted.task.id}`,
        intervalMs: hosted.task.intervalMs,
        item: hosted,
        resume: resume?.get(hosted.task.id),
      })),
    );
  }

  /** Nothing when it cannot be had; then the task is tried again later. */
  async #openFor(task: Task): Promise<OpenPlugin | undefined> {
    const { clock } = this.#parts;
    const say = (message: string) => this.#send({ kind: 'problem', id: task.id, message });
    const late = clock.after(SLOW_OPEN_MS, () => {
      if (!this.#isWanted(task)) return;
      say(`plugin "${task.plugin}" has not opened within ${SLOW_OPEN_MS / 1000} s; it runs when it has`);
    });
    try {
      return await this.#open(task.plugin);
    } catch (error) {
      say(`cannot open plugin "${task.plugin}": ${errorLine(error)}`);
      clock.after(REOPEN_MS, () => {
        if (this.#isWanted(task)) void this.#add([task]);
      });
      return undefined;
    } finally {
      late.cancel();
    }
  }

  async #prepare(task: Task): Promise<HostedTask | undefined> {
    const plugin = await this.#openFor(task);
    if (plugin === undefined) return undefined;
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

  /** Takes a task off, and says so behind the last that comes of it. */
  async #remove(id: string): Promise<void> {
    this.#wanted.delete(id);
    this.#drop(id);
    await this.#runs.get(id)?.reported;
    this.#outbox.flush();
    this.#columns.forget(id);
    this.#send({ kind: 'removed', id });
  }

  /** Takes a task off the schedule and cuts its run short. */
  #drop(id: string): void {
    const hosted = this.#tasks.get(id);
    if (hosted === undefined) return;
    this.#schedule.remove(id);
    this.#tasks.delete(id);
    this.#columns.forget(id);
    const run = this.#runs.get(id);
    run?.cutShort.abort();
    void (run?.ended ?? Promise.resolve()).then(() =>
      hosted.plugin.loaded.definition.release?.(hosted.prepared),
    );
  }

  #announce(starts: readonly { item: HostedTask; plannedMs: number }[]): void {
    this.#writer.send(
      ...starts.map(({ item, plannedMs }) => ({ kind: 'started' as const, id: item.task.id, plannedMs })),
    );
  }

  /** Settles when the run has ended, also when it was given up long before: until then the task is not run again. */
  async #run(hosted: HostedTask, plannedMs: number): Promise<void> {
    const { id } = hosted.task;
    const cutShort = new AbortController();
    const reported = this.#runAndReport(hosted, plannedMs, cutShort.signal);
    const run: HostedRun = {
      cutShort,
      reported,
      ended: reported.then(({ stuck }) => stuck),
      stuckSinceMs: undefined,
    };
    this.#runs.set(id, run);
    if ((await reported).stuck !== undefined) this.#noteStuck(id, run);
    await run.ended;
    this.#runs.delete(id);
  }

  #noteStuck(id: string, run: HostedRun): void {
    run.stuckSinceMs = this.#parts.clock.monotonic();
    const message =
      'its run goes on after its deadline and does not heed its signal; it is not run again until that ends';
    this.#send({ kind: 'problem', id, message });
  }

  async #runAndReport(hosted: HostedTask, plannedMs: number, cutShort: AbortSignal): Promise<Outcome> {
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
      return outcome;
    }
    const { ok, reason, evidence } = outcome;
    const finishedMs = startedMs + outcome.durationSeconds * 1000;
    this.#outbox.push({
      id,
      result: { plannedMs, startedMs, finishedMs, ok, reason, evidence },
      samples: outcome.samples,
    });
    return outcome;
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
      Promise.all(runs.map((run) => run.reported)),
      new Promise((resolve) => setTimeout(resolve, STOP_MS)),
    ]);
    // What was measured goes first: closing a plugin may take longer than we are given, or throw.
    this.#outbox.flush();
    this.#beat();
    for (const opening of this.#plugins.values()) {
      const plugin = await opening.catch(() => undefined);
      if (plugin !== undefined) await this.#close(plugin);
    }
    this.#send({ kind: 'stopped' });
    this.#parts.stream.end();
  }

  async #close({ loaded, shared }: OpenPlugin): Promise<void> {
    const { name } = loaded.definition;
    try {
      await loaded.definition.close?.(shared);
    } catch (error) {
      this.#log.logger.warn({ plugin: name }, `plugin "${name}" failed to close: ${errorLine(error)}`);
    }
  }

  #sendResult(waiting: WaitingResult): void {
    const frame = this.#resultFrame(waiting);
    const fits = frame.length <= MAX_RESULT_BYTES;
    this.#writer.sendSoon(fits ? frame : this.#resultFrame(tooLarge(waiting, frame.length)));
  }

  #resultFrame({ id, result, samples }: WaitingResult): Buffer {
    const columns = this.#columns.columnsOf(id, samples);
    return encodeFrame({ kind: 'result', id, result: { ...result, samples: columns } });
  }

  #send(message: ToAgent): void {
    this.#writer.send(message);
  }
}

/** What is sent in place of a result that takes too many bytes. */
function tooLarge({ id, result }: WaitingResult, bytes: number): WaitingResult {
  const reason = 'too_large';
  const evidence = `the result takes ${bytes} bytes, and ${MAX_RESULT_BYTES} is the most that is taken: make the task smaller`;
  const durationSeconds = (result.finishedMs - result.startedMs) / 1000;
  return {
    id,
    result: { ...result, ok: false, reason, evidence },
    samples: failedSamples(reason, durationSeconds),
  };
}
