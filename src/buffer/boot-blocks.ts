import { BOOT_MS, type Clock } from '../lib/index.js';
import type { Block } from '../model/index.js';

/** Moves all timestamps of a block. */
export type ShiftBlock = (block: Block, stepMs: number) => Block;

/** The blocks of the first minutes of a run, in which the clock of gear without a battery may be wrong, and how far their samples must be moved. */
export class BootBlocks {
  readonly #clock: Clock;
  readonly #endMs: number;
  /** Id -> ms. */
  readonly #steps = new Map<number, number>();
  readonly #counted = new Set<string>();
  #shift: ShiftBlock | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#endMs = clock.monotonic() + BOOT_MS;
  }

  /** A block came in. */
  note(id: number): void {
    if (this.#clock.monotonic() <= this.#endMs) this.#steps.set(id, 0);
    else if (this.#shift === undefined) this.#steps.clear();
  }

  /** The clock was set: all that came in so far has the wrong time. */
  step(stepMs: number, shift: ShiftBlock): void {
    this.#shift = shift;
    for (const [id, ms] of this.#steps) this.#steps.set(id, ms + stepMs);
  }

  /** Whether the timestamps of a block are wrong. */
  isWrong(id: number): boolean {
    return (this.#steps.get(id) ?? 0) !== 0;
  }

  /** The ids of all such blocks. */
  wrong(): number[] {
    return [...this.#steps.keys()].filter((id) => this.isWrong(id));
  }

  /** The block with the right times. */
  corrected(id: number, block: Block): Block {
    return this.#shift === undefined || !this.isWrong(id) ? block : this.#shift(block, this.#steps.get(id)!);
  }

  /** Whether a destination gets this block corrected for the first time. */
  isNew(destination: string, id: number): boolean {
    const key = `${id} ${destination}`;
    if (!this.isWrong(id) || this.#counted.has(key)) return false;
    this.#counted.add(key);
    return true;
  }
}
