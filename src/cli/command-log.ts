import type { Logger } from '../lib/index.js';
import { printError } from './terminal.js';

const nothing: Logger['debug'] = () => {};

/** A log that keeps nothing. */
export const silentLog: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silentLog,
};

/** The log of a command that runs once: warnings and errors, in plain words on standard error. */
export const commandLog: Logger = {
  ...silentLog,
  warn: lineOf('warning'),
  error: lineOf('error'),
  child: () => commandLog,
};

function lineOf(level: string): Logger['warn'] {
  return (fields: object | string, message?: string) => {
    if (typeof fields === 'string') return printError(`${level}: ${fields}`);
    const err = 'err' in fields ? `: ${String(fields.err)}` : '';
    printError(`${level}: ${message}${err}`);
  };
}
