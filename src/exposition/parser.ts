import type { FamilyType, NativeHistogram } from '../model/index.js';
import { CLASS, CLOSE, closingQuote, LF, METRIC, METRIC_START, QUOTE } from './bytes.js';
import { pageFault } from './fault.js';
import type { LabelSyntax, Series } from './series.js';
import { readSeries, skipBraces } from './series.js';

// Hot path: `next` runs per line. Benchmark: test/bench/exposition.

/** A series line longer than this fails the page, so that one line cannot hold the process. Prometheus has no such limit. */
export const MAX_LINE_BYTES = 2 ** 20;

/** What `next` found. `other` = a comment or a blank line, given so that the caller of a long page can pause anywhere. `known` = the line that was expected. */
export type Entry = 'series' | 'histogram' | 'help' | 'type' | 'unit' | 'known' | 'other' | 'end';

/** A HELP, TYPE or UNIT line that was read before. */
export interface KnownLine {
  /** Its bytes without the line feed, one character each. */
  text: string;
  /** What a TYPE line says; `undefined` for the others. */
  type: FamilyType | undefined;
}

/** An exemplar as a page gives it. */
export interface PageExemplar {
  /** Name and value in turn, as they come (protobuf) or sorted. A name may stand twice. */
  labels: string[];
  value: number;
  /** Milliseconds since 1970. */
  timestampMs: number | undefined;
}

/** Of nearly all samples. */
export const NO_EXEMPLARS: readonly PageExemplar[] = [];

/**
 * Pulls the entries out of one page, in order. The caller owns the bytes and must not change them meanwhile; the fields hold for the entry of the
 * last `next` only.
 *
 * An unchanged series costs its caller no label: give `next` the key that stood here on the last page, or look `seriesKey` up, and call `series()`
 * for an unknown one. In the text formats `next` finds the end of a series by its quotes and braces, or by the key where that is the right one; only `series()`
 * judges what is between, so every key must go through it once.
 *
 * After a throw (SEN_EXPOSITION_INVALID: the page as a whole is refused) the parser is of no more use.
 */
export interface PageParser {
  readonly value: number;
  readonly hasTimestamp: boolean;
  /** Milliseconds since 1970; holds when `hasTimestamp`. */
  readonly timestampMs: number;
  readonly exemplars: readonly PageExemplar[];
  /** Of an entry `histogram`, whose `value` says nothing. */
  readonly histogram: NativeHistogram | undefined;
  /** Type of the last TYPE line; it stays until the next one, whatever the names say (as Prometheus does). */
  readonly type: FamilyType;
  /** Name of a HELP, TYPE or UNIT line, without quotes; its escapes are not undone (as Prometheus does). */
  readonly family: string;
  /** HELP or UNIT, unescaped. */
  readonly text: string;
  /** Grows with every entry: the byte offset behind it, or the number of entries (protobuf). */
  readonly position: number;
  /** Whether the series at hand has the key that `next` was given. */
  readonly isExpected: boolean;
  /**
   * Goes on to the next entry. `expected`: a key of an earlier page that is guessed to be the one of the next series. `line`: a line of an earlier page that is
   * guessed to be the next one of its kind; an entry `known` is this one, and only `type` is set from it. Throws SEN_EXPOSITION_INVALID.
   */
  next(expected?: string, line?: KnownLine): Entry;
  /** The text of the HELP, TYPE or UNIT line at hand, for `KnownLine`; empty where the format has no lines. */
  lineText(): string;
  /** Name and labels of the series at hand. Throws SEN_EXPOSITION_INVALID. */
  series(): Series;
  /** A text that tells the series at hand from all others of the target: a key for a Map, not for people. */
  seriesKey(): string;
}

/** What the parsers of the two text formats share. Positions are of `bytes`, which is the page itself, or a copy with a line feed where the page does not end in one. */
export abstract class ExpositionParser implements PageParser {
  readonly bytes: Buffer;
  seriesStart = 0;
  seriesEnd = 0;
  isExpected = false;
  value = 0;
  hasTimestamp = false;
  timestampMs = 0;
  exemplars: readonly PageExemplar[] = NO_EXEMPLARS;
  readonly histogram = undefined;
  type: FamilyType = 'unknown';
  family = '';
  text = '';
  /** Number of bytes of the page. */
  protected readonly length: number;
  /** Of the last line that began with `#`. */
  protected lineStart = 0;
  protected at = 0;
  protected readonly number = new Float64Array(1);
  readonly #syntax: LabelSyntax;

  protected constructor(page: Uint8Array, syntax: LabelSyntax) {
    this.length = page.length;
    const ended = page.length > 0 && page[page.length - 1] === LF;
    this.bytes = ended
      ? Buffer.from(page.buffer, page.byteOffset, page.length)
      : Buffer.concat([page, Buffer.of(LF)]);
    this.#syntax = syntax;
  }

  abstract next(expected?: string, line?: KnownLine): Entry;

  series(): Series {
    return readSeries(this.bytes, { start: this.seriesStart, end: this.seriesEnd }, this.#syntax, this.type);
  }

  /** The bytes of the series at hand as a text, one character per byte. */
  seriesKey(): string {
    return this.bytes.toString('latin1', this.seriesStart, this.seriesEnd);
  }

  get position(): number {
    return this.at;
  }

  /**
   * Index behind the series at `start` when it begins with the bytes of `key`, or -1. With a key that ends in a brace it is that series: the same bytes end at
   * the same place. A bare name may be followed by braces.
   */
  protected endOfKnown(start: number, key: string): number {
    const bytes = this.bytes;
    const end = start + key.length;
    if (key.length === 0 || end >= bytes.length) return -1;
    // From the end, where neighbours differ.
    for (let i = key.length - 1; i >= 0; i--) if (bytes[start + i] !== key.charCodeAt(i)) return -1;
    return bytes[end - 1] === CLOSE || (CLASS[bytes[end]!]! & METRIC) === 0 ? end : -1;
  }

  /** At a line that begins with `#`: whether it is this one, and then goes on behind it. */
  protected takeLine(start: number, line: KnownLine | undefined): boolean {
    this.lineStart = start;
    if (line === undefined) return false;
    const { text, type } = line;
    const bytes = this.bytes;
    const end = start + text.length;
    if (end >= this.length || bytes[end] !== LF) return false;
    for (let i = text.length - 1; i >= 0; i--) if (bytes[start + i] !== text.charCodeAt(i)) return false;
    if (type !== undefined) this.type = type;
    this.at = end + 1;
    return true;
  }

  lineText(): string {
    return this.bytes.toString('latin1', this.lineStart, this.at - 1);
  }

  /** Index behind the bare name at `start`, if there is one. */
  protected endOfName(start: number): number {
    let i = start;
    while ((CLASS[this.bytes[i]!]! & METRIC) !== 0) i++;
    return i;
  }

  protected fault(at: number, what: string) {
    return pageFault(this.bytes, at, what);
  }

  /** Index of the line feed at or behind `from`; there always is one. */
  protected lineEnd(from: number): number {
    return this.bytes.indexOf(LF, from);
  }

  /** The same for a HELP, TYPE or UNIT line, which must not be endless. */
  protected metadataEnd(from: number): number {
    const end = this.lineEnd(from);
    this.checkLength(from, end);
    return end;
  }

  protected checkLength(start: number, end: number): void {
    if (end - start > MAX_LINE_BYTES)
      throw this.fault(start, `a line is longer than ${MAX_LINE_BYTES} bytes`);
  }

  /** Index behind the brace that closes the one at `open`. */
  protected braces(open: number): number {
    const end = skipBraces(this.bytes, open, Math.min(this.bytes.length, open + MAX_LINE_BYTES));
    if (end < 0) throw this.fault(open, 'the braces are not closed, or not within 1 MiB');
    return end;
  }

  /** Sets `family` from the name of a metadata line, which may be quoted; gives the index behind it. */
  protected readFamily(from: number): number {
    const bytes = this.bytes;
    if (bytes[from] === QUOTE) {
      const close = closingQuote(bytes, from + 1, Math.min(bytes.length, from + MAX_LINE_BYTES));
      if (close < 0) throw this.fault(from, 'the metric name has no closing quote');
      this.family = bytes.toString('utf8', from + 1, close);
      return close + 1;
    }
    if ((CLASS[bytes[from]!]! & METRIC_START) === 0) throw this.fault(from, 'expected a metric name');
    let end = from;
    while ((CLASS[bytes[end]!]! & METRIC) !== 0) end++;
    this.checkLength(from, end);
    this.family = bytes.toString('latin1', from, end);
    return end;
  }
}
