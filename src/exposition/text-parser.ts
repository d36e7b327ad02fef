import type { FamilyType } from '../model/index.js';
import { CLASS, CLOSE, cutText, HASH, LF, METRIC_START, OPEN, SPACE, TAB } from './bytes.js';
import { readFloat } from './float.js';
import { type Entry, ExpositionParser, type KnownLine, MAX_LINE_BYTES } from './parser.js';

// Hot path: `next` runs per line. Benchmark: test/bench/exposition.

const TYPES: ReadonlyMap<string, FamilyType> = new Map([
  ['counter', 'counter'],
  ['gauge', 'gauge'],
  ['histogram', 'histogram'],
  ['summary', 'summary'],
  ['untyped', 'unknown'],
]);

const KEYWORD_LENGTH = 4;

/**
 * The Prometheus text format, 0.0.4 and 1.0.0 (quoted UTF-8 names), as Prometheus 3 accepts and refuses it: model/textparse/promlex.l and promparse.go.
 * On purpose other than there: blanks before a name are not part of the name, a NUL in a keyword or behind a label value is not skipped, and a line has limits.
 */
export class TextParser extends ExpositionParser {
  constructor(page: Uint8Array) {
    super(page, { loose: true, lineFeedInValue: true, lineFeedInName: true, exemplar: false });
  }

  next(expected = '', line?: KnownLine): Entry {
    const bytes = this.bytes;
    if (this.at >= bytes.length) return 'end';
    const i = skipBlanks(bytes, this.at);
    const c = bytes[i]!;
    if ((CLASS[c]! & METRIC_START) !== 0 || c === OPEN) return this.#series(i, expected);
    if (c === LF) {
      this.at = i + 1;
      return 'other';
    }
    if (c === HASH) return this.takeLine(i, line) ? 'known' : this.#comment(i + 1);
    // Prometheus's lexer takes a NUL where a line could start for the end of the page.
    if (c === 0) return this.#end();
    throw this.fault(i, 'expected a metric name, a comment or a blank line');
  }

  #end(): Entry {
    this.at = this.bytes.length;
    return 'end';
  }

  #series(start: number, expected: string): Entry {
    const bytes = this.bytes;
    let end = this.endOfKnown(start, expected);
    this.isExpected = end >= 0;
    if (end < 0) end = this.endOfName(start);
    let i = skipBlanks(bytes, end);
    if (bytes[i] === OPEN && bytes[end - 1] !== CLOSE) {
      end = this.braces(i);
      i = skipBlanks(bytes, end);
      this.isExpected = false;
    }
    this.seriesStart = start;
    this.seriesEnd = end;
    const behind = readFloat(bytes, i, this.number);
    if (behind < 0) throw this.fault(i, 'expected a number as value');
    this.value = this.number[0]!;
    i = this.#timestamp(behind);
    this.checkLength(start, i);
    this.at = i + 1;
    return 'series';
  }

  /** Reads what is behind the value; gives the index of the line feed. */
  #timestamp(from: number): number {
    const bytes = this.bytes;
    let i = skipBlanks(bytes, from);
    this.hasTimestamp = bytes[i] !== LF;
    if (!this.hasTimestamp) return i;
    const start = i;
    let ms = 0;
    for (let c = bytes[i]!; c >= 0x30 && c <= 0x39; c = bytes[++i]!) ms = ms * 10 + (c - 0x30);
    if (ms > Number.MAX_SAFE_INTEGER) ms = this.#longTimestamp(start, i);
    if (i === start || ms < 0)
      throw this.fault(start, 'expected a timestamp in milliseconds or the end of the line');
    i = skipBlanks(bytes, i);
    if (bytes[i] !== LF) throw this.fault(i, 'expected the end of the line behind the timestamp');
    this.timestampMs = ms;
    return i;
  }

  /** The digits in [start, end) as the nearest number; -1 when an int64 does not hold them. */
  #longTimestamp(start: number, end: number): number {
    let first = start;
    while (this.bytes[first] === 0x30) first++;
    if (end - first > 19) return -1;
    const exact = BigInt(this.bytes.toString('latin1', first, end));
    return exact < 2n ** 63n ? Number(exact) : -1;
  }

  /** `from` is behind the `#`. */
  #comment(from: number): Entry {
    const i = skipBlanks(this.bytes, from);
    const keyword = i > from ? this.#keyword(i) : undefined;
    if (keyword === undefined) return this.#skipComment(i, i > from);
    return this.#metadata(keyword, skipBlanks(this.bytes, i + KEYWORD_LENGTH));
  }

  #skipComment(from: number, blank: boolean): Entry {
    const end = this.lineEnd(from);
    // The same lexer stops at a NUL in a comment that has no blank behind its `#`.
    if (!blank && this.bytes.subarray(from, end).includes(0)) return this.#end();
    this.at = end + 1;
    return 'other';
  }

  #keyword(at: number): 'help' | 'type' | undefined {
    const behind = this.bytes[at + KEYWORD_LENGTH];
    if (behind !== SPACE && behind !== TAB) return undefined;
    const word = this.bytes.toString('latin1', at, at + KEYWORD_LENGTH);
    return word === 'HELP' ? 'help' : word === 'TYPE' ? 'type' : undefined;
  }

  #metadata(keyword: 'help' | 'type', from: number): Entry {
    const nameEnd = this.readFamily(from);
    const end = this.metadataEnd(nameEnd);
    if (this.bytes[nameEnd] === 0) throw this.fault(nameEnd, 'a NUL behind the name');
    // Exactly one byte parts the name from the text, whatever it is.
    const start = this.#isBlank(nameEnd, end) ? end : nameEnd + 1;
    if (keyword === 'help') this.#setHelp(start, end);
    else this.#setType(start, end);
    this.at = end + 1;
    return keyword;
  }

  #setHelp(start: number, end: number): void {
    const text = cutText(this.bytes, start, end, 'help');
    if (text === undefined) throw this.fault(start, 'the help text is not valid UTF-8');
    this.text = text;
  }

  #isBlank(from: number, end: number): boolean {
    for (let i = from; i < end; i++) {
      const c = this.bytes[i]!;
      if (c !== SPACE && c !== TAB && c !== 0) return false;
    }
    return true;
  }

  #setType(start: number, end: number): void {
    const type = TYPES.get(this.bytes.toString('latin1', start, end));
    if (type === undefined) throw this.fault(start, 'invalid metric type');
    this.type = type;
  }
}

/** Index of the first byte at or behind `from` that is no space or tab. Stops after a while: a line of nothing else is refused. */
function skipBlanks(bytes: Uint8Array, from: number): number {
  const stop = from + MAX_LINE_BYTES;
  let i = from;
  while (i < stop && (bytes[i] === SPACE || bytes[i] === TAB)) i++;
  return i;
}
