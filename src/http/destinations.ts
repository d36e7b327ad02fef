import type { DestinationStatus } from '../sender/index.js';
import { timeJson } from './tasks.js';

/** A destination as `/api/v1/destinations` shows it: snake_case, times as RFC 3339, ages in seconds. */
export function destinationJson(status: DestinationStatus, nowMs: number) {
  const { oldestPendingMs } = status;
  return {
    name: status.name,
    url: status.url,
    state: status.state,
    sent_samples: status.sentSamples,
    failed_samples: status.failedSamples,
    pending_samples: status.pendingSamples,
    pending_blocks: status.pendingBlocks,
    pending_bytes: status.pendingBytes,
    oldest_pending: timeJson(oldestPendingMs),
    lag_seconds: oldestPendingMs === undefined ? 0 : Math.max(0, nowMs - oldestPendingMs) / 1000,
    pending_since: timeJson(status.pendingSinceMs),
    last_success: timeJson(status.lastSuccessMs),
    last_error: status.lastError ?? null,
  };
}

/** A destination in an answer. */
export type DestinationJson = ReturnType<typeof destinationJson>;
