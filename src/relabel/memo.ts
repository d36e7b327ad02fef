/** Entries of a generation; there are two. */
const GENERATION = 1000;
/** With fewer answers from memory in a generation it is not worth its cost. */
const LEAST_HITS = GENERATION / 2;
/** Longer texts are seldom seen again, and would make the memory of a memo depend on the targets. */
const LONGEST = 256;

/**
 * Remembers what a function of a text gave, for texts that come again: names of metrics, jobs, instances. Bounded: what was not asked for while a thousand
 * others came is forgotten. Where texts hardly come again it gives up.
 */
export class Memo<T> {
  readonly #compute: (text: string) => T;
  #young = new Map<string, T>();
  #old = new Map<string, T>();
  #hits = 0;
  #isOff = false;

  constructor(compute: (text: string) => T) {
    this.#compute = compute;
  }

  /** What the function gives for the text; not to be changed. */
  get(text: string): T {
    if (this.#isOff || text.length > LONGEST) return this.#compute(text);
    const young = this.#young.get(text);
    if (young !== undefined || this.#young.has(text)) {
      this.#hits++;
      return young as T;
    }
    const isOld = this.#old.has(text);
    if (isOld) this.#hits++;
    const value = isOld ? (this.#old.get(text) as T) : this.#compute(text);
    this.#add(text, value);
    return value;
  }

  #add(text: string, value: T): void {
    if (this.#young.size >= GENERATION) {
      this.#isOff = this.#hits < LEAST_HITS;
      this.#hits = 0;
      this.#old = this.#isOff ? new Map() : this.#young;
      this.#young = new Map();
    }
    if (!this.#isOff) this.#young.set(text, value);
  }
}
