import type { Cell, Metrics } from '../lib/index.js';

/** What a route counts; in = out + dropped + pending. */
export interface RouteMetrics {
  samplesIn: Cell;
  samplesOut: Cell;
  /** Samples of blocks that the next stage refused. */
  samplesDropped: Cell;
  blocks: Cell;
  /** Before compression. */
  encodedBytes: Cell;
  compressedBytes: Cell;
}

/** Forgets the metrics of a route that is gone. */
export function removeRouteMetrics(metrics: Metrics, route: string): void {
  for (const family of metrics.families()) {
    if (!family.name.startsWith('sentinel_block_')) continue;
    for (const { labels } of [...family.samples()]) if (labels.route === route) family.remove(labels);
  }
}

/** The metrics of one route. `pending` gives the samples that wait in its open block. */
export function routeMetrics(metrics: Metrics, route: string, pending: () => number): RouteMetrics {
  const counter = (name: string, help: string) => metrics.family('counter', name, help).with({ route });
  metrics
    .family('gauge', 'sentinel_block_samples_pending', 'Samples in the block that is being filled.')
    .read({ route }, pending);
  return {
    samplesIn: counter('sentinel_block_samples_in_total', 'Samples that a route was given.'),
    samplesOut: counter('sentinel_block_samples_out_total', 'Samples in blocks that the buffer took.'),
    samplesDropped: metrics
      .family('counter', 'sentinel_block_samples_dropped_total', 'Samples that a route lost, by reason.')
      .with({ route, reason: 'refused' }),
    blocks: counter('sentinel_block_blocks_total', 'Blocks sealed.'),
    encodedBytes: counter('sentinel_block_encoded_bytes_total', 'Bytes of sealed blocks before compression.'),
    compressedBytes: counter(
      'sentinel_block_compressed_bytes_total',
      'Bytes of sealed blocks after compression.',
    ),
  };
}
