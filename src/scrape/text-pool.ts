/** Texts of one generation at most. */
const GENERATION = 16_384;

/**
 * Gives one string for equal texts, so that what many targets expose alike is stored once. Remembers the last texts only: two generations, of which
 * the older one goes when the younger one is full. One for all targets.
 */
export class TextPool {
  #young = new Map<string, string>();
  #old = new Map<string, string>();

  /** The string that stands for this text. */
  share(text: string): string {
    const known = this.#young.get(text);
    if (known !== undefined) return known;
    const shared = this.#old.get(text) ?? text;
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(shared, shared);
    return shared;
  }
}
