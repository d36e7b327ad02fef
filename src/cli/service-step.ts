import { spawnSync } from 'node:child_process';
import { errorLine, SentinelError } from '../lib/index.js';

/** Something that is not yet as it should be: what would be done, in one line, and the doing. */
export interface Step {
  text: string;
  /** Throws what the system says. */
  run(): void;
}

/** A step that runs a program to its end. */
export function commandStep(program: string, args: readonly string[]): Step {
  return { text: `run ${[program, ...args].join(' ')}`, run: () => runCommand(program, args) };
}

/** Does a step. Throws SEN_SERVICE with the step and what the system says. */
export function doStep({ text, run }: Step): void {
  try {
    run();
  } catch (error) {
    throw new SentinelError('SEN_SERVICE', `cannot ${text}: ${errorLine(error)}`);
  }
}

/** Runs a program to its end. Throws with what it printed when it fails. */
export function runCommand(program: string, args: readonly string[]): void {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${stderr}${stdout}`.trim() || `exit code ${status}`);
}
