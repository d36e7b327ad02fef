// Hot path: runs per new series. Benchmark: test/bench/relabel.
import { compareBytes, type Labels } from '../model/index.js';

/**
 * The labels that rules work on. They are copied at the first write, so that rules that change nothing cost nothing. The order is Prometheus's: labels
 * as they came, then those that were set, in the order of setting; it decides which of two writes of one rule comes last.
 *
 *   entries   a 1  b 2  c ''  |  d 4  c 5        (c was set: it moved behind)
 *             as they came       set
 */
export class LabelSet {
  #base: Labels = [];
  /** Name and value in turn; an empty value is a label that went. */
  #entries: Labels = [];
  #own: string[] = [];

  /** Begins with other labels. */
  reset(labels: Labels): void {
    this.#base = labels;
    this.#entries = labels;
  }

  /** What is there now, as name and value in turn; entries with an empty value are absent. Changes with the next write. */
  get entries(): Labels {
    return this.#entries;
  }

  /** The value of a label, or an empty text. */
  get(name: string): string {
    const at = this.#find(name);
    return at < 0 ? '' : this.#entries[at + 1]!;
  }

  /** Sets a label; an empty value takes it away. */
  set(name: string, value: string): void {
    const at = this.#find(name);
    if (value === '') {
      if (at >= 0) this.deleteAt(at);
      return;
    }
    const own = this.#write();
    if (at >= this.#base.length) {
      own[at + 1] = value;
      return;
    }
    if (at >= 0) own[at + 1] = '';
    own.push(name, value);
  }

  /** Takes away the label whose name stands at this index of `entries`. */
  deleteAt(index: number): void {
    this.#write()[index + 1] = '';
  }

  /** The labels as they are now: the array that it began with when they are the same. */
  labels(): Labels {
    if (this.#entries === this.#base) return this.#base;
    const sorted: string[] = [];
    for (let i = 0; i < this.#own.length; i += 2) {
      const value = this.#own[i + 1]!;
      if (value !== '') insert(sorted, this.#own[i]!, value);
    }
    return sameLabels(sorted, this.#base) ? this.#base : sorted;
  }

  #find(name: string): number {
    const entries = this.#entries;
    for (let i = 0; i < entries.length; i += 2) if (entries[i] === name && entries[i + 1] !== '') return i;
    return -1;
  }

  #write(): string[] {
    const own = this.#own;
    if (this.#entries === own) return own;
    own.length = 0;
    for (const text of this.#base) own.push(text);
    this.#entries = own;
    return own;
  }
}

/** From the end: labels that came sorted find their place at once. */
function insert(sorted: string[], name: string, value: string): void {
  let i = sorted.length;
  sorted.push(name, value);
  for (; i > 0 && compareBytes(sorted[i - 2]!, name) > 0; i -= 2) {
    sorted[i] = sorted[i - 2]!;
    sorted[i + 1] = sorted[i - 1]!;
  }
  sorted[i] = name;
  sorted[i + 1] = value;
}

/** Whether two arrays hold the same labels. */
export function sameLabels(a: Labels, b: Labels): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
