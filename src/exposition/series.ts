import { SentinelError } from '../lib/index.js';
import { compareBytes, type FamilyType } from '../model/index.js';
import {
  BACKSLASH,
  CLASS,
  CLOSE,
  COMMA,
  closingQuote,
  cutText,
  EQUAL,
  LABEL,
  LABEL_START,
  LF,
  METRIC,
  OPEN,
  QUOTE,
  SPACE,
  TAB,
} from './bytes.js';
import { pageFault } from './fault.js';
import { normaliseBound } from './float.js';

/** More label pairs than this on one series fail the page: sorting them would hold the process. Prometheus has no such limit. */
const MAX_LABELS = 1000;

/** A series as exposed. */
export interface Series {
  name: string;
  /** Name and value in turn, sorted by the bytes of the names, no name twice. Empty values are still there: `honor_labels` asks for them. */
  labels: string[];
}

/** A series that is well written, but says a label twice. Code SEN_EXPOSITION_INVALID. */
export class RepeatedLabelError extends SentinelError {
  constructor(cause: SentinelError) {
    super(cause.code, cause.message);
  }
}

/** How a format writes what stands between braces. */
export interface LabelSyntax {
  /** Spaces and tabs between all tokens, and commas may be left out (text format). */
  loose: boolean;
  /** Line feeds may stand raw within a value; within a quoted name. */
  lineFeedInValue: boolean;
  lineFeedInName: boolean;
  /** An exemplar: no metric name, and no escapes are undone (as Prometheus does). */
  exemplar: boolean;
}

/** Index behind the brace that closes the one at `open`, by quotes alone; -1 when the line or `limit` comes first. What it finds is judged by `readSeries`. */
export function skipBraces(bytes: Uint8Array, open: number, limit: number): number {
  for (let i = open + 1; i < limit; i++) {
    const c = bytes[i]!;
    if (c === CLOSE) return i + 1;
    if (c === LF) return -1;
    if (c !== QUOTE) continue;
    for (i++; i < limit && bytes[i] !== QUOTE; i++) if (bytes[i] === BACKSLASH) i++;
  }
  return -1;
}

/** Reads the text of one series, name and braces, in [start, end). Throws SEN_EXPOSITION_INVALID. */
export function readSeries(
  bytes: Buffer,
  range: { start: number; end: number },
  syntax: LabelSyntax,
  type: FamilyType,
): Series {
  const reader = new LabelReader(bytes, range.start, range.end, syntax);
  reader.readBareName();
  reader.readBraces();
  if (reader.name === undefined) throw pageFault(bytes, range.start, 'the metric name is not set');
  if (reader.name === '') throw pageFault(bytes, range.start, 'the metric name is empty');
  const bound = type === 'histogram' ? 'le' : type === 'summary' ? 'quantile' : undefined;
  if (bound !== undefined) normalise(reader.labels, bound);
  return { name: reader.name, labels: sortedAt(reader.labels, bytes, range.start) };
}

/** Reads the labels of an exemplar, braces included, in [start, end); sorted by name. A name that stands twice is the reader's to judge. Throws SEN_EXPOSITION_INVALID. */
export function readExemplarLabels(bytes: Buffer, start: number, end: number): string[] {
  const reader = new LabelReader(bytes, start, end, {
    loose: false,
    lineFeedInValue: false,
    lineFeedInName: false,
    exemplar: true,
  });
  reader.readBraces();
  return inPairs(reader.labels).flat();
}

class LabelReader {
  readonly labels: string[] = [];
  name: string | undefined;
  readonly #bytes: Buffer;
  readonly #end: number;
  readonly #syntax: LabelSyntax;
  #at: number;

  constructor(bytes: Buffer, start: number, end: number, syntax: LabelSyntax) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#syntax = syntax;
  }

  /** The name before the braces, if it stands there. */
  readBareName(): void {
    const start = this.#at;
    while (this.#at < this.#end && (CLASS[this.#bytes[this.#at]!]! & METRIC) !== 0) this.#at++;
    if (this.#at > start) this.name = this.#bytes.toString('latin1', start, this.#at);
    this.#skipSpaces();
  }

  readBraces(): void {
    if (this.#at >= this.#end) return;
    if (this.#bytes[this.#at] !== OPEN) throw this.#fault('expected {');
    this.#step();
    while (this.#bytes[this.#at] !== CLOSE) {
      const quoted = this.#bytes[this.#at] === QUOTE;
      const text = quoted ? this.#quoted(this.#syntax.lineFeedInName, 'a label name') : this.#bareLabelName();
      const c = this.#bytes[this.#at];
      if (quoted && !this.#syntax.exemplar && (c === COMMA || c === CLOSE)) this.#setName(text);
      else this.#readValue(text);
    }
    if (this.#at !== this.#end - 1) throw this.#fault('the braces close early');
  }

  #setName(name: string): void {
    if (this.name !== undefined) throw this.#fault('the metric name is set twice');
    this.name = name;
    if (this.#bytes[this.#at] === COMMA) this.#step();
  }

  #readValue(name: string): void {
    if (name === '') throw this.#fault('a label name is empty');
    if (name === '__name__' && !this.#syntax.exemplar)
      throw new RepeatedLabelError(this.#fault('label name "__name__" is not unique'));
    if (this.#bytes[this.#at] !== EQUAL) throw this.#fault('expected = behind a label name');
    this.#step();
    if (this.#bytes[this.#at] !== QUOTE) throw this.#fault('expected a quoted label value');
    this.labels.push(name, this.#quoted(this.#syntax.lineFeedInValue, 'a label value'));
    if (this.labels.length > 2 * MAX_LABELS) throw this.#fault(`more than ${MAX_LABELS} labels`);
    const c = this.#bytes[this.#at];
    if (c === COMMA) this.#step();
    else if (c !== CLOSE && !this.#syntax.loose) throw this.#fault('expected , or }');
  }

  #bareLabelName(): string {
    const start = this.#at;
    if ((CLASS[this.#bytes[start]!]! & LABEL_START) === 0) throw this.#fault('expected a label name');
    while ((CLASS[this.#bytes[this.#at]!]! & LABEL) !== 0) this.#at++;
    const name = this.#bytes.toString('latin1', start, this.#at);
    this.#skipSpaces();
    return name;
  }

  /** The text between the quote here and the next one. */
  #quoted(lineFeed: boolean, what: string): string {
    const start = this.#at + 1;
    const close = closingQuote(this.#bytes, start, this.#end);
    if (close < 0) throw this.#fault(`${what} has no closing quote`);
    const text = cutText(this.#bytes, start, close, this.#syntax.exemplar ? 'none' : 'all');
    if (text === undefined) throw this.#fault(`${what} is not valid UTF-8`);
    if (!lineFeed && hasByte(this.#bytes, LF, start, close)) throw this.#fault(`${what} holds a line feed`);
    if (what === 'a label name' && hasByte(this.#bytes, 0, start, close))
      throw this.#fault(`${what} holds a NUL`);
    this.#at = close;
    this.#step();
    return text;
  }

  #step(): void {
    this.#at++;
    this.#skipSpaces();
  }

  #skipSpaces(): void {
    if (!this.#syntax.loose) return;
    while (this.#bytes[this.#at] === SPACE || this.#bytes[this.#at] === TAB) this.#at++;
  }

  #fault(what: string) {
    return pageFault(this.#bytes, this.#at, what);
  }
}

function hasByte(bytes: Uint8Array, byte: number, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] === byte) return true;
  return false;
}

/** Writes the bounds of buckets and quantiles in one way (Prometheus 3 and OpenMetrics), so that a changed client library is not a new series. */
function normalise(labels: string[], bound: string): void {
  for (let i = 0; i < labels.length; i += 2)
    if (labels[i] === bound) labels[i + 1] = normaliseBound(labels[i + 1]!);
}

function sortedAt(labels: string[], bytes: Buffer, at: number): string[] {
  return sortedLabels(labels, (what) => {
    throw new RepeatedLabelError(pageFault(bytes, at, what));
  });
}

/**
 * The same labels, sorted by name. A name that stands twice fails the page, unless one of its values is empty: then Prometheus
 * lets go of both, and one empty value is kept here.
 */
export function sortedLabels(labels: string[], fail: (what: string) => never): string[] {
  if (isSorted(labels)) return labels;
  const result: string[] = [];
  for (const [name, value] of inPairs(labels)) {
    if (result.at(-2) !== name) result.push(name, value);
    else if (value === '' || result.at(-1) === '') result[result.length - 1] = '';
    else fail(`label name ${JSON.stringify(name)} is not unique`);
  }
  return result;
}

/** Name and value of each label, sorted by name. */
function inPairs(labels: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i < labels.length; i += 2) pairs.push([labels[i]!, labels[i + 1]!]);
  return pairs.sort(([a], [b]) => compareBytes(a, b));
}

function isSorted(labels: readonly string[]): boolean {
  for (let i = 2; i < labels.length; i += 2) if (compareBytes(labels[i - 2]!, labels[i]!) >= 0) return false;
  return true;
}
