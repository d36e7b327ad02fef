import type { Entry, KnownLine, PageParser } from '../exposition/index.js';
import type { MetricMetadata } from '../model/index.js';
import type { SharedTexts } from './shared-texts.js';

/** Pages on which a family may be missing before it is forgotten. */
const KEPT_PAGES = 10;

/**
 * What a target says of its metric families (HELP, TYPE, UNIT). A line is guessed to be the one that stood at its place on the last page: then it is compared
 * and not read. What targets say alike is stored once.
 */
export class TargetMetadata {
  readonly #shared: SharedTexts;
  #families: MetricMetadata[] = [];
  /** By place of a family: the last page that spoke of it. */
  #pages: number[] = [];
  /** The lines of the last page in their order, and the family of each. */
  #lines: KnownLine[] = [];
  #owners: number[] = [];
  /** Lines of the present page. */
  #line = 0;
  #page = 0;
  /** Families by name; only while guesses fail. */
  #places: Map<string, number> | undefined;
  /** The line that is guessed to be the next one; for the parser's `next`. */
  expected: KnownLine | undefined;

  constructor(shared: SharedTexts) {
    this.#shared = shared;
  }

  /** Number of families. */
  get size(): number {
    return this.#families.length;
  }

  /** Before a page. */
  begin(page: number): void {
    this.#page = page;
    this.#line = 0;
    this.expected = this.#lines[0];
  }

  /** The line at hand is the expected one. */
  takeExpected(): void {
    this.#pages[this.#owners[this.#line]!] = this.#page;
    this.expected = this.#lines[++this.#line];
  }

  /** The line at hand is another one. */
  take(parser: PageParser, entry: Entry): void {
    const { family } = parser;
    const place = this.#placeOf(family);
    const known = this.#families[place]!;
    const said = { ...known };
    if (entry === 'type') said.type = parser.type;
    else if (entry === 'help') said.help = parser.text;
    else said.unit = parser.text;
    this.#families[place] = this.#shared.family(said);
    this.#pages[place] = this.#page;
    const text = parser.lineText();
    if (text === '') return;
    this.#lines[this.#line] = this.#shared.line({ text, type: entry === 'type' ? parser.type : undefined });
    this.#owners[this.#line] = place;
    this.expected = this.#lines[++this.#line];
  }

  /** After a page. `isFull`: it was read to its end, so that what was missing for too long is forgotten. */
  end(page: number, isFull: boolean): void {
    const isChanged = this.#places !== undefined;
    this.#places = undefined;
    if (isFull) this.#lines.length = this.#owners.length = Math.min(this.#lines.length, this.#line);
    if (isChanged) this.#trim();
    if (!isFull || this.#pages.every((last) => page - last <= KEPT_PAGES)) return;
    this.#families = this.#families.filter((_, place) => page - this.#pages[place]! <= KEPT_PAGES);
    this.#pages = this.#pages.filter((last) => page - last <= KEPT_PAGES);
    // The owners' places have moved: the next page is read anew.
    this.#lines = [];
    this.#owners = [];
  }

  /** All families. */
  list(): readonly MetricMetadata[] {
    return [...this.#families];
  }

  /** Arrays that grew by one at a time are up to half empty. */
  #trim(): void {
    this.#families = this.#families.slice();
    this.#pages = this.#pages.slice();
    this.#lines = this.#lines.slice();
    this.#owners = this.#owners.slice();
  }

  /** Place of a family, which is made when it is not known. */
  #placeOf(family: string): number {
    this.#places ??= new Map(this.#families.map((known, place) => [known.family, place]));
    let place = this.#places.get(family);
    if (place === undefined) {
      place = this.#families.length;
      this.#families.push({ family, type: 'unknown', help: '', unit: '' });
      this.#places.set(family, place);
    }
    return place;
  }
}
