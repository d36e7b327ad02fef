import { offsetOf } from '../schedule/index.js';
import type { Target } from './target.js';

/** Prometheus's tolerance: a scrape that begins so little after its tick is stamped with the tick, and so are intervals of samples even. */
const SNAP_MS = 2;
/** Of the interval, where that is less. */
const SNAP_PART = 100;

/** Ticks of one interval lie so far apart at least: a process that wakes up for each page alone pays twice for it, since neither its code nor its data is in the caches then. */
const SLOT_MS = 100;
/** Of the interval, where that is less. */
const SLOT_PART = 50;

/**
 * Where the ticks of a target lie in its interval, whole slots in ms: by its hash, so that targets are spread and keep their place over restarts; `seed` differs
 * from agent to agent, so that two that scrape the same do not do so at once. `scrape_offset` says it exactly, `scrape_align_interval` moves it to a multiple.
 */
export function phaseOf({ key, config }: Target, seed: string): number {
  const { intervalMs, alignIntervalMs, offsetMs } = config;
  if (offsetMs !== undefined) return offsetMs % intervalMs;
  const byHash = offsetOf(`${key}/${seed}`, intervalMs);
  return byHash - (byHash % (alignIntervalMs || slotOf(intervalMs)));
}

const slotOf = (intervalMs: number) => Math.max(1, Math.min(SLOT_MS, Math.floor(intervalMs / SLOT_PART)));

/** The time that all of a scrape is stamped with, whole ms: when it began, or its tick where that was just before. */
export function stampOf(tickMs: number, startedMs: number, intervalMs: number): number {
  const lateMs = startedMs - tickMs;
  return lateMs > Math.min(SNAP_MS, intervalMs / SNAP_PART) ? Math.floor(startedMs) : tickMs;
}
