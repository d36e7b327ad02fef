import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import type { Duplex } from 'node:stream';
import {
  type Clock,
  endWithUs,
  errorLine,
  type Logger,
  PROBE_HOST_PROGRAM,
  type Timer,
  YOUNG_SPACE_FLAG,
} from '../lib/index.js';
import { codeRangeBytes } from './code-range.js';
import { encodeFrame, FrameReader, type ToAgent, type ToHost } from './frames.js';
import type { HostLimits } from './host-limits.js';
import { HostOutput } from './host-output.js';

/** How often a host is looked at. A plugin may take 100 MiB of memory in this time. */
const LOOK_MS = 50;
/** From one look to the next a host can be blamed for this silence at most: what is longer was a pause of this process, whose timers run before it reads what has come. */
const MAX_LOOK_MS = 500;
/** How long a host may take to end after `stop`. */
const STOP_MS = 3000;
/** How long its streams are read on after its end: a process that it started may hold them open. */
const DRAIN_MS = 200;
/** Steps of niceness that hosts stand behind those that measure short times. */
const GIVE_WAY = 5;
/** Where the kernel's memory runs out, it ends a host before the agent (0 = as any other, 1000 = first of all); the units give the agent 500. */
const OOM_SCORE = '800';
/**
 * Starts a host ("$@") that cannot take more than "$1" KiB of data (RLIMIT_DATA: heap, Buffers, stacks; setrlimit(2)): a look may come too late, this does not.
 * Stacks of threads count in full, used or not, hence their usual size; so do the addresses that V8 sets aside for code, hence more by these. Where a limit cannot be set, the looks alone hold.
 */
const BOUNDED = 'ulimit -S -s 8192 2>/dev/null; ulimit -d "$1" 2>/dev/null; shift; exec "$@"';

/** The variables of the agent's environment that a host gets; secrets of the configuration often live in the others. */
const PASSED_ENVIRONMENT = ['PATH', 'TZ', 'LANG', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR'];

/** How a host ended. */
export interface HostEnd {
  /** In words: `exited with code 1`. */
  how: string;
  /** It was told to. */
  asked: boolean;
  /** Nothing in it is to blame: somebody else killed it (a person, the kernel on behalf of others) while it was small, or it could not be started. */
  fromOutside: boolean;
  livedMs: number;
  /** Runs that began and gave nothing: their tasks, in the order in which they began. */
  running: readonly string[];
}

/** What a host needs from its lane. */
export interface HostChildParts {
  lane: string;
  clock: Clock;
  /** Bound to the lane. */
  log: Logger;
  limits: HostLimits;
  /** Whether other work on the processor must not hold it up. */
  timed: boolean;
  onMessage(message: ToAgent): void;
  onEnd(end: HostEnd): void;
}

/** One probe host process, seen from the agent: its stream, its output, what runs in it, and the limits that it is held to. */
export class HostChild {
  readonly #parts: HostChildParts;
  readonly #child: ChildProcess;
  readonly #stream: Duplex | undefined;
  readonly #reader = new FrameReader<ToAgent>();
  readonly #output: HostOutput;
  readonly #startedMs: number;
  readonly #look: NodeJS.Timeout;
  /** Tasks whose run has begun and given nothing yet. */
  readonly #running = new Set<string>();
  /** Since its last heartbeat, or its start. */
  #silentMs = 0;
  #lookedMs: number;
  #hasBeaten = false;
  #rssBytes = 0;
  #asked = false;
  #killedFor: string | undefined;
  /** Deadlines of its end. */
  #late: Timer | undefined;
  #drained: Timer | undefined;
  #ended = false;

  constructor(parts: HostChildParts) {
    this.#parts = parts;
    this.#startedMs = parts.clock.monotonic();
    this.#lookedMs = this.#startedMs;
    this.#output = new HostOutput(parts.clock, (line) => parts.log.warn(`probe host printed: ${line}`));
    this.#child = spawnHost(parts);
    endWithUs(this.#child);
    // Without file descriptors left, there are no streams.
    this.#stream = (this.#child.stdio as ChildProcess['stdio'] | undefined)?.[3] as Duplex | undefined;
    this.#listen();
    this.#rank();
    this.#look = setInterval(() => this.#lookAfter(), LOOK_MS);
  }

  /** Its process id, unless it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Lines that it logged or printed beyond what is written, since the last call. */
  takeDroppedLines(): number {
    return this.#output.takeDropped();
  }

  /** Sends a message; nothing happens when the host is gone. */
  send(message: ToHost): void {
    if (this.#stream?.writable) this.#stream.write(encodeFrame(message));
  }

  /** Ends it: its runs are cut short, its finished results come first. */
  stop(): void {
    if (this.#asked) return;
    this.#asked = true;
    this.send({ kind: 'stop' });
    this.#late = this.#parts.clock.after(STOP_MS, () => this.#child.kill('SIGKILL'));
  }

  #listen(): void {
    const child = this.#child;
    this.#stream?.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#stream?.on('error', () => {}); // Its end is seen by the process's.
    if (child.stdout) this.#output.read(child.stdout);
    if (child.stderr) this.#output.read(child.stderr);
    child.on('error', (error) => {
      if (child.pid === undefined) this.#end(`could not be started: ${errorLine(error)}`, null);
    });
    child.on('exit', () => {
      this.#drained = this.#parts.clock.after(DRAIN_MS, () => {
        for (const stream of child.stdio) stream?.destroy();
      });
    });
    child.on('close', (code, signal) =>
      this.#end(signal === null ? `exited with code ${code}` : this.#endedBy(signal), signal),
    );
  }

  #read(chunk: Buffer): void {
    try {
      for (const message of this.#reader.push(chunk)) this.#note(message);
    } catch (error) {
      this.#stream?.destroy();
      this.#kill(`sent what is no message (${errorLine(error)})`);
    }
  }

  #note(message: ToAgent): void {
    if (message.kind === 'heartbeat') [this.#hasBeaten, this.#silentMs] = [true, 0];
    else if (message.kind === 'started') this.#running.add(message.id);
    else if (message.kind === 'result' || message.kind === 'aborted') this.#running.delete(message.id);
    this.#parts.onMessage(message);
  }

  /** Sets who gives way to whom when the host machine is short of processor time or memory. */
  #rank(): void {
    const { timed, log } = this.#parts;
    if (this.pid === undefined) return;
    try {
      if (!timed) setPriority(this.pid, getPriority() + GIVE_WAY);
      writeFileSync(`/proc/${this.pid}/oom_score_adj`, OOM_SCORE);
    } catch (error) {
      log.debug(`cannot rank a probe host behind the agent: ${errorLine(error)}`);
    }
  }

  /** Kills a host that hangs or has grown too large. */
  #lookAfter(): void {
    const { clock, limits } = this.#parts;
    const now = clock.monotonic();
    this.#silentMs += Math.min(now - this.#lookedMs, MAX_LOOK_MS);
    this.#lookedMs = now;
    this.#rssBytes = rssBytes(this.pid) ?? this.#rssBytes;
    if (this.#silentMs > (this.#hasBeaten ? limits.silenceMs : limits.firstSilenceMs))
      this.#kill(`gave no heartbeat for ${Math.round(this.#silentMs / 1000)} s`);
    else if (this.#rssBytes > limits.maxRssBytes)
      this.#kill(`grew to ${mib(this.#rssBytes)}; ${mib(limits.maxRssBytes)} is the most`);
  }

  #kill(why: string): void {
    if (this.#killedFor !== undefined || this.#ended) return;
    this.#killedFor = why;
    this.#parts.log.error({ running: [...this.#running].slice(0, 20) }, `probe host ${why}; killing it`);
    this.#child.kill('SIGKILL');
  }

  /** Memory that is refused shows as an end by SIGABRT or SIGSEGV: its size tells. */
  #endedBy(signal: NodeJS.Signals): string {
    return `was ended by ${signal} at ${mib(this.#rssBytes)}`;
  }

  #end(how: string, signal: NodeJS.Signals | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#late?.cancel();
    this.#drained?.cancel();
    clearInterval(this.#look);
    const { clock, limits, onEnd } = this.#parts;
    const said = this.#output.lastError === undefined ? '' : ` (${this.#output.lastError})`;
    onEnd({
      how: this.#killedFor ?? `${how}${said}`,
      asked: this.#asked,
      fromOutside:
        this.pid === undefined ||
        (signal === 'SIGKILL' && this.#killedFor === undefined && this.#rssBytes < limits.maxRssBytes / 2),
      livedMs: clock.monotonic() - this.#startedMs,
      running: [...this.#running],
    });
  }
}

function spawnHost({ lane, limits }: HostChildParts): ChildProcess {
  const heapMiB = Math.round((limits.maxRssBytes * 0.75) / 2 ** 20);
  const dataKib = Math.round((limits.maxRssBytes * 1.25 + codeRangeBytes()) / 2 ** 10);
  const flags = [`--max-old-space-size=${heapMiB}`, YOUNG_SPACE_FLAG];
  const host = [process.execPath, ...flags, PROBE_HOST_PROGRAM, lane];
  return spawn('/bin/sh', ['-c', BOUNDED, 'sh', String(dataKib), ...host], {
    env: passedEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
}

function mib(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}

function passedEnvironment(): NodeJS.ProcessEnv {
  const passed = PASSED_ENVIRONMENT.filter((name) => process.env[name] !== undefined);
  return Object.fromEntries(passed.map((name) => [name, process.env[name]]));
}

/** Resident memory of a process; `undefined` where it cannot be read (not Linux, or the process is gone). Sync: procfs does not block. */
export function rssBytes(pid: number | undefined): number | undefined {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  } catch {
    return undefined; // There is nothing to judge.
  }
}
