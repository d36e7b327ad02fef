import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { TestContext } from 'node:test';
import { atEnd } from '../at-end.js';
import { until } from '../until.js';

/** The command from the checkout. */
export const SENTINEL = resolve('bin/sentinel');

/** What a finished command gave. */
export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end. */
export function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Finished> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return finished(child);
}

function finished(child: ChildProcess): Promise<Finished> {
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    output.stderr += chunk;
  });
  return new Promise((settle, reject) => {
    child.on('error', reject);
    child.on('close', (code) => settle({ code, ...output }));
  });
}

/** A folder that goes with the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-test-'));
  atEnd(t, () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** A TCP port of 127.0.0.1 that is free now. */
export function freePort(): Promise<number> {
  return new Promise((settle, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => settle(port));
    });
  });
}

/** An agent that runs as a process of its own, with `config` in its own folder. */
export class AgentProcess {
  readonly folder: string;
  readonly child: ChildProcess;
  readonly ended: Promise<Finished>;
  output = '';

  constructor(
    t: TestContext,
    options: { folder: string; config?: string; file?: string; env?: NodeJS.ProcessEnv },
  ) {
    this.folder = options.folder;
    const file = options.file ?? join(options.folder, 'config.yaml');
    if (options.config !== undefined) writeFileSync(file, options.config);
    this.child = spawn(SENTINEL, ['start', '-c', file], {
      cwd: options.folder,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk) => {
        this.output += chunk;
      });
    }
    this.ended = finished(this.child);
    atEnd(t, () => this.#end());
  }

  /** Waits for a text in what the agent prints. */
  async says(text: string, deadlineMs?: number): Promise<void> {
    await until(
      () => `"${text}" in the agent's output:\n${this.output}`,
      () => this.output.includes(text),
      deadlineMs,
    );
  }

  /** Asks the agent to stop, and gives how it ended. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Finished> {
    this.child.kill(signal);
    return this.ended;
  }

  /** Ends what a failed test left. An agent in a call to a disk that stands still ends when the disk goes on. */
  async #end(): Promise<void> {
    const { child } = this;
    child.kill('SIGKILL');
    const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
    await until('the end of the agent', hasEnded, 3000).catch(() => undefined);
  }
}
