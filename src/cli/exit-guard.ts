import { EXIT } from './exit.js';
import { printError } from './terminal.js';

/** What Node ends with when nothing can settle what a module waits for at its top level. */
const UNSETTLED = 13;

/** From now on an end of the process that looks like success is none: code of a plugin may call `process.exit(0)`, or leave the command with nothing to wait for. */
export function guardExit(): void {
  process.on('exit', onExit);
}

/** The command is done; or how its process ends is for another one to judge. */
export function letExit(): void {
  process.off('exit', onExit);
}

function onExit(code: number): void {
  if (code !== EXIT.ok && code !== UNSETTLED) return;
  printError(
    'the process ended before the command was done: code of a plugin has ended it, or never settled',
  );
  process.exitCode = EXIT.internal;
}
