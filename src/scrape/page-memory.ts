/** What the pages of all targets hold together, from their first byte until they have been read. */
const SHARED_BYTES = 64 * 2 ** 20;

/** A page is never refused below this, whatever others hold: nearly all pages are. */
const SMALL_BYTES = 2 ** 20;

/** Memory for pages that are on their way, one for all targets: many large ones at the same time must not take what the agent has. */
export class PageMemory {
  held = 0;

  /** The share of one scrape; to be released at its end. */
  share(): PageShare {
    return new PageShare(this);
  }
}

/** What one page holds of it. */
export class PageShare {
  readonly #memory: PageMemory;
  #bytes = 0;
  /** Whether there was not enough, because of other pages. */
  isRefused = false;

  constructor(memory: PageMemory) {
    this.#memory = memory;
  }

  /** Takes so many bytes in all; false where others hold too much for that. A page that is alone may be as large as its limits say. */
  hold(bytes: number): boolean {
    const others = this.#memory.held - this.#bytes;
    this.isRefused = bytes > SMALL_BYTES && others > 0 && others + bytes > SHARED_BYTES;
    if (this.isRefused) return false;
    this.#memory.held = others + bytes;
    this.#bytes = bytes;
    return true;
  }

  /** Gives all of it back. */
  release(): void {
    this.hold(0);
  }
}
