import type { Cell, Metrics } from '../lib/index.js';
import type { FailureReason } from './answer.js';

/** What a destination's sending counts. */
export interface DestinationMetrics {
  samples: Cell;
  refusedSamples: Cell;
  bytes: Cell;
  retries: Cell;
  highestSent: Cell;
  /** Requests by answer: a status code, or `none`. */
  request(status: string): Cell;
  failure(reason: FailureReason): Cell;
}

/** Forgets the metrics of a destination that is gone. */
export function removeDestinationMetrics(metrics: Metrics, destination: string): void {
  for (const family of metrics.families()) {
    if (!family.name.startsWith('sentinel_sender_')) continue;
    for (const { labels } of [...family.samples()])
      if (labels.destination === destination) family.remove(labels);
  }
}

/** The metrics of one destination. `isGood` tells whether its last request was answered as it should be. */
export function destinationMetrics(
  metrics: Metrics,
  destination: string,
  isGood: () => boolean,
): DestinationMetrics {
  const labels = { destination };
  const counter = (name: string, help: string) => metrics.family('counter', name, help);
  const requests = counter(
    'sentinel_sender_requests_total',
    'Requests by status of the answer; none = no answer.',
  );
  const failures = counter('sentinel_sender_failures_total', 'Requests that delivered nothing, by reason.');
  metrics
    .family('gauge', 'sentinel_sender_healthy', '1 while requests are answered as they should be, else 0.')
    .read(labels, () => (isGood() ? 1 : 0));
  return {
    samples: counter('sentinel_sender_samples_total', 'Samples that the receiver accepted.').with(labels),
    refusedSamples: counter(
      'sentinel_sender_samples_refused_total',
      'Samples of blocks that the receiver refused for good.',
    ).with(labels),
    bytes: counter('sentinel_sender_bytes_total', 'Bytes of request bodies, as sent.').with(labels),
    retries: counter('sentinel_sender_retries_total', 'Requests for a block that had failed before.').with(
      labels,
    ),
    highestSent: metrics
      .family(
        'gauge',
        'sentinel_sender_highest_sent_timestamp_seconds',
        'Timestamp of the newest sample that the receiver accepted.',
      )
      .with(labels),
    request: (status) => requests.with({ ...labels, status }),
    failure: (reason) => failures.with({ ...labels, reason }),
  };
}

/** What the sending of metadata counts. */
export interface MetadataMetrics {
  /** Families that the receiver accepted. */
  families: Cell;
  failure(reason: FailureReason): Cell;
}

/** The metrics of one destination's metadata. */
export function metadataMetrics(metrics: Metrics, destination: string): MetadataMetrics {
  const failures = metrics.family(
    'counter',
    'sentinel_sender_metadata_failures_total',
    'Requests with metadata that delivered nothing, by reason; the next one goes an interval later.',
  );
  return {
    families: metrics
      .family(
        'counter',
        'sentinel_sender_metadata_total',
        'Metric families whose metadata the receiver accepted.',
      )
      .with({ destination }),
    failure: (reason) => failures.with({ destination, reason }),
  };
}
