import { BOOT_MS, BOOT_STEP_MS, type Boot, type Clock } from '../lib/index.js';
import type { Block } from '../model/index.js';

/** Moves all timestamps of a block. */
export type ShiftBlock = (block: Block, stepMs: number) => Block;

/** By which clock the samples of a block were stamped, when that may turn out to be wrong. */
export interface Stamp {
  boot: string;
  /** When the boot began, by this clock, ms since 1970. */
  startMs: number;
  /** Uptime at which the clock counts as right, whatever it says, ms. */
  endMs: number;
  /** What its samples are to be moved by, as far as is known. */
  shiftMs: number;
}

/** Reading both clocks again is better when it took longer: the process was held in between. */
const READ_MS = 10;

/** What samples are to be moved by, when their boot began at `startMs` by the clock as it is. Found anew each time, so that nothing is moved twice. */
export function shiftBy(stamp: Stamp, startMs: number): number {
  const shiftMs = Math.round(startMs - stamp.startMs);
  return Math.abs(shiftMs - stamp.shiftMs) > BOOT_STEP_MS ? shiftMs : stamp.shiftMs;
}

/** The first ten minutes of the agent in a boot, in which the clock of gear without a battery may be wrong. */
export class BootTime {
  readonly id: string;
  readonly #clock: Clock;
  readonly #boot: Boot;
  #endMs: number;
  #isOver = false;
  /** By the clock that stamped what comes in. */
  #stampMs: number;
  /** By the clock as it was last seen in these minutes; `undefined` when they were over before this run. */
  #startMs: number | undefined;

  constructor(clock: Clock, boot: Boot) {
    this.id = boot.id;
    this.#clock = clock;
    this.#boot = boot;
    this.#endMs = boot.uptimeMs() + BOOT_MS;
    this.#stampMs = this.#read();
    this.#startMs = this.#stampMs;
  }

  /** An earlier run of this boot began these minutes: a restart does not begin them again. */
  resume(endMs: number): void {
    if (endMs >= this.#endMs) return;
    this.#endMs = endMs;
    if (!this.#isOpen()) this.#startMs = undefined;
  }

  /** When the boot began by the clock as it is, or as it was at the end of these minutes; `undefined` when this run has seen none of them. */
  get startMs(): number | undefined {
    if (this.#startMs !== undefined && this.#isOpen()) this.#startMs = this.#read();
    return this.#startMs;
  }

  /** For what comes in now; `undefined` once the clock counts as right. */
  stamp(): Stamp | undefined {
    if (!this.#isOpen()) return undefined;
    return { boot: this.id, startMs: this.#stampMs, endMs: this.#endMs, shiftMs: 0 };
  }

  /** What comes in from now on is stamped by the clock as it is; gives what that was set by since the last time, if it is still these minutes. */
  look(): number {
    if (!this.#isOpen()) return 0;
    const before = this.#stampMs;
    this.#stampMs = this.#read();
    return this.#stampMs - before;
  }

  /** What the samples of a block are to be moved by now. */
  shiftOf(stamp: Stamp | undefined): number {
    if (stamp === undefined) return 0;
    const startMs = stamp.boot === this.id ? this.startMs : undefined;
    return startMs === undefined ? stamp.shiftMs : shiftBy(stamp, startMs);
  }

  #isOpen(): boolean {
    this.#isOver ||= this.#boot.uptimeMs() > this.#endMs;
    return !this.#isOver;
  }

  #read(): number {
    for (;;) {
      const before = this.#boot.uptimeMs();
      const now = this.#clock.now();
      if (this.#boot.uptimeMs() - before < READ_MS) return now - before;
    }
  }
}
