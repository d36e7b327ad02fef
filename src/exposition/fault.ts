import { SentinelError } from '../lib/index.js';
import { LF } from './bytes.js';

const BEFORE = 40;
const AFTER = 20;

/** Lines are counted this far only: counting holds the process. */
const COUNTED_BYTES = 2 ** 23;

/**
 * The error of a malformed page: SEN_EXPOSITION_INVALID with the line and a short piece of it around `at`, in printable ASCII.
 * Lines are counted only here, so that a good page does not pay for it.
 */
export function pageFault(bytes: Buffer, at: number, what: string): SentinelError {
  const start = at === 0 ? 0 : bytes.lastIndexOf(LF, at - 1) + 1;
  const from = Math.max(start, at - BEFORE);
  const nextLine = bytes.indexOf(LF, at);
  const end = nextLine < 0 ? bytes.length : nextLine;
  const to = Math.min(at + AFTER, end);
  const piece = `${from > start ? '...' : ''}${printable(bytes, from, to)}${to < end ? '...' : ''}`;
  const place = at > COUNTED_BYTES ? `byte ${at}` : `line ${lineOf(bytes, at)}`;
  return new SentinelError('SEN_EXPOSITION_INVALID', `${place}: ${what}, near "${piece}"`);
}

function lineOf(bytes: Uint8Array, at: number): number {
  let line = 1;
  for (let i = 0; i < at && i < bytes.length; i++) if (bytes[i] === LF) line++;
  return line;
}

/** Bytes as text that is safe on a terminal and in a log: all but printable ASCII as `\x1b`. */
export function printable(bytes: Uint8Array, from = 0, to = bytes.length): string {
  let text = '';
  for (let i = from; i < to; i++) {
    const c = bytes[i]!;
    if (c >= 0x20 && c < 0x7f && c !== 0x22 && c !== 0x5c) text += String.fromCharCode(c);
    else if (c === 0x22 || c === 0x5c) text += `\\${String.fromCharCode(c)}`;
    else text += `\\x${c.toString(16).padStart(2, '0')}`;
  }
  return text;
}
