import type { Block } from '../model/index.js';
import type { Stamp } from './boot-time.js';
import type { Found, StoredBlock } from './store.js';

/** A block that exists in memory only. */
export interface HeldBlock extends StoredBlock {
  /** Destination -> requests that failed. */
  owners: Map<string, number>;
}

/** The blocks that exist in memory only, oldest first. Few: the older ones are on disk. */
export class Memory {
  #blocks: HeldBlock[] = [];
  /** Bytes of all blocks. */
  bytes = 0;

  /** Oldest first; not to be changed. */
  get blocks(): readonly HeldBlock[] {
    return this.#blocks;
  }

  /** Samples of these blocks (all, without an argument), each as often as somebody has it pending. */
  samples(among: ReadonlySet<HeldBlock> = new Set(this.#blocks)): number {
    const of = (held: HeldBlock) => (among.has(held) ? held.block.samples * held.owners.size : 0);
    return this.#blocks.reduce((sum, held) => sum + of(held), 0);
  }

  /** Adds the newest block. */
  add(id: number, block: Block, stamp: Stamp | undefined, destinations: readonly string[]): void {
    this.#blocks.push({ id, block, stamp, owners: new Map(destinations.map((name) => [name, 0])) });
    this.bytes += block.bytes.length;
  }

  /** The block with this id, if it is here and `destination` has it pending. */
  get(destination: string, id: number): HeldBlock | undefined {
    return this.#blocks.find((held) => held.id === id && held.owners.has(destination));
  }

  /** The oldest or newest block of a destination that is not in `except`. */
  find(destination: string, end: 'oldest' | 'newest', except: ReadonlySet<number>): Found | undefined {
    const fits = (held: HeldBlock) => held.owners.has(destination) && !except.has(held.id);
    const held = end === 'oldest' ? this.#blocks.find(fits) : this.#blocks.findLast(fits);
    return held && { ...held, attempts: held.owners.get(destination)! };
  }

  /** The destination no longer needs the block; it goes when nobody does. */
  disown(destination: string, held: HeldBlock): void {
    held.owners.delete(destination);
    if (held.owners.size === 0) this.remove([held]);
  }

  /** Lets blocks go, whoever needs them. */
  remove(blocks: readonly HeldBlock[]): void {
    const gone = new Set(blocks);
    this.#blocks = this.#blocks.filter((held) => !gone.has(held));
    this.bytes = this.#blocks.reduce((sum, { block }) => sum + block.bytes.length, 0);
  }
}
