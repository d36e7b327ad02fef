import { ERRORS, errorLine, SentinelError } from '../lib/index.js';

/** What the program's exit codes mean. 130 is the shell's own for ctrl-C: a run that was cut short is no failed probe. */
export const EXIT = { ok: 0, failed: 1, usage: 2, internal: 3, interrupted: 130 } as const;

const USAGE_CODES = new Set([
  'SEN_CONFIG_INVALID',
  'SEN_USAGE',
  'SEN_PLUGIN_INVALID',
  'SEN_PLUGIN_UNKNOWN',
  'SEN_LOCKED',
  'SEN_BUILD',
]);

/** A wrong call of a command; `message` names the flag or argument, and what would be right. */
export function usageError(message: string): SentinelError {
  return new SentinelError('SEN_USAGE', message);
}

/** The exit code of an error, and what to print about it: one line per fault, then the cure. */
export function describeError(error: unknown): { exitCode: number; lines: string[] } {
  if (!(error instanceof SentinelError)) {
    const text = error instanceof Error ? (error.stack ?? errorLine(error)) : String(error);
    return { exitCode: EXIT.internal, lines: [`internal error: ${text}`, ERRORS.SEN_BUG.help] };
  }
  const lines = 'lines' in error && Array.isArray(error.lines) ? error.lines.map(String) : [errorLine(error)];
  const exitCode = USAGE_CODES.has(error.code) ? EXIT.usage : EXIT.internal;
  return { exitCode, lines: [...lines, ERRORS[error.code].help] };
}
