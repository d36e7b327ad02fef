import type { KnownLine } from '../exposition/index.js';
import type { MetricMetadata } from '../model/index.js';

/** Entries of one generation at most. */
const GENERATION = 16_384;

/**
 * Gives one object for equal texts, so that what many targets expose alike is stored once. Remembers the last ones only: two generations, of which the older
 * one goes when the younger one is full. One for all targets.
 */
export class SharedTexts {
  readonly #texts = new Generations<string>();
  readonly #lines = new Generations<KnownLine>();
  readonly #families = new Generations<MetricMetadata>();

  /** The string that stands for this text. */
  text(text: string): string {
    return this.#texts.share(text, text);
  }

  /** The object that stands for this line. */
  line(line: KnownLine): KnownLine {
    return this.#lines.share(line.text, line);
  }

  /** The object that stands for this metadata. */
  family(metadata: MetricMetadata): MetricMetadata {
    const { family, type, help, unit } = metadata;
    return this.#families.share(`${type} ${family}\n${unit}\n${help}`, metadata);
  }
}

class Generations<T> {
  #young = new Map<string, T>();
  #old = new Map<string, T>();

  share(key: string, value: T): T {
    const known = this.#young.get(key);
    if (known !== undefined) return known;
    const shared = this.#old.get(key) ?? value;
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, shared);
    return shared;
  }
}
