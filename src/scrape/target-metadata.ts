import type { FamilyType, MetricMetadata } from '../model/index.js';
import type { TextPool } from './text-pool.js';

/** Pages on which a family may be missing before it is forgotten. */
const KEPT_PAGES = 10;

interface Family {
  type: FamilyType;
  help: string;
  unit: string;
  /** The last page that spoke of it. */
  page: number;
}

/** What a target says of its metric families (HELP, TYPE, UNIT). */
export class TargetMetadata {
  readonly #pool: TextPool;
  readonly #families = new Map<string, Family>();

  constructor(pool: TextPool) {
    this.#pool = pool;
  }

  /** Number of families. */
  get size(): number {
    return this.#families.size;
  }

  setType(family: string, type: FamilyType, page: number): void {
    this.#of(family, page).type = type;
  }

  setHelp(family: string, help: string, page: number): void {
    const known = this.#of(family, page);
    if (known.help !== help) known.help = this.#pool.share(help);
  }

  setUnit(family: string, unit: string, page: number): void {
    const known = this.#of(family, page);
    if (known.unit !== unit) known.unit = this.#pool.share(unit);
  }

  /** Forgets families that were missing for too long. */
  forget(page: number): void {
    for (const [family, known] of this.#families)
      if (page - known.page > KEPT_PAGES) this.#families.delete(family);
  }

  /** All families. */
  list(): MetricMetadata[] {
    return [...this.#families].map(([family, { type, help, unit }]) => ({ family, type, help, unit }));
  }

  #of(family: string, page: number): Family {
    let known = this.#families.get(family);
    if (known === undefined) {
      known = { type: 'unknown', help: '', unit: '', page };
      this.#families.set(this.#pool.share(family), known);
    }
    known.page = page;
    return known;
  }
}
