import { invariant } from '../lib/index.js';
import { ByteColumn } from './byte-column.js';
import type { Labels } from './labels.js';

/** Index of a series in its owner's table, while the series lives. Used again for another series after it went. */
export type SeriesRef = number;

/** What a later stage remembers per series: an array beside the table, cleared where a series goes. */
export type Column<T> = (T | undefined)[];

/** What a later stage sees of an owner's series. */
export interface SeriesView {
  /** Labels of a living series, `__name__` among them. May be made anew for each call: ask once per series, and keep the decision in a column. */
  labels(ref: SeriesRef): Labels;
  /** The column of a stage, made when it first asks. */
  column<T>(stage: symbol): Column<T>;
  /** The same for bytes, which cost a third there. */
  bytes(stage: symbol): ByteColumn;
}

/** The columns beside one table of series. */
export class Columns {
  readonly #columns = new Map<symbol, Column<unknown>>();
  readonly #bytes = new Map<symbol, ByteColumn>();

  /** The column of bytes of a stage, made when it first asks. */
  bytesOf(stage: symbol): ByteColumn {
    let column = this.#bytes.get(stage);
    if (column === undefined) {
      column = new ByteColumn();
      this.#bytes.set(stage, column);
    }
    return column;
  }

  /** The column of a stage, made when it first asks. */
  of<T>(stage: symbol): Column<T> {
    let column = this.#columns.get(stage);
    if (column === undefined) {
      column = [];
      this.#columns.set(stage, column);
    }
    return column as Column<T>;
  }

  /** Every stage forgets the series. */
  clear(ref: SeriesRef): void {
    for (const column of this.#columns.values()) if (ref < column.length) column[ref] = undefined;
    for (const column of this.#bytes.values()) column.clear(ref);
  }
}

/**
 * The series of one owner (a task, a push client). A series is found by its key, the text under which its owner sees it;
 * later stages find their own decision about it in a column, by its ref alone.
 *
 *   ref      0        1        2
 *   labels   up{..}   a{..}    (free)
 *   column   bytes    bytes    undefined     <- one per stage that asked
 */
export class SeriesTable implements SeriesView {
  readonly #refs = new Map<string, SeriesRef>();
  readonly #labels: (Labels | undefined)[] = [];
  readonly #keys: string[] = [];
  readonly #free: SeriesRef[] = [];
  readonly #columns = new Columns();

  /** Number of living series. */
  get size(): number {
    return this.#refs.size;
  }

  /** The series with this key, or `undefined`. */
  find(key: string): SeriesRef | undefined {
    return this.#refs.get(key);
  }

  /** Takes in a new series. The key must not be known yet. */
  add(key: string, labels: Labels): SeriesRef {
    invariant(!this.#refs.has(key), `series ${key} added twice`);
    const ref = this.#free.pop() ?? this.#labels.length;
    this.#refs.set(key, ref);
    this.#labels[ref] = labels;
    this.#keys[ref] = key;
    return ref;
  }

  /** Labels of a living series, `__name__` among them. */
  labels(ref: SeriesRef): Labels {
    const labels = this.#labels[ref];
    invariant(labels !== undefined, `series ${ref} is gone`);
    return labels;
  }

  /** The key of a living series. */
  key(ref: SeriesRef): string {
    invariant(this.#labels[ref] !== undefined, `series ${ref} is gone`);
    return this.#keys[ref]!;
  }

  /** Lets a series go: its ref may be given to another, and every column forgets it. */
  remove(ref: SeriesRef): void {
    invariant(this.#labels[ref] !== undefined, `series ${ref} removed twice`);
    this.#refs.delete(this.#keys[ref]!);
    this.#labels[ref] = undefined;
    this.#free.push(ref);
    this.#columns.clear(ref);
  }

  /** The column of a stage, made when it first asks. */
  column<T>(stage: symbol): Column<T> {
    return this.#columns.of(stage);
  }

  bytes(stage: symbol): ByteColumn {
    return this.#columns.bytesOf(stage);
  }
}
