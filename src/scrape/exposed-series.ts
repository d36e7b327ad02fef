// Hot path: `next` runs per sample. Benchmark: test/bench/scrape/page.bench.ts.
import type { PageParser } from '../exposition/index.js';
import { invariant } from '../lib/index.js';
import {
  type ByteColumn,
  type Column,
  Columns,
  type Labels,
  type SeriesRef,
  type SeriesView,
} from '../model/index.js';
import { grown, HashIndex, hashTexts } from './hash-index.js';
import { REPORTED } from './report-series.js';
import type { SharedTexts } from './shared-texts.js';

/** In the place of a ref: relabelling dropped the series of this text. */
export const DROPPED = 0xffffffff;
/** In the place of a ref: the series is beyond `series_limit`. */
export const OVER_LIMIT = 0xfffffffe;

/** Makes the labels of a series again. */
export interface LabelSource {
  report(ref: SeriesRef): Labels;
  exposed(text: string, form: number): Labels;
}

/** What was decided about a new text. */
export interface NewSeries {
  labels: Labels;
  hash: number;
  /** How the text is read again; `undefined` = it cannot be, and the labels are kept. */
  form: number | undefined;
}

/**
 * The texts under which a target exposes its series (`name{...}`, byte by byte), and the series themselves: one for each set of labels, whatever texts give it.
 * A text has an id, and the id of the first text of a series is the series' ref. Ids from 0 are the report series, which always live and are never one with an
 * exposed series of the same name.
 *
 *   id    0..10     11          12          13           14
 *   text  (report)  a{x="1"}    b           c            a{x="1",}
 *   refs            11          DROPPED     13           11          <- the same labels
 *
 * The text of a line is guessed to be the one that stood behind the text of the line before on the last page; a good guess costs a compare. Memory is what an
 * agent has least of: texts are shared with other targets, and labels are not kept, but made again from the text when a stage asks.
 */
export class ExposedSeries implements SeriesView {
  readonly #shared: SharedTexts;
  readonly #source: LabelSource;
  readonly #columns = new Columns();
  readonly #byText = new HashIndex();
  readonly #byLabels = new HashIndex();
  readonly #free: number[] = [];
  /** By id, as all arrays here. Empty where nothing lives; the text of a series stays while another text gives it. */
  #texts: string[] = REPORTED.map(() => '');
  /** Which text stood behind it on the last page; that of the first line stands behind the id 0. */
  #followers = new Uint32Array(16);
  #last = 0;
  #guessed = 0;
  #forms = new Uint8Array(16);
  /** How many other texts give a series; only where there are any. */
  readonly #twins = new Map<SeriesRef, number>();
  /** Labels that cannot be made again. */
  readonly #kept = new Map<SeriesRef, Labels>();
  /** Labels that were just made: later stages ask for those of new series at once. */
  #young = new Map<SeriesRef, Labels>();
  /** The series, `DROPPED` or `OVER_LIMIT`. */
  refs = new Uint32Array(16);
  /** Number of the last page that had the text. */
  pages = new Uint32Array(16);
  /** 1 when a sample of the text was taken, ever. */
  taken = new Uint8Array(16);
  /** The text that the next line is guessed to have; empty = none is. For the parser's `next`. */
  expected = '';
  /** By ref: number of the last page that gave the series so that its end will be marked. */
  tracked = new Uint32Array(16);

  constructor(shared: SharedTexts, source: LabelSource) {
    this.#shared = shared;
    this.#source = source;
  }

  /** Number of living series, without those of the report. */
  get size(): number {
    return this.#byLabels.size;
  }

  /** Number of texts, dropped ones among them. */
  get textCount(): number {
    return this.#byText.size;
  }

  /** Ids are below this. */
  get places(): number {
    return this.#texts.length;
  }

  /** The next text is that of the first line of a page. */
  rewind(): void {
    this.#last = 0;
    this.#guess(this.#followers[0]!);
  }

  /** Id of the text at hand, or -1 when it is not known. */
  next(parser: PageParser): number {
    // Fast path
    if (parser.isExpected) {
      const id = this.#guessed;
      this.#last = id;
      this.#guess(this.#followers[id]!);
      return id;
    }
    // Slow path: a text that is new, or stood elsewhere.
    const text = parser.seriesKey();
    const id = this.#byText.find(hashTexts([text]), (other) => this.#texts[other] === text);
    if (id >= 0) this.#follow(id);
    return id;
  }

  /** Takes in the text at hand, which is not known, and what was decided about it; gives its id. */
  add(parser: PageParser, decision: NewSeries | typeof DROPPED | typeof OVER_LIMIT): number {
    const text = this.#shared.text(parser.seriesKey());
    const id = this.#free.pop() ?? this.#texts.length;
    if (id >= this.refs.length) this.#grow(id + 1);
    this.#texts[id] = text;
    this.pages[id] = this.tracked[id] = this.#followers[id] = 0;
    this.taken[id] = 0;
    this.#byText.add(id, hashTexts([text]));
    this.refs[id] = typeof decision === 'number' ? decision : this.#addSeries(id, decision);
    this.#follow(id);
    return id;
  }

  /** Whether a text lives under this id. */
  has(id: number): boolean {
    return this.#byText.has(id);
  }

  /** Lets a text go; with its last text a series goes, and is given to `gone`. */
  remove(id: number, gone: (ref: SeriesRef) => void): void {
    this.#byText.remove(id);
    const ref = this.refs[id]!;
    if (ref !== id) this.#release(id);
    if (ref >= OVER_LIMIT) return;
    if (ref !== id) this.#countTwin(ref, -1);
    if (this.#byText.has(ref) || this.#twins.has(ref)) return;
    this.#byLabels.remove(ref);
    this.#columns.clear(ref);
    this.#kept.delete(ref);
    this.#young.delete(ref);
    this.#release(ref);
    gone(ref);
  }

  /** The living series with these labels, or -1. */
  find(labels: Labels, hash = hashTexts(labels)): SeriesRef {
    return this.#byLabels.find(hash, (ref) => sameLabels(this.labels(ref), labels));
  }

  labels(ref: SeriesRef): Labels {
    if (ref < REPORTED.length) return this.#source.report(ref);
    const known = this.#young.get(ref) ?? this.#kept.get(ref);
    if (known !== undefined) return known;
    const text = this.#texts[ref];
    invariant(text !== undefined && text !== '', `series ${ref} is gone`);
    return this.#source.exposed(text, this.#forms[ref]!);
  }

  column<T>(stage: symbol): Column<T> {
    return this.#columns.of(stage);
  }

  bytes(stage: symbol): ByteColumn {
    return this.#columns.bytesOf(stage);
  }

  /** Calls `visit` with the hash of each living series' labels. */
  eachHash(visit: (hash: number) => void): void {
    this.#byLabels.eachHash(visit);
  }

  /** A page is over: lets go of what is needed only while there are new texts. */
  rest(): void {
    this.#byText.rest();
    this.#byLabels.rest();
    if (this.#young.size === 0) return;
    // Later stages read a batch as soon as it is made, before the loop turns.
    setImmediate(() => {
      this.#young = new Map();
      // An array that grew by one at a time is up to half empty.
      this.#texts = this.#texts.slice();
    });
  }

  #addSeries(id: number, { labels, hash, form }: NewSeries): SeriesRef {
    const known = this.find(labels, hash);
    if (known >= 0) {
      this.#countTwin(known, 1);
      return known;
    }
    this.#byLabels.add(id, hash);
    if (form === undefined) this.#kept.set(id, labels);
    else this.#young.set(id, labels);
    this.#forms[id] = form ?? 0;
    return id;
  }

  #countTwin(ref: SeriesRef, by: number): void {
    const count = (this.#twins.get(ref) ?? 0) + by;
    if (count === 0) this.#twins.delete(ref);
    else this.#twins.set(ref, count);
  }

  #release(id: number): void {
    this.#texts[id] = '';
    this.tracked[id] = 0;
    this.#free.push(id);
  }

  #follow(id: number): void {
    this.#followers[this.#last] = id;
    this.#last = id;
    this.#guess(this.#followers[id]!);
  }

  #guess(id: number): void {
    this.#guessed = id;
    this.expected = this.#byText.has(id) ? this.#texts[id]! : '';
  }

  #grow(length: number): void {
    this.refs = grown(this.refs, length);
    this.pages = grown(this.pages, length);
    this.taken = grown(this.taken, length);
    this.tracked = grown(this.tracked, length);
    this.#forms = grown(this.#forms, length);
    this.#followers = grown(this.#followers, length);
  }
}

/** Whether both say the same. */
export function sameLabels(a: Labels, b: Labels): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
