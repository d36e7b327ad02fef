import { CommanderError } from 'commander';
import { errorLine } from '../lib/index.js';
import { describeError, EXIT } from './exit.js';
import { guardExit, letExit } from './exit-guard.js';
import { createProgram } from './program.js';
import { colorsOf, printError } from './terminal.js';

/** Runs the command line and gives the exit code. Never throws. */
async function main(): Promise<number> {
  let exitCode: number = EXIT.ok;
  try {
    await createProgram((code) => {
      exitCode = code;
    }).parseAsync();
    return exitCode;
  } catch (error) {
    // Commander has printed its own fault; asking for help is none.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return report(error);
  }
}

/** Prints what is wrong and gives the exit code. */
function report(error: unknown): number {
  const { exitCode, lines } = describeError(error);
  const { red } = colorsOf(process.stderr);
  for (const line of lines) printError(red(line));
  return exitCode;
}

// What a plugin throws from a timer, for one. `start` puts its log in this place.
process.on('uncaughtException', (error) => process.exit(Math.max(report(error), EXIT.internal)));

guardExit();

// `sentinel plugins | head` closes the pipe early; that is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  letExit();
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
  printError(`cannot write to standard output: ${errorLine(error)}`);
  process.exit(EXIT.internal);
});

const exitCode = await main();
// Writes to standard output are synchronous on Linux, but that one failed (disk full) is told a turn later.
await new Promise((resolve) => setImmediate(resolve));
letExit();
// Not by `exitCode`: a plugin that left something open must not keep a finished command alive.
process.exit(exitCode);
