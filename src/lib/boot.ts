import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Clock } from './clock.js';

/** The time since the machine was switched on. Tests put their own in its place. */
export interface Boot {
  /** Differs from boot to boot. */
  readonly id: string;
  /** Milliseconds since then, suspends included; never steps, and is the same for every process. */
  uptimeMs(): number;
}

/** How long the clock may still be wrong, on gear that has no battery for it: what it is set by until then moves the samples that are not sent yet. */
export const BOOT_MS = 600_000;
/** What a clock is set by at least when it was wrong; less is the usual correction of one that was about right. */
export const BOOT_STEP_MS = 60_000;

/** The present boot. Where there is no procfs each process has one of its own, and suspends are left out. */
export const systemBoot: Boot = {
  id: tryRead('/proc/sys/kernel/random/boot_id')?.trim() ?? randomUUID(),
  uptimeMs() {
    // In a container the file may count from the container's start (lxcfs): less than the kernel's own clock, which leaves suspends out.
    const [seconds = '0'] = (tryRead('/proc/uptime') ?? '').split(' ', 1);
    return Math.max(Number(seconds) * 1000, Number(process.hrtime.bigint()) / 1e6);
  },
};

/** When this process started. Gear without a battery sets its clock later, by years: what was the start by the clock of then would be no start, and no age. */
export class ProcessStart {
  readonly #clock: Clock;
  readonly #boot: Boot;
  readonly #uptimeMs: number;
  #ms: number;

  /** `ageMs`: how long ago it was. */
  constructor(clock: Clock, boot: Boot, ageMs: number) {
    this.#clock = clock;
    this.#boot = boot;
    this.#uptimeMs = boot.uptimeMs() - ageMs;
    this.#ms = clock.now() - ageMs;
  }

  /** By the clock as it is, ms since 1970. Usual corrections of the clock leave it alone: who looks for restarts looks for a change. */
  get ms(): number {
    const ms = this.#clock.now() - (this.#boot.uptimeMs() - this.#uptimeMs);
    if (Math.abs(ms - this.#ms) > BOOT_STEP_MS) this.#ms = ms;
    return this.#ms;
  }
}

/** Sync: procfs does not block. */
function tryRead(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return undefined; // Not Linux.
  }
}
