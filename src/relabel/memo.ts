/** Entries of a generation; there are two. */
const GENERATION = 500;
/** Longer texts are seldom seen again, and would make the memory of a memo depend on the targets. */
const LONGEST = 256;

/**
 * Remembers what a function of a text gave, for texts that come again: names of metrics, jobs, instances. Bounded: what was not asked for while 500
 * others came is forgotten.
 */
export class Memo<T> {
  readonly #compute: (text: string) => T;
  #young = new Map<string, T>();
  #old = new Map<string, T>();

  constructor(compute: (text: string) => T) {
    this.#compute = compute;
  }

  /** What the function gives for the text; not to be changed. */
  get(text: string): T {
    const young = this.#young.get(text);
    if (young !== undefined || this.#young.has(text)) return young as T;
    const value = this.#old.has(text) ? (this.#old.get(text) as T) : this.#compute(text);
    if (text.length <= LONGEST) this.#add(text, value);
    return value;
  }

  #add(text: string, value: T): void {
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(text, value);
  }
}
