/** Finds ids by a hash; equality is the owner's to judge. Open addressing with linear probing: 12 to 20 bytes for each id, where a Map takes 50. */
export class HashIndex {
  /** Id + 1; 0 is free. */
  #slots = new Uint32Array(16);
  /** By id. */
  #hashes = new Uint32Array(8);
  #size = 0;

  /** Number of ids. */
  get size(): number {
    return this.#size;
  }

  /** The id of this hash that `isSame` takes for the one, or -1. */
  find(hash: number, isSame: (id: number) => boolean): number {
    const mask = this.#slots.length - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const id = this.#slots[at]! - 1;
      if (id < 0) return -1;
      if (this.#hashes[id] === hash && isSame(id)) return id;
    }
  }

  /** Takes in an id that is not there yet. */
  add(id: number, hash: number): void {
    if (id >= this.#hashes.length) this.#hashes = grown(this.#hashes, id + 1);
    this.#hashes[id] = hash;
    this.#size++;
    // Half full at most: a probe stays short.
    if (this.#size * 2 > this.#slots.length) this.#rebuild();
    this.#place(id);
  }

  /** Lets an id go. The ids behind it move up, so that no gap cuts them off from their place. */
  remove(id: number): void {
    const mask = this.#slots.length - 1;
    let gap = this.#hashes[id]! & mask;
    while (this.#slots[gap] !== id + 1) gap = (gap + 1) & mask;
    for (let at = (gap + 1) & mask; this.#slots[at] !== 0; at = (at + 1) & mask) {
      const home = this.#hashes[this.#slots[at]! - 1]! & mask;
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      this.#slots[gap] = this.#slots[at]!;
      gap = at;
    }
    this.#slots[gap] = 0;
    this.#size--;
  }

  /** Calls `visit` with the hash of each id. */
  eachHash(visit: (hash: number) => void): void {
    for (const slot of this.#slots) if (slot !== 0) visit(this.#hashes[slot - 1]!);
  }

  #place(id: number): void {
    const mask = this.#slots.length - 1;
    let at = this.#hashes[id]! & mask;
    while (this.#slots[at] !== 0) at = (at + 1) & mask;
    this.#slots[at] = id + 1;
  }

  #rebuild(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(before.length * 2);
    for (const slot of before) if (slot !== 0) this.#place(slot - 1);
  }
}

/** A copy with room for `length` values and a few more: tables of many targets must not be half empty. */
export function grown<A extends Uint32Array | Float64Array | Uint8Array>(array: A, length: number): A {
  const larger = new (array.constructor as new (length: number) => A)(Math.ceil(length * 1.2) + 8);
  larger.set(array);
  return larger;
}

/** Where a hash begins. */
export const HASH_START = 0x811c9dc5;

/** FNV-1a over the code units of a text, from `seed` on. */
export function hashText(text: string, seed = HASH_START): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
