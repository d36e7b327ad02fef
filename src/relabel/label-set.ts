// Hot path: runs per new series. Benchmark: test/bench/relabel.
import { compareBytes, type Labels } from '../model/index.js';

/**
 * The labels that rules work on. They are copied at the first write, so that rules that change nothing cost nothing. The order is Prometheus's: labels
 * as they came, then those that were set, in the order of setting; it decides which of two writes of one rule comes last.
 *
 *   entries   a 1  b 2  c ''  |  d 4  c 5        (c was set: it moved behind)
 *             as they came       set
 *
 * Arrays are kept from one series to the next, with sizes beside them: setting the length of an array to 0 would give its memory back.
 */
export class LabelSet {
  #base: Labels = [];
  /** Name and value in turn; an empty value is a label that went. What is behind `#size` belongs to no one. */
  #entries: Labels = [];
  #size = 0;
  readonly #own: string[] = [];
  readonly #sorted: string[] = [];

  /** Begins with other labels. */
  reset(labels: Labels): void {
    this.#base = labels;
    this.#entries = labels;
    this.#size = labels.length;
  }

  /** Length of the entries: twice the number of labels, those that went among them. */
  get size(): number {
    return this.#size;
  }

  /** The name (even index) or value (odd index) of an entry; one with an empty value is absent. */
  at(index: number): string {
    return this.#entries[index]!;
  }

  /** A copy of the entries. */
  entries(): string[] {
    return this.#entries.slice(0, this.#size);
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
    own[this.#size] = name;
    own[this.#size + 1] = value;
    this.#size += 2;
  }

  /** Takes away the label whose name is at this index. */
  deleteAt(index: number): void {
    this.#write()[index + 1] = '';
  }

  /** The labels as they are now: the array that it began with when they are the same. */
  labels(): Labels {
    if (this.#entries === this.#base) return this.#base;
    const sorted = this.#sorted;
    let size = 0;
    for (let i = 0; i < this.#size; i += 2) {
      const value = this.#own[i + 1]!;
      if (value === '') continue;
      insert(sorted, size, this.#own[i]!, value);
      size += 2;
    }
    return startsWith(sorted, size, this.#base) ? this.#base : sorted.slice(0, size);
  }

  #find(name: string): number {
    const entries = this.#entries;
    for (let i = 0; i < this.#size; i += 2) if (entries[i] === name && entries[i + 1] !== '') return i;
    return -1;
  }

  #write(): string[] {
    const own = this.#own;
    if (this.#entries === own) return own;
    for (let i = 0; i < this.#size; i++) own[i] = this.#base[i]!;
    this.#entries = own;
    return own;
  }
}

/** Puts a label behind those that are before it; labels that came sorted find their place at once. */
function insert(sorted: string[], size: number, name: string, value: string): void {
  let i = size;
  for (; i > 0 && compareBytes(sorted[i - 2]!, name) > 0; i -= 2) {
    sorted[i] = sorted[i - 2]!;
    sorted[i + 1] = sorted[i - 1]!;
  }
  sorted[i] = name;
  sorted[i + 1] = value;
}

/** Whether the first `size` texts are these labels. */
function startsWith(texts: readonly string[], size: number, labels: Labels): boolean {
  if (size !== labels.length) return false;
  for (let i = 0; i < size; i++) if (texts[i] !== labels[i]) return false;
  return true;
}

/** Whether two arrays hold the same labels. */
export const sameLabels = (a: Labels, b: Labels): boolean => startsWith(a, a.length, b);
