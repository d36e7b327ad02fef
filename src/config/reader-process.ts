import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { endWithUs, errorLine, SENTINEL_PROGRAM, SentinelError, YOUNG_SPACE_FLAG } from '../lib/index.js';
import { FrameReader, rssBytes } from '../probe/index.js';
import type { ReaderMessage } from './transfer.js';

/** What a process that reads may take. */
export interface ReaderLimits {
  /** For the code of one plugin from outside to be loaded. A busy host that boots is slow. */
  importMs: number;
  /** By which the process may grow meanwhile: less than what the unit of systemd leaves it. */
  importBytes: number;
  /** For all, a second try included. */
  totalMs: number;
}

/** What holds unless a test says otherwise. */
export const READER_LIMITS: ReaderLimits = {
  importMs: 20_000,
  importBytes: 192 * 2 ** 20,
  totalMs: 120_000,
};

/** How a process that reads ended. */
export type ReaderEnd<T> =
  | { kind: 'result'; result: T }
  /** What it was asked to read is wrong, or it could not be started. */
  | { kind: 'fault'; error: unknown }
  | {
      kind: 'died';
      /** "ended with exit code 0" */
      how: string;
      /** The entry file of the plugin whose code did it, as far as that is known. */
      culprit: string | undefined;
      /** The entry files of plugins from outside whose code had been run. */
      ran: readonly string[];
      /** Somebody else killed it: it may go well the next time. */
      fromOutside: boolean;
    };

/** What is to be run, and how its messages are put together: `take` gives the result with the last one, and throws what is wrong with it. */
export interface ReaderParts<T> {
  args: readonly string[];
  take(message: ReaderMessage): T | undefined;
  limits: ReaderLimits;
}

interface Import {
  entry: string;
  startBytes: number;
  grownBytes: number;
  late: NodeJS.Timeout;
  look: NodeJS.Timeout;
}

const LOOK_MS = 50;
/** Of what a process prints, the end is kept for the error. */
const KEPT_CHARACTERS = 2000;
/** What Node exits with when a module waits at its top level, and nothing is left that could end the wait. From 22 on it prints the line that waits, which is one of ours. */
const UNSETTLED_EXIT_CODE = 13;

/** A process of the program that reads something for this one, and bears what the code of plugins from outside does meanwhile. */
export class ReaderProcess<T> {
  readonly #parts: ReaderParts<T>;
  readonly #child: ChildProcess;
  readonly #frames = new FrameReader<ReaderMessage>();
  readonly #ran: string[] = [];
  #import: Import | undefined;
  #printed = '';
  #result: T | undefined;
  #fault: unknown;
  #killedFor: string | undefined;

  constructor(parts: ReaderParts<T>) {
    this.#parts = parts;
    this.#child = spawn(process.execPath, [YOUNG_SPACE_FLAG, SENTINEL_PROGRAM, ...parts.args], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    endWithUs(this.#child);
    // Without file descriptors left, there are no streams.
    const [, stdout, stderr, stream] = (this.#child.stdio ?? []) as (Readable | undefined)[];
    for (const output of [stdout, stderr])
      output?.on('data', (chunk: Buffer) => {
        this.#printed = `${this.#printed}${chunk}`.slice(-KEPT_CHARACTERS);
      });
    stream?.on('data', (chunk: Buffer) => {
      // One piece in a turn of the loop: libuv would hand over as many as there are, up to 2 MiB.
      stream.pause();
      this.#receive(chunk);
      setImmediate(() => stream.resume());
    });
    stream?.on('error', () => {}); // Its end is seen by the process's.
  }

  /** How it ended, once it is gone: so that no two of them are ever there together. `signal` ends it. Call once. */
  async end(signal: AbortSignal): Promise<ReaderEnd<T>> {
    const kill = () => this.#kill('was broken off');
    signal.addEventListener('abort', kill, { once: true });
    if (signal.aborted) kill();
    try {
      return await new Promise((resolve) => {
        this.#child.once('error', (error) => {
          this.#fault ??= new SentinelError('SEN_READER', 'cannot start a process that reads', {
            cause: error,
          });
        });
        this.#child.once('close', (code, killer) => resolve(this.#endOf(code, killer)));
      });
    } finally {
      this.#imported();
      signal.removeEventListener('abort', kill);
    }
  }

  #receive(chunk: Buffer): void {
    try {
      for (const message of this.#frames.push(chunk)) {
        if (message.kind === 'import') this.#importing(message.entry);
        else this.#result = this.#parts.take(message);
      }
    } catch (error) {
      if (error instanceof SentinelError && error.code !== 'SEN_BUG') this.#fault ??= error;
      this.#kill(`sent what is no message: ${errorLine(error)}`);
    }
    // It has done its work; what code that it ran still does is of no interest.
    if (this.#result !== undefined) this.#kill('is done');
  }

  #importing(entry: string | undefined): void {
    this.#imported();
    if (entry === undefined) return;
    this.#ran.push(entry);
    const { importMs } = this.#parts.limits;
    const late = () =>
      this.#kill(`was not done within ${importMs / 1000} s: the code spins or waits while it is loaded`);
    this.#import = {
      entry,
      startBytes: rssBytes(this.#child.pid) ?? 0,
      grownBytes: 0,
      late: setTimeout(late, importMs),
      look: setInterval(() => this.#look(), LOOK_MS),
    };
  }

  #imported(): void {
    clearTimeout(this.#import?.late);
    clearInterval(this.#import?.look);
    this.#import = undefined;
  }

  #look(): void {
    if (this.#import === undefined) return;
    const bytes = rssBytes(this.#child.pid) ?? 0;
    this.#import.grownBytes = bytes - this.#import.startBytes;
    const { importBytes } = this.#parts.limits;
    if (this.#import.grownBytes > importBytes)
      this.#kill(`grew by more than ${importBytes / 2 ** 20} MiB while the code was loaded`);
  }

  #kill(why: string): void {
    this.#killedFor ??= why;
    this.#child.kill('SIGKILL');
  }

  #endOf(code: number | null, killer: NodeJS.Signals | null): ReaderEnd<T> {
    if (this.#fault !== undefined) return { kind: 'fault', error: this.#fault };
    if (this.#result !== undefined) return { kind: 'result', result: this.#result };
    const { importBytes } = this.#parts.limits;
    // A kernel that is out of memory may come before us.
    const isSmall = (this.#import?.grownBytes ?? 0) < importBytes / 4;
    const fromOutside = killer === 'SIGKILL' && this.#killedFor === undefined && isSmall;
    return {
      kind: 'died',
      how:
        this.#killedFor ??
        `${howOf(code, killer)}${code === UNSETTLED_EXIT_CODE ? '' : saidOf(this.#printed)}`,
      culprit: fromOutside ? undefined : this.#import?.entry,
      ran: this.#ran,
      fromOutside,
    };
  }
}

function howOf(code: number | null, killer: NodeJS.Signals | null): string {
  if (killer !== null) return `was ended by ${killer}`;
  return code === UNSETTLED_EXIT_CODE
    ? 'waited at the top level of a module for what nothing can bring any more'
    : `ended with exit code ${code}`;
}

function saidOf(printed: string): string {
  const lines = printed.trim().replace(/\s*\n\s*/g, ' | ');
  return lines === '' ? '' : `: ${lines}`;
}
