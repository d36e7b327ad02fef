// Hot path: `next` runs per sample. Benchmark: test/bench/scrape/page.bench.ts.
import type { createParser } from '../exposition/index.js';
import { grown, HashIndex, hashText } from './hash-index.js';
import type { TextPool } from './text-pool.js';

/** The parser of one page. */
export type PageParser = ReturnType<typeof createParser>;

/** In the place of a ref: relabelling dropped the series of this text. */
export const DROPPED = 0xffffffff;
/** In the place of a ref: the series is beyond `series_limit`. */
export const OVER_LIMIT = 0xfffffffe;
/** Refs are below this. */
export const NO_REF = OVER_LIMIT;

/** In the place of an id: none. */
const NONE = 0xffffffff;

/**
 * The texts under which a target exposes its series (`name{...}`, byte by byte), and what was decided about each, so that labels are read once per text.
 * The text of a line is guessed to be the one that stood behind the text of the line before on the last page; a good guess costs a compare. The texts
 * themselves are shared with other targets.
 */
export class ExposedTexts {
  readonly #pool: TextPool;
  readonly #index = new HashIndex();
  #keys: string[] = [];
  readonly #free: number[] = [];
  /** By id: which text stood behind it on the last page. */
  #followers = new Uint32Array(8);
  #first = NONE;
  #last = NONE;
  /** By id: the series, `DROPPED` or `OVER_LIMIT`. */
  refs = new Uint32Array(8);
  /** By id: number of the last page that had it. */
  pages = new Uint32Array(8);
  /** By id: 1 when a sample of it was taken, ever. */
  taken = new Uint8Array(8);

  constructor(pool: TextPool) {
    this.#pool = pool;
  }

  /** Number of known texts. */
  get size(): number {
    return this.#index.size;
  }

  /** Number of places: ids are below it. */
  get places(): number {
    return this.#keys.length;
  }

  /** The next call of `next` is for the first line of a page. */
  rewind(): void {
    this.#last = NONE;
  }

  /** Id of the text at hand, or -1 when it is not known. */
  next(parser: PageParser): number {
    const guess = this.#last === NONE ? this.#first : this.#followers[this.#last]!;
    // Fast path
    if (guess < this.#keys.length && parser.seriesIs(this.#keys[guess]!)) {
      this.#last = guess;
      return guess;
    }
    // Slow path: a text that is new, or stood elsewhere.
    const id = this.#find(parser.seriesKey());
    if (id >= 0) this.#follow(id);
    return id;
  }

  /** Takes in the text at hand, which is not known; gives its id. */
  add(parser: PageParser, ref: number): number {
    const key = this.#pool.share(parser.seriesKey());
    const id = this.#free.pop() ?? this.#keys.length;
    if (id >= this.refs.length) this.#grow(id + 1);
    this.#keys[id] = key;
    this.refs[id] = ref;
    this.pages[id] = 0;
    this.taken[id] = 0;
    this.#index.add(id, hashText(key));
    this.#follow(id);
    return id;
  }

  /** The text of an id. */
  key(id: number): string {
    return this.#keys[id]!;
  }

  /** Lets a text go. */
  remove(id: number): void {
    this.#index.remove(id);
    this.#keys[id] = '';
    this.#free.push(id);
  }

  /** Whether the place holds a text. */
  has(id: number): boolean {
    return this.#keys[id] !== '';
  }

  #find(key: string): number {
    return this.#index.find(hashText(key), (id) => this.#keys[id] === key);
  }

  #follow(id: number): void {
    if (this.#last === NONE) this.#first = id;
    else this.#followers[this.#last] = id;
    this.#last = id;
  }

  #grow(length: number): void {
    this.refs = grown(this.refs, length);
    this.pages = grown(this.pages, length);
    this.taken = grown(this.taken, length);
    this.#followers = grown(this.#followers, length);
  }
}
