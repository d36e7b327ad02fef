import type { Cell, Family, Metrics } from '../lib/index.js';
import type { Exemplar, Taken } from '../model/index.js';
import type { DropCounter, EncodeDrop } from './encoder.js';

/** What lies in an open block. */
interface Pending {
  readonly samples: number;
  readonly exemplars: number;
}

/** What a route counts; of samples and of exemplars in = out + dropped + pending. */
export class RouteMetrics implements DropCounter {
  readonly samplesIn: Cell;
  readonly blocks: Cell;
  /** Before compression. */
  readonly encodedBytes: Cell;
  readonly compressedBytes: Cell;
  readonly #samplesOut: Cell;
  readonly #metrics: Metrics;
  readonly #route: string;
  readonly #pending: () => Pending;
  readonly #sampleDrops = new Map<string, Cell>();
  readonly #exemplarFamilies: ExemplarFamilies;
  #exemplars: ExemplarMetrics | undefined;

  /** `pending` gives what waits in the open block. */
  constructor(metrics: Metrics, route: string, pending: () => Pending) {
    this.#metrics = metrics;
    this.#route = route;
    this.#pending = pending;
    this.#exemplarFamilies = exemplarFamilies(metrics);
    const counter = (name: string, help: string) => metrics.family('counter', name, help).with({ route });
    metrics
      .family('gauge', 'sentinel_block_samples_pending', 'Samples in the block that is being filled.')
      .read({ route }, () => pending().samples);
    this.samplesIn = counter('sentinel_block_samples_in_total', 'Samples that a route was given.');
    this.#samplesOut = counter('sentinel_block_samples_out_total', 'Samples in blocks that the buffer took.');
    this.blocks = counter('sentinel_block_blocks_total', 'Blocks sealed.');
    this.encodedBytes = counter(
      'sentinel_block_encoded_bytes_total',
      'Bytes of sealed blocks before compression.',
    );
    this.compressedBytes = counter(
      'sentinel_block_compressed_bytes_total',
      'Bytes of sealed blocks after compression.',
    );
    this.#dropCell('refused');
  }

  /** The exemplars of a batch came in; `areWanted`: they are to go on. */
  exemplarsIn(exemplars: ReadonlyMap<number, readonly Exemplar[]>, areWanted: boolean): void {
    let count = 0;
    for (const { length } of exemplars.values()) count += length;
    this.#ofExemplars().in.inc(count);
    if (!areWanted) this.#ofExemplars().dropped('unwanted').inc(count);
  }

  /** The next stage answered to a block. */
  given(samples: number, exemplars: number, answer: Taken): void {
    (answer === 'taken' ? this.#samplesOut : this.#dropCell('refused')).inc(samples);
    if (exemplars === 0) return;
    const metrics = this.#ofExemplars();
    (answer === 'taken' ? metrics.out : metrics.dropped('refused')).inc(exemplars);
  }

  sample(reason: EncodeDrop): void {
    this.#dropCell(reason).inc();
  }

  exemplars(reason: EncodeDrop, count: number): void {
    this.#ofExemplars().dropped(reason).inc(count);
  }

  /** The route is gone: so are its metrics. */
  remove(): void {
    for (const family of this.#metrics.families()) {
      if (!family.name.startsWith('sentinel_block_')) continue;
      for (const { labels } of [...family.samples()]) if (labels.route === this.#route) family.remove(labels);
    }
  }

  #dropCell(reason: EncodeDrop | 'refused'): Cell {
    let cell = this.#sampleDrops.get(reason);
    if (cell === undefined) {
      cell = this.#metrics
        .family('counter', 'sentinel_block_samples_dropped_total', 'Samples that a route lost, by reason.')
        .with({ route: this.#route, reason });
      this.#sampleDrops.set(reason, cell);
    }
    return cell;
  }

  /** Its cells are made when the first exemplar comes: most routes never see one. */
  #ofExemplars(): ExemplarMetrics {
    this.#exemplars ??= exemplarMetrics(this.#exemplarFamilies, this.#route, this.#pending);
    return this.#exemplars;
  }
}

interface ExemplarMetrics {
  in: Cell;
  out: Cell;
  dropped(reason: EncodeDrop | 'unwanted' | 'refused'): Cell;
}

interface ExemplarFamilies {
  in: Family;
  out: Family;
  dropped: Family;
  pending: Family;
}

function exemplarFamilies(metrics: Metrics): ExemplarFamilies {
  const counter = (name: string, help: string) => metrics.family('counter', name, help);
  return {
    in: counter('sentinel_block_exemplars_in_total', 'Exemplars that a route was given.'),
    out: counter('sentinel_block_exemplars_out_total', 'Exemplars in blocks that the buffer took.'),
    dropped: counter(
      'sentinel_block_exemplars_dropped_total',
      'Exemplars that a route lost or does not send, by reason.',
    ),
    pending: metrics.family(
      'gauge',
      'sentinel_block_exemplars_pending',
      'Exemplars in the block that is being filled.',
    ),
  };
}

function exemplarMetrics(families: ExemplarFamilies, route: string, pending: () => Pending): ExemplarMetrics {
  families.pending.read({ route }, () => pending().exemplars);
  return {
    in: families.in.with({ route }),
    out: families.out.with({ route }),
    dropped: (reason) => families.dropped.with({ route, reason }),
  };
}
