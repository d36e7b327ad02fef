import type { FamilyType, MetricMetadata } from '../model/index.js';
import type { SharedTexts } from './shared-texts.js';

/** Pages on which a family may be missing before it is forgotten. */
const KEPT_PAGES = 10;

/**
 * What a target says of its metric families (HELP, TYPE, UNIT). The family of a line is guessed to be that of the line before, or the next one of the last
 * page; what targets say alike is stored once.
 */
export class TargetMetadata {
  readonly #shared: SharedTexts;
  #families: MetricMetadata[] = [];
  /** By place: the last page that spoke of it. */
  #pages: number[] = [];
  #last = -1;
  /** Places by name; only while guesses fail. */
  #places: Map<string, number> | undefined;

  constructor(shared: SharedTexts) {
    this.#shared = shared;
  }

  /** Number of families. */
  get size(): number {
    return this.#families.length;
  }

  setType(family: string, type: FamilyType, page: number): void {
    const place = this.#of(family, page);
    const known = this.#families[place]!;
    if (known.type !== type) this.#families[place] = this.#shared.family({ ...known, type });
  }

  setHelp(family: string, help: string, page: number): void {
    const place = this.#of(family, page);
    const known = this.#families[place]!;
    if (known.help !== help) this.#families[place] = this.#shared.family({ ...known, help });
  }

  setUnit(family: string, unit: string, page: number): void {
    const place = this.#of(family, page);
    const known = this.#families[place]!;
    if (known.unit !== unit) this.#families[place] = this.#shared.family({ ...known, unit });
  }

  /** After a page. `isFull`: it was read to its end, so that what was missing for too long is forgotten. */
  endPage(page: number, isFull: boolean): void {
    this.#places = undefined;
    this.#last = -1;
    if (!isFull || this.#pages.every((last) => page - last <= KEPT_PAGES)) return;
    this.#families = this.#families.filter((_, place) => page - this.#pages[place]! <= KEPT_PAGES);
    this.#pages = this.#pages.filter((last) => page - last <= KEPT_PAGES);
  }

  /** All families. */
  list(): readonly MetricMetadata[] {
    return [...this.#families];
  }

  /** Place of a family, which is made when it is not known. */
  #of(family: string, page: number): number {
    const next = this.#last + 1;
    if (this.#families[this.#last]?.family !== family)
      this.#last = this.#families[next]?.family === family ? next : this.#search(family);
    this.#pages[this.#last] = page;
    return this.#last;
  }

  #search(family: string): number {
    this.#places ??= new Map(this.#families.map((known, place) => [known.family, place]));
    let place = this.#places.get(family);
    if (place === undefined) {
      place = this.#families.length;
      this.#families.push(this.#shared.family({ family, type: 'unknown', help: '', unit: '' }));
      this.#places.set(family, place);
    }
    return place;
  }
}
