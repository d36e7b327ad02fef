/** What the agent knows of a destination. */
export interface DestinationStatus {
  name: string;
  /** Without userinfo and query values. */
  url: string;
  /** late: data has been pending without a 2xx for two minutes; failing: the last request failed or its samples were refused; else ok. */
  state: 'ok' | 'failing' | 'late';
  /** Accepted by the receiver since start, samples. */
  sentSamples: number;
  /** Refused by the receiver or dropped by a limit since start, samples. */
  failedSamples: number;
  pendingSamples: number;
  pendingBlocks: number;
  /** As they will be sent, compressed. */
  pendingBytes: number;
  /** Timestamp of the oldest pending sample, ms; `undefined` when nothing is pending. */
  oldestPendingMs: number | undefined;
  /** Wall clock of the last 2xx, ms. */
  lastSuccessMs: number | undefined;
  /** What the last request failed with; `undefined` after a success. */
  lastError: string | undefined;
  /** Since when data has been pending without a 2xx, wall clock ms. */
  pendingSinceMs: number | undefined;
}
