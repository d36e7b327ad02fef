import type { FamilyType } from '../model/index.js';
import { CLASS, CLOSE, cutText, HASH, LF, METRIC_START, OPEN, SPACE } from './bytes.js';
import { readFloat } from './float.js';
import { type Entry, ExpositionParser, type KnownLine, NO_EXEMPLARS } from './parser.js';
import { readExemplarLabels } from './series.js';

// Hot path: `next` runs per line. Benchmark: test/bench/exposition.

const TYPES: ReadonlySet<string> = new Set<FamilyType>([
  'counter',
  'gauge',
  'histogram',
  'gaugehistogram',
  'summary',
  'info',
  'stateset',
  'unknown',
]);

/**
 * OpenMetrics text 1.0.0 and 0.0.1, as Prometheus 3 accepts and refuses it: model/textparse/openmetricslex.l and openmetricsparse.go.
 * `_created` is an ordinary series. On purpose other than there: a NUL in a keyword or behind a label value is not skipped, and a line has limits.
 */
export class OpenMetricsParser extends ExpositionParser {
  constructor(page: Uint8Array) {
    super(page, { loose: false, lineFeedInValue: false, lineFeedInName: true, exemplar: false });
  }

  next(expected = '', line?: KnownLine): Entry {
    const i = this.at;
    if (i >= this.length) throw this.fault(i, 'the page does not end with # EOF');
    const c = this.bytes[i]!;
    if ((CLASS[c]! & METRIC_START) !== 0 || c === OPEN) return this.#series(i, expected);
    if (c === HASH) return this.takeLine(i, line) ? 'known' : this.#comment(i);
    throw this.fault(i, 'expected a metric name or a comment');
  }

  #series(start: number, expected: string): Entry {
    const bytes = this.bytes;
    let i = this.endOfKnown(start, expected);
    this.isExpected = i >= 0;
    if (i < 0) i = this.endOfName(start);
    if (bytes[i] === OPEN && bytes[i - 1] !== CLOSE) {
      i = this.braces(i);
      this.isExpected = false;
    }
    this.seriesStart = start;
    this.seriesEnd = i;
    i = this.#float(i, 'as value');
    this.value = this.number[0]!;
    this.hasTimestamp = false;
    this.exemplars = NO_EXEMPLARS;
    if (bytes[i] !== LF) i = this.#behindValue(i);
    if (i >= this.length) throw this.fault(i, 'the page does not end with # EOF');
    this.checkLength(start, i);
    this.at = i + 1;
    return 'series';
  }

  /** Reads a number behind exactly one space into `this.number`; gives the index behind it. */
  #float(space: number, what: string): number {
    if (this.bytes[space] !== SPACE) throw this.fault(space, 'expected one space');
    const end = readFloat(this.bytes, space + 1, this.number);
    if (end < 0) throw this.fault(space + 1, `expected a number ${what}`);
    return end;
  }

  /** Reads timestamp and exemplar; gives the index of the line feed. */
  #behindValue(from: number): number {
    let i = from;
    if (!this.#atExemplar(i)) {
      i = this.#float(i, 'of seconds as timestamp');
      this.timestampMs = this.#milliseconds(from);
      this.hasTimestamp = true;
    }
    if (this.#atExemplar(i)) i = this.#exemplar(i);
    if (this.bytes[i] !== LF) throw this.fault(i, 'expected the end of the line');
    return i;
  }

  #atExemplar(i: number): boolean {
    const b = this.bytes;
    return b[i] === SPACE && b[i + 1] === HASH && b[i + 2] === SPACE && b[i + 3] === OPEN;
  }

  #exemplar(from: number): number {
    const open = from + 3;
    const close = this.braces(open);
    const labels = readExemplarLabels(this.bytes, open, close);
    let i = this.#float(close, 'as value of the exemplar');
    const value = this.number[0]!;
    let timestampMs: number | undefined;
    if (this.bytes[i] === SPACE) {
      const at = i;
      i = this.#float(i, 'of seconds as timestamp of the exemplar');
      timestampMs = this.#milliseconds(at);
    }
    this.exemplars = [{ labels, value, timestampMs }];
    return i;
  }

  /** The seconds in `this.number` as whole milliseconds, cut as Go does; what an int64 cannot hold becomes its least value, as on amd64. */
  #milliseconds(at: number): number {
    const ms = this.number[0]! * 1000;
    if (!Number.isFinite(this.number[0]!)) throw this.fault(at, 'invalid timestamp');
    return Math.abs(ms) < 2 ** 63 ? Math.trunc(ms) : -(2 ** 63);
  }

  #comment(at: number): Entry {
    const word = this.bytes.toString('latin1', at, at + 7);
    if (word === '# HELP ') return this.#metadata('help', at + 7);
    if (word === '# TYPE ') return this.#metadata('type', at + 7);
    if (word === '# UNIT ') return this.#metadata('unit', at + 7);
    if (word.startsWith('# EOF')) return this.#end(at + 5);
    throw this.fault(at, 'expected # HELP, # TYPE, # UNIT or # EOF');
  }

  #end(at: number): Entry {
    const behind = this.bytes[at] === LF ? at + 1 : at;
    if (behind < this.length) throw this.fault(at, 'unexpected data after # EOF');
    // Another call would find the page without its end: the parser stays here.
    return 'end';
  }

  #metadata(entry: 'help' | 'type' | 'unit', from: number): Entry {
    const space = this.readFamily(from);
    if (this.bytes[space] !== SPACE) throw this.fault(space, `expected text in # ${entry.toUpperCase()}`);
    const end = this.metadataEnd(space);
    if (end >= this.length) throw this.fault(end, 'the page does not end with # EOF');
    const text = cutText(this.bytes, space + 1, end, entry === 'help' ? 'all' : 'none');
    if (text === undefined && entry === 'help') throw this.fault(space, 'the help text is not valid UTF-8');
    if (entry === 'type') this.#setType(text ?? '', space + 1);
    else this.text = text ?? this.bytes.toString('latin1', space + 1, end);
    if (entry === 'unit') this.#checkUnit(space + 1);
    this.at = end + 1;
    return entry;
  }

  #setType(word: string, at: number): void {
    if (!TYPES.has(word)) throw this.fault(at, 'invalid metric type');
    this.type = word as FamilyType;
  }

  #checkUnit(at: number): void {
    if (this.text !== '' && !this.family.endsWith(`_${this.text}`))
      throw this.fault(at, 'the unit is not a suffix of the metric name');
  }
}
