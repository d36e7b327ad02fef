import { execFile, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import type { EchoOutcome, Pinger, Probe } from './echo.js';
import { type PingOutput, parsePingOutput } from './system-ping-output.js';

/** More processes at once would cost the host more than the pings are worth. */
const MAX_CHILDREN = 32;
/** Older iputils refuse shorter ones to users other than root. */
const MIN_INTERVAL_MS = 200;
/** Output that is kept; a flood of errors is not read to its end. */
const MAX_OUTPUT = 256 * 1024;

/** The system's ping: where it is, and whether it is busybox's, which knows fewer options. */
interface PingCommand {
  path: string;
  busybox: boolean;
}

/** Looks for `ping` in PATH; `undefined` when there is none. */
export async function findPing(): Promise<PingCommand | undefined> {
  for (const directory of (process.env.PATH ?? '').split(delimiter).filter(isAbsolute)) {
    const path = join(directory, 'ping');
    try {
      accessSync(path, constants.X_OK);
      return { path, busybox: await isBusybox(path) };
    } catch {
      // Not here, or not for us: file capabilities that this process may not gain make exec fail.
    }
  }
  return undefined;
}

function isBusybox(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(path, ['-V'], { timeout: 2000 }, (_, stdout, stderr) =>
      resolve(!/iputils/.test(stdout + stderr)),
    );
  });
}

/** What busybox's ping has no option for. */
function missingIn(probe: Probe): string | undefined {
  if (probe.df) return 'df';
  if (probe.tos !== 0) return 'tos';
  return probe.source !== undefined && probe.interface !== undefined
    ? 'source together with interface'
    : undefined;
}

/** The arguments of one run. */
export function pingArguments(probe: Probe, busybox: boolean): string[] {
  const seconds = (ms: number) => String(busybox ? Math.max(1, Math.ceil(ms / 1000)) : ms / 1000);
  const args = [`-${probe.family}`, '-n', '-c', String(probe.count), '-i', seconds(probe.intervalMs)];
  args.push('-W', seconds(probe.timeoutMs), '-s', String(probe.size), '-t', String(probe.ttl));
  if (!busybox) args.push('-M', probe.df ? 'do' : 'dont');
  if (probe.tos !== 0) args.push('-Q', String(probe.tos));
  if (probe.interface !== undefined) args.push('-I', probe.interface);
  if (probe.source !== undefined) args.push('-I', probe.source);
  args.push(probe.address);
  return args;
}

/** A pinger for processes without raw sockets: one `ping` per run. */
export function createSystemPinger(command: PingCommand, help: string): Pinger {
  const slots = new Slots(MAX_CHILDREN);
  return async (wanted) => {
    const missing = command.busybox ? missingIn(wanted) : undefined;
    if (missing !== undefined)
      return [
        { kind: 'failed', reason: 'permission', evidence: `${command.path} cannot set ${missing}; ${help}` },
      ];
    if (!(await slots.take(wanted.signal))) return tooMany(help);
    try {
      const probe = { ...wanted, ...slower(wanted) };
      return probe.count === 0 ? tooMany(help) : await run(command, probe);
    } finally {
      slots.give();
    }
  };
}

function tooMany(help: string): readonly EchoOutcome[] {
  return [{ kind: 'unjudged', evidence: `too many pings at once for the system's ping; ${help}` }];
}

/** A longer interval where this ping needs one, and as many packets as fit before the deadline. Waiting for a slot has cost time, too. */
function slower(probe: Probe): { intervalMs: number; count: number } {
  const intervalMs = Math.max(probe.intervalMs, MIN_INTERVAL_MS);
  // The last packet gets at least half of its timeout.
  const roomMs = probe.deadlineMs - performance.now() - probe.timeoutMs / 2;
  return { intervalMs, count: Math.min(probe.count, Math.max(0, 1 + Math.floor(roomMs / intervalMs))) };
}

/** So many at a time, in the order they came. */
class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(free: number) {
    this.#free = free;
  }

  /** Says whether there was one before `signal` aborted. */
  async take(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    if (this.#free > 0) {
      this.#free--;
      return true;
    }
    return await new Promise((resolve) => {
      const granted = () => {
        signal.removeEventListener('abort', aborted);
        resolve(true);
      };
      const aborted = () => {
        this.#waiting.delete(granted);
        resolve(false);
      };
      this.#waiting.add(granted);
      signal.addEventListener('abort', aborted, { once: true });
    });
  }

  give(): void {
    const next = this.#waiting.values().next().value;
    if (next === undefined) {
      this.#free++;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}

function run({ path, busybox }: PingCommand, probe: Probe): Promise<readonly EchoOutcome[]> {
  return new Promise((resolve) => {
    const startedMs = performance.now();
    const output: PingOutput = { stdout: '', stderr: '' };
    const child = spawn(path, pingArguments(probe, busybox), {
      env: { LC_ALL: 'C', PATH: process.env.PATH ?? '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].on('data', (data: Buffer) => {
        if (output[stream].length < MAX_OUTPUT) output[stream] += data.toString('latin1');
      });
    const kill = () => child.kill('SIGKILL');
    probe.signal.addEventListener('abort', kill);
    child.on('error', (error) => {
      output.stderr ||= `cannot run ${path}: ${error.message}`;
    });
    // `close` follows `error` too, when the streams have ended.
    child.on('close', () => {
      probe.signal.removeEventListener('abort', kill);
      const elapsedMs = performance.now() - startedMs - probe.timeoutMs;
      const elapsed = elapsedMs < 0 ? 0 : 1 + Math.floor(elapsedMs / probe.intervalMs);
      resolve(parsePingOutput(output, { count: probe.count, timeoutMs: probe.timeoutMs, elapsed }));
    });
    if (probe.signal.aborted) kill();
  });
}
