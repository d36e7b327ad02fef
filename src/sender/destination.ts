import type { HttpClientOptions } from '../net/index.js';
import type { RelabelRule } from '../relabel/index.js';

/** A receiver of remote write. Known by its name through restarts, reloads and reordering. */
export interface Destination {
  name: string;
  url: string;
  /** `auto` takes the best that the receiver speaks; so far that is remote write 1.0. */
  protocol: 'auto' | 'remote_write_1';
  /** fifo: one request in flight, oldest first. fresh_first: live data first, the backlog oldest-first beside it. */
  order: 'fifo' | 'fresh_first';
  /** Bounds one request, connect to answer. */
  timeoutMs: number;
  minBackoffMs: number;
  maxBackoffMs: number;
  /** Samples in a request at most. */
  batchSize: number;
  /** How long samples are collected after a block. */
  flushIntervalMs: number;
  /** Rules for its samples alone, after those for all destinations. */
  relabel: readonly RelabelRule[];
  /** Whether exemplars go with the samples. */
  sendExemplars: boolean;
  /** Whether native histograms are sent; without it they are dropped and counted. */
  sendNativeHistograms: boolean;
  metadata: MetadataOptions;
  /** Auth, TLS, headers, proxy, redirects. */
  http: Omit<HttpClientOptions, 'keepAlive'>;
}

/** Prometheus's `metadata_config`: types, helps and units of metrics, in requests of their own. */
export interface MetadataOptions {
  send: boolean;
  intervalMs: number;
  /** Metrics in a request at most. */
  maxPerSend: number;
}
