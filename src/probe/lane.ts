import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import type { Duplex } from 'node:stream';
import { Backoff, type Clock, errorLine, type Logger, PROBE_HOST_PROGRAM, type Timer } from '../lib/index.js';
import { encodeFrame, FrameReader, type ToAgent, type ToHost } from './frames.js';
import type { LoadedPlugin } from './plugin-loader.js';
import type { Task } from './task.js';

/** Results that a host may send before it must wait for the agent. */
const CREDITS = 500;
/** Credits are given back in portions. */
const CREDIT_PORTION = 50;
/** No heartbeat for so long: the host hangs. The first one may take longer, while plugins load. */
const SILENCE_MS = 5000;
const FIRST_SILENCE_MS = 15_000;
/** Resident memory of a host at most; heap flags do not bound Buffers. */
const MAX_RSS_BYTES = 512 * 2 ** 20;
const PAGE_BYTES = 4096;
/** How long a host may take to end after `stop`. */
const STOP_MS = 3000;
/** How long the last words of a host that has ended are read. */
const OUTPUT_MS = 500;
/** A host that lived so long was well: the next restart is at once again. */
const WELL_MS = 60_000;
const LOOK_MS = 1000;
/** Steps of niceness that hosts stand behind those that measure short times. */
const GIVE_WAY = 5;

/** The variables of the agent's environment that a host gets; secrets of the configuration often live in the others. */
const PASSED_ENVIRONMENT = ['PATH', 'TZ', 'LANG', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR'];

/** What a lane tells its owner. */
export interface LaneEvents {
  /** Anything that concerns a task. */
  onMessage(message: Extract<ToAgent, { id: string }>): void;
  /** The host is alive; its worst loop delay of the last second. */
  onHeartbeat(heartbeat: Extract<ToAgent, { kind: 'heartbeat' }>): void;
  /** The host died and is started again; its runs were cut short. */
  onDeath(running: readonly string[]): void;
}

/** What a host must know before its tasks. */
export type LaneHello = Omit<Extract<ToHost, { kind: 'hello' }>, 'kind' | 'plugins' | 'credits'>;

/** One host process while it lives. */
interface Host {
  child: ChildProcess;
  stream: Duplex;
  startedMs: number;
  lastHeartbeatMs: number | undefined;
  /** Runs in it, by its own last word and by what it told since. */
  running: readonly string[];
  unpaidCredits: number;
  stopped: boolean;
}

/** A lane: the probe host of some plugins, kept alive while it has tasks. */
export class Lane {
  readonly name: string;
  readonly #parts: {
    clock: Clock;
    log: Logger;
    plugins: readonly LoadedPlugin[];
    hello: LaneHello;
    events: LaneEvents;
  };
  readonly #tasks = new Map<string, Task>();
  readonly #backoff = new Backoff(500, 60_000);
  #host: Host | undefined;
  #diedBefore = false;
  #closed = false;
  #restart: Timer | undefined;
  #look: NodeJS.Timeout | undefined;
  #ending: Promise<void> | undefined;

  constructor(
    name: string,
    parts: {
      clock: Clock;
      log: Logger;
      plugins: readonly LoadedPlugin[];
      hello: LaneHello;
      events: LaneEvents;
    },
  ) {
    this.name = name;
    this.#parts = parts;
  }

  /** Process id of the host, while there is one. */
  get pid(): number | undefined {
    return this.#host?.child.pid;
  }

  /** Adds and removes tasks; starts the host with the first and stops it after the last. */
  apply(add: readonly Task[], remove: readonly string[]): void {
    for (const id of remove) this.#tasks.delete(id);
    for (const task of add) this.#tasks.set(task.id, task);
    if (this.#tasks.size === 0) void this.#end();
    else if (this.#host === undefined) this.#start();
    else this.#send({ kind: 'tasks', add: [...add], remove: [...remove] });
  }

  /** Ends the host for good: its runs are cut short, its finished results come first. Settles when the process is gone. */
  stop(): Promise<void> {
    this.#closed = true;
    return this.#end();
  }

  #end(): Promise<void> {
    this.#restart?.cancel();
    clearInterval(this.#look);
    const host = this.#host;
    if (host === undefined) return Promise.resolve();
    this.#ending ??= new Promise((resolve) => {
      host.stopped = true;
      this.#send({ kind: 'stop' });
      const late = this.#parts.clock.after(STOP_MS, () => host.child.kill('SIGKILL'));
      host.child.once('close', () => {
        late.cancel();
        this.#ending = undefined;
        resolve();
      });
    });
    return this.#ending;
  }

  #start(): void {
    const { clock, plugins, hello } = this.#parts;
    const env = Object.fromEntries(
      PASSED_ENVIRONMENT.flatMap((name) =>
        process.env[name] === undefined ? [] : [[name, process.env[name]]],
      ),
    );
    const child = spawn(process.execPath, [PROBE_HOST_PROGRAM, this.name], {
      env,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    const stream = child.stdio[3] as Duplex;
    const host: Host = {
      child,
      stream,
      startedMs: clock.monotonic(),
      lastHeartbeatMs: undefined,
      running: [],
      unpaidCredits: 0,
      stopped: false,
    };
    this.#host = host;
    this.#yieldToClocks(child.pid);
    const reader = new FrameReader<ToAgent>();
    stream.on('data', (chunk: Buffer) => {
      for (const message of reader.push(chunk)) this.#receive(host, message);
    });
    stream.on('error', () => {}); // Its end is seen by the process's.
    for (const output of [child.stdout, child.stderr])
      output?.on('data', (chunk: Buffer) => this.#logOutput(chunk));
    child.on('error', (error) =>
      this.#parts.log.error({ lane: this.name }, `cannot start probe host: ${errorLine(error)}`),
    );
    child.on('close', (code, signal) => this.#onClose(host, code, signal));
    // A process that a plugin left behind may hold the output open, and `close` would not come before that one ends.
    child.once('exit', () =>
      clock.after(OUTPUT_MS, () => {
        for (const pipe of child.stdio) pipe?.destroy();
      }),
    );
    const folders = plugins.map(({ directory, builtin }) => ({ directory, builtin }));
    this.#send({ kind: 'hello', ...hello, plugins: folders, credits: CREDITS });
    this.#send({ kind: 'tasks', add: [...this.#tasks.values()], remove: [] });
    clearInterval(this.#look);
    this.#look = setInterval(() => this.#lookAfter(host), LOOK_MS);
  }

  /** A built-in plugin that asked for a lane of its own measures short times: all other hosts give way to it on a busy processor. */
  #yieldToClocks(pid: number | undefined): void {
    const timed = this.#parts.plugins.some(
      ({ builtin, definition }) => builtin && definition.lane !== undefined,
    );
    if (pid === undefined || timed) return;
    try {
      setPriority(pid, getPriority() + GIVE_WAY);
    } catch (error) {
      this.#parts.log.debug(
        { lane: this.name },
        `cannot lower the priority of a probe host: ${errorLine(error)}`,
      );
    }
  }

  #send(message: ToHost): void {
    const stream = this.#host?.stream;
    if (stream?.writable) stream.write(encodeFrame(message));
  }

  #receive(host: Host, message: ToAgent): void {
    if (message.kind === 'heartbeat') {
      host.lastHeartbeatMs = this.#parts.clock.monotonic();
      host.running = message.running;
      this.#parts.events.onHeartbeat(message);
    } else if (message.kind === 'log') {
      this.#parts.log[message.level]({ lane: this.name, ...message.fields }, message.message);
    } else if (message.kind !== 'stopped') {
      this.#parts.events.onMessage(message);
      if (message.kind === 'result') this.#pay(host);
    }
  }

  #pay(host: Host): void {
    if (++host.unpaidCredits < CREDIT_PORTION) return;
    this.#send({ kind: 'credit', count: host.unpaidCredits });
    host.unpaidCredits = 0;
  }

  #logOutput(chunk: Buffer): void {
    for (const line of chunk.toString('utf8', 0, 4096).split('\n')) {
      if (line.trim() !== '') this.#parts.log.warn({ lane: this.name }, `probe host printed: ${line}`);
    }
  }

  /** Kills a host that hangs or has grown too large. */
  #lookAfter(host: Host): void {
    const now = this.#parts.clock.monotonic();
    const silentMs = now - (host.lastHeartbeatMs ?? host.startedMs);
    const rss = rssBytes(host.child.pid);
    const why =
      silentMs > (host.lastHeartbeatMs === undefined ? FIRST_SILENCE_MS : SILENCE_MS)
        ? `gave no heartbeat for ${Math.round(silentMs / 1000)} s`
        : rss > MAX_RSS_BYTES
          ? `grew to ${Math.round(rss / 2 ** 20)} MiB`
          : undefined;
    if (why === undefined || host.child.killed) return;
    this.#parts.log.error({ lane: this.name, running: host.running }, `probe host ${why}; killing it`);
    host.child.kill('SIGKILL');
  }

  #onClose(host: Host, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#host !== host) return;
    this.#host = undefined;
    clearInterval(this.#look);
    if (host.stopped) {
      if (this.#tasks.size > 0 && !this.#closed) this.#start();
      return;
    }
    const { clock, log, events } = this.#parts;
    events.onDeath(host.running);
    const wasWell = clock.monotonic() - host.startedMs > WELL_MS;
    if (wasWell) this.#backoff.reset();
    const delayMs = wasWell || !this.#diedBefore ? 0 : this.#backoff.next();
    this.#diedBefore = true;
    log.error(
      { lane: this.name, code, signal, running: host.running, restart_in_ms: Math.round(delayMs) },
      'probe host died',
    );
    this.#restart = clock.after(delayMs, () => {
      if (this.#tasks.size > 0) this.#start();
    });
  }
}

/** Resident memory of a process; 0 where it cannot be read (not Linux, or the process is gone). Sync: procfs does not block. */
function rssBytes(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
  } catch {
    return 0; // The process is gone, or there is no procfs: nothing to judge.
  }
}
