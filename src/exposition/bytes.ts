import { isUtf8 } from 'node:buffer';

// Hot path: `NAME` and `CLASS` are looked up per byte. Benchmark: test/bench/exposition.

export const TAB = 0x09;
export const LF = 0x0a;
export const SPACE = 0x20;
export const QUOTE = 0x22;
export const HASH = 0x23;
export const COMMA = 0x2c;
export const EQUAL = 0x3d;
export const BACKSLASH = 0x5c;
export const OPEN = 0x7b;
export const CLOSE = 0x7d;

/** Bits of `CLASS`. */
export const METRIC_START = 1;
export const METRIC = 2;
export const LABEL_START = 4;
export const LABEL = 8;

/** What a byte may be in an unquoted name: `[a-zA-Z_:][a-zA-Z0-9_:]*` for metrics, the same without colons for labels. */
export const CLASS: Uint8Array = (() => {
  const table = new Uint8Array(256);
  const mark = (from: string, to: string, bits: number) => {
    for (let c = from.charCodeAt(0); c <= to.charCodeAt(0); c++) table[c] = bits;
  };
  mark('a', 'z', METRIC_START | METRIC | LABEL_START | LABEL);
  mark('A', 'Z', METRIC_START | METRIC | LABEL_START | LABEL);
  mark('_', '_', METRIC_START | METRIC | LABEL_START | LABEL);
  mark(':', ':', METRIC_START | METRIC);
  mark('0', '9', METRIC | LABEL);
  return table;
})();

/**
 * Index of the quote that closes a quoted text whose first byte is at `from`, or -1 when there is none before `limit`.
 * A backslash takes the next byte with it, which must not be a line feed.
 */
export function closingQuote(bytes: Uint8Array, from: number, limit: number): number {
  for (let i = from; i < limit; i++) {
    const c = bytes[i]!;
    if (c === QUOTE) return i;
    if (c === BACKSLASH && bytes[++i] === LF) return -1;
  }
  return -1;
}

/**
 * The text of a range, cut from the bytes so that it does not keep the page alive; `undefined` when it is not UTF-8.
 * `escapes` undoes `\"`, `\\` and `\n`, or only the last two (`help`); any other backslash stays.
 */
export function cutText(
  bytes: Buffer,
  start: number,
  end: number,
  escapes: 'all' | 'help' | 'none',
): string | undefined {
  let seen = 0;
  let escaped = false;
  for (let i = start; i < end; i++) {
    const c = bytes[i]!;
    seen |= c;
    if (c === BACKSLASH) escaped = true;
  }
  const ascii = seen < 0x80;
  if (!ascii && !isUtf8(bytes.subarray(start, end))) return undefined;
  if (!escaped || escapes === 'none') return bytes.toString(ascii ? 'latin1' : 'utf8', start, end);
  const copy = Buffer.allocUnsafe(end - start);
  const length = undoEscapes(bytes.subarray(start, end), copy, escapes === 'all');
  return copy.toString(ascii ? 'latin1' : 'utf8', 0, length);
}

function undoEscapes(from: Uint8Array, to: Uint8Array, quotes: boolean): number {
  let length = 0;
  for (let i = 0; i < from.length; i++) {
    const c = from[i]!;
    const next = from[i + 1];
    if (c !== BACKSLASH || (next !== BACKSLASH && next !== 0x6e && !(quotes && next === QUOTE))) {
      to[length++] = c;
      continue;
    }
    to[length++] = next === 0x6e ? LF : next!;
    i++;
  }
  return length;
}
