import { offsetOf } from '../schedule/index.js';
import type { Target } from './target.js';

/** Prometheus's tolerance: a scrape that begins so little after its tick is stamped with the tick, and so are intervals of samples even. */
const SNAP_MS = 2;
/** Of the interval, where that is less. */
const SNAP_PART = 100;

/**
 * Where the ticks of a target lie in its interval, ms: by its hash, so that targets are spread and keep their place over restarts; `seed` differs from agent
 * to agent, so that two that scrape the same do not do so at once. `scrape_offset` says it exactly, `scrape_align_interval` moves it to a multiple.
 */
export function phaseOf({ key, config }: Target, seed: string): number {
  const { intervalMs, alignIntervalMs, offsetMs } = config;
  if (offsetMs !== undefined) return offsetMs % intervalMs;
  const byHash = offsetOf(`${key}/${seed}`, intervalMs);
  return alignIntervalMs > 0 ? byHash - (byHash % alignIntervalMs) : byHash;
}

/** The time that all of a scrape is stamped with, whole ms: when it began, or its tick where that was just before. */
export function stampOf(tickMs: number, startedMs: number, intervalMs: number): number {
  const lateMs = startedMs - tickMs;
  return lateMs > Math.min(SNAP_MS, intervalMs / SNAP_PART) ? Math.floor(startedMs) : tickMs;
}
