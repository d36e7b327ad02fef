/**
 * Finds ids by a hash; equality is the owner's to judge. At rest it holds 4 bytes for each id, where a Map takes 50: its slots (open addressing, linear
 * probing) are made when they are first needed, and `rest` lets them go. A page whose series are those of the last one needs none.
 */
export class HashIndex {
  /** Id + 1; 0 is free. Empty = at rest. */
  #slots = new Uint32Array(0);
  /** By id; 0 = not here. */
  #hashes = new Uint32Array(8);
  #size = 0;

  /** Number of ids. */
  get size(): number {
    return this.#size;
  }

  has(id: number): boolean {
    return id < this.#hashes.length && this.#hashes[id] !== 0;
  }

  /** The id of this hash that `isSame` takes for the one, or -1. */
  find(hash: number, isSame: (id: number) => boolean): number {
    this.#wake();
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
    if (this.#slots.length === 0) return;
    if (this.#size * 2 > this.#slots.length) this.#rebuild();
    else this.#place(id);
  }

  /** Lets an id go. */
  remove(id: number): void {
    if (this.#slots.length > 0) this.#unplace(id);
    this.#hashes[id] = 0;
    this.#size--;
  }

  /** No search is expected for a while. */
  rest(): void {
    if (this.#slots.length > 0) this.#slots = new Uint32Array(0);
  }

  /** Calls `visit` with the hash of each id. */
  eachHash(visit: (hash: number) => void): void {
    for (const hash of this.#hashes) if (hash !== 0) visit(hash);
  }

  #wake(): void {
    if (this.#slots.length === 0) this.#rebuild();
  }

  /** Slots for twice as many ids, half full at most: a probe stays short. */
  #rebuild(): void {
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2(Math.max(8, this.#size * 4))));
    for (let id = 0; id < this.#hashes.length; id++) if (this.#hashes[id] !== 0) this.#place(id);
  }

  #place(id: number): void {
    const mask = this.#slots.length - 1;
    let at = this.#hashes[id]! & mask;
    while (this.#slots[at] !== 0) at = (at + 1) & mask;
    this.#slots[at] = id + 1;
  }

  /** The ids behind it move up, so that no gap cuts them off from their place. */
  #unplace(id: number): void {
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
  }
}

/** A copy with room for `length` values and a few more: tables of many targets must not be half empty. */
export function grown<A extends Uint32Array | Float64Array | Uint8Array>(array: A, length: number): A {
  const larger = new (array.constructor as new (length: number) => A)(Math.ceil(length * 1.15) + 8);
  larger.set(array);
  return larger;
}

/** A hash of several texts, never 0: FNV-1a over their code units, with a mark between them. */
export function hashTexts(texts: readonly string[]): number {
  let hash = 0x811c9dc5;
  for (const text of texts) {
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ 0xffff, 0x01000193);
  }
  return hash >>> 0 || 1;
}
