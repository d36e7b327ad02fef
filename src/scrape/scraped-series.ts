import { invariant } from '../lib/index.js';
import { type Column, Columns, type Labels, type SeriesRef, type SeriesView } from '../model/index.js';
import { grown, HASH_START, HashIndex, hashText } from './hash-index.js';
import { REPORTED } from './report-series.js';

/** Makes the labels of a series again: of a report series by its ref, of another one by the text that stands for it. */
export interface LabelSource {
  report(ref: SeriesRef): Labels;
  exposed(text: string, form: number): Labels;
}

/** A new series. */
export interface NewSeries {
  labels: Labels;
  /** The text that gave it. */
  text: string;
  /** How the text is read again. */
  form: number;
}

/**
 * The series of one target: one for each set of labels, whatever texts give it. Refs from 0 are the report series, which always live and are never one with
 * an exposed series of the same name. Labels are not kept, they are made again when a stage asks: they would be most of the memory of an agent.
 */
export class ScrapedSeries implements SeriesView {
  readonly #source: LabelSource;
  readonly #index = new HashIndex();
  readonly #columns = new Columns();
  readonly #free: SeriesRef[] = [];
  /** By ref, as all arrays here: the text that stands for it; empty where no series lives. */
  readonly #texts: string[];
  #forms = new Uint8Array(16);
  /** How many texts give it. */
  #uses = new Uint32Array(16);
  /** Labels that were just made: later stages ask for those of new series at once. */
  #young = new Map<SeriesRef, Labels>();
  /** Time of the last sample that went on. */
  lastMs = new Float64Array(16).fill(-Infinity);
  /** Number of the last page that gave it without a time of its own: its end will be marked. */
  tracked = new Uint32Array(16);

  constructor(source: LabelSource) {
    this.#source = source;
    this.#texts = REPORTED.map(() => '');
  }

  /** Number of living series, without those of the report. */
  get size(): number {
    return this.#index.size;
  }

  /** Refs are below this. */
  get places(): number {
    return this.#texts.length;
  }

  /** The series with these labels, or -1. */
  find(labels: Labels, hash = hashLabels(labels)): SeriesRef {
    return this.#index.find(hash, (ref) => sameLabels(this.labels(ref), labels));
  }

  /** The series of a new text, which may be there already. */
  add({ labels, text, form }: NewSeries): SeriesRef {
    const hash = hashLabels(labels);
    const known = this.find(labels, hash);
    if (known >= 0) {
      this.#uses[known]!++;
      return known;
    }
    const ref = this.#free.pop() ?? this.#texts.length;
    if (ref >= this.lastMs.length) this.#grow(ref + 1);
    this.#texts[ref] = text;
    this.#forms[ref] = form;
    this.#uses[ref] = 1;
    this.lastMs[ref] = -Infinity;
    this.tracked[ref] = 0;
    this.#index.add(ref, hash);
    this.#keepForNow(ref, labels);
    return ref;
  }

  /** Calls `visit` with the hash of each living series' labels. */
  eachHash(visit: (hash: number) => void): void {
    this.#index.eachHash(visit);
  }

  /** A text that gave the series has gone; with its last text the series goes. */
  release(ref: SeriesRef): void {
    if (--this.#uses[ref]! > 0) return;
    this.#index.remove(ref);
    this.#texts[ref] = '';
    this.tracked[ref] = 0;
    this.#young.delete(ref);
    this.#free.push(ref);
    this.#columns.clear(ref);
  }

  labels(ref: SeriesRef): Labels {
    if (ref < REPORTED.length) return this.#source.report(ref);
    const young = this.#young.get(ref);
    if (young !== undefined) return young;
    const text = this.#texts[ref];
    invariant(text !== undefined && text !== '', `series ${ref} is gone`);
    return this.#source.exposed(text, this.#forms[ref]!);
  }

  column<T>(stage: symbol): Column<T> {
    return this.#columns.of(stage);
  }

  /** Later stages read a batch as soon as it is made, before the loop turns. */
  #keepForNow(ref: SeriesRef, labels: Labels): void {
    if (this.#young.size === 0)
      setImmediate(() => {
        this.#young = new Map();
      });
    this.#young.set(ref, labels);
  }

  #grow(length: number): void {
    const before = this.lastMs.length;
    this.#forms = grown(this.#forms, length);
    this.#uses = grown(this.#uses, length);
    this.tracked = grown(this.tracked, length);
    this.lastMs = grown(this.lastMs, length);
    this.lastMs.fill(-Infinity, before);
  }
}

/** A hash of labels; the lengths are in it by a byte between texts. */
export function hashLabels(labels: Labels): number {
  let hash = HASH_START;
  for (const text of labels) hash = Math.imul(hashText(text, hash) ^ 0xff, 0x01000193);
  return hash >>> 0;
}

function sameLabels(a: Labels, b: Labels): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
