import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The compiled tree's program. */
export const PROGRAM = fileURLToPath(new URL('../../src/cli/sentinel.js', import.meta.url));

/** The same as one bundle, as it is copied to a box; `bin/test.mjs` builds it before the tests. */
export const BUNDLE = fileURLToPath(new URL('../../../dist/sentinel.js', import.meta.url));

/** How a command ended. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Where and how a command runs. */
export interface CliOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Which build; the compiled tree where it is not said. */
  program?: string;
  /** Called once it has been started. */
  onSpawn?: (child: ChildProcess) => void;
  /** Called with all of standard output so far. */
  onOutput?: (stdout: string, child: ChildProcess) => void;
}

/** Runs `sentinel ...args` as a process of its own, and waits for its end; after 20 s it is killed (code null). */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<Ended> {
  const env = { PATH: process.env.PATH ?? '', ...options.env };
  const child = spawn(process.execPath, [options.program ?? PROGRAM, ...args], {
    cwd: options.cwd,
    env,
    timeout: 20_000,
    killSignal: 'SIGKILL',
  });
  options.onSpawn?.(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    options.onOutput?.(stdout, child);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => resolve({ code, stdout, stderr }));
  });
}
