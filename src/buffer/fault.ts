import Database from 'better-sqlite3';
import { errorLine } from '../lib/index.js';

/** An error as it crosses from the worker: structured clone keeps neither class nor code. */
export interface Fault {
  message: string;
  code: string | undefined;
  syscall: string | undefined;
}

/** Whether an error comes from the disk or the file system, and not from a mistake of ours. */
export function isDiskFault(error: unknown): boolean {
  return error instanceof Database.SqliteError || (error as NodeJS.ErrnoException).syscall !== undefined;
}

/** Whether an error says that the file itself is broken, not the disk under it or the moment. */
export function isCorrupt(error: unknown): boolean {
  return (
    error instanceof Database.SqliteError && /^SQLITE_(CORRUPT|NOTADB|ERROR|MISMATCH|SCHEMA)/.test(error.code)
  );
}

/** What the worker says of an error. */
export function faultOf(error: unknown): Fault {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return { message: errorLine(error), code, syscall };
}

/** The error that it was. */
export function errorOf({ message, code, syscall }: Fault): Error {
  if (code?.startsWith('SQLITE_')) return new Database.SqliteError(message, code);
  return Object.assign(new Error(message), syscall === undefined ? {} : { code, syscall });
}
