import type { Cell, Clock, Metrics } from '../lib/index.js';
import type { StoredCounts } from './store.js';

/**
 * Why samples were given up. refused: the receiver will never take them; size, age: a limit of the buffer; memory: the limit of memory, while the
 * disk failed; broken_file: they were in a file that had to be set aside; unsaved: the disk still failed when the agent stopped.
 */
export type DropReason = 'refused' | 'size' | 'age' | 'memory' | 'broken_file' | 'unsaved';

/** Counts of blocks, and how one block more or less changes them. */
export class Counts implements StoredCounts {
  blocks = 0;
  samples = 0;
  bytes = 0;

  /** Adds what is counted elsewhere. */
  add(other: StoredCounts): void {
    this.blocks += other.blocks;
    this.samples += other.samples;
    this.bytes += other.bytes;
  }

  /** Takes it away again. */
  subtract(other: StoredCounts): void {
    this.blocks -= other.blocks;
    this.samples -= other.samples;
    this.bytes -= other.bytes;
  }
}

/** What is pending for one destination. At any moment: in = out + dropped + pending. */
export class Queue {
  readonly name: string;
  /** All that is pending. */
  readonly pending = new Counts();
  /** The part of it that is on disk. */
  readonly stored = new Counts();
  /** Oldest timestamp of the oldest block on disk, ms. */
  storedOldestMs: number | undefined;
  /** Samples given up since start, for any reason. */
  droppedSamples = 0;
  /** Blocks that are being sent. */
  readonly leased = new Set<number>();
  /** Blocks that are settled, but that a failing disk did not let go of yet. */
  readonly settled = new Set<number>();
  readonly #in: Cell;
  readonly #out: Cell;
  readonly #dropped: (reason: DropReason) => Cell;

  /** `oldestMs` gives the oldest pending timestamp. */
  constructor(
    name: string,
    { metrics, clock }: { metrics: Metrics; clock: Clock },
    oldestMs: () => number | undefined,
  ) {
    this.name = name;
    const labels = { destination: name };
    this.#in = metrics
      .family(
        'counter',
        'sentinel_buffer_samples_in_total',
        'Samples that became pending for a destination, those restored at start among them.',
      )
      .with(labels);
    this.#out = metrics
      .family('counter', 'sentinel_buffer_samples_out_total', 'Samples that a destination accepted.')
      .with(labels);
    const dropped = metrics.family(
      'counter',
      'sentinel_buffer_samples_dropped_total',
      'Samples that were given up for a destination, by reason.',
    );
    this.#dropped = (reason) => dropped.with({ ...labels, reason });
    metrics
      .family('gauge', 'sentinel_buffer_samples_pending', 'Samples that a destination has not accepted yet.')
      .read(labels, () => this.pending.samples);
    metrics
      .family('gauge', 'sentinel_buffer_blocks_pending', 'Blocks that a destination has not accepted yet.')
      .read(labels, () => this.pending.blocks);
    metrics
      .family('gauge', 'sentinel_buffer_bytes_pending', 'Compressed bytes of the pending blocks.')
      .read(labels, () => this.pending.bytes);
    metrics
      .family(
        'gauge',
        'sentinel_buffer_oldest_sample_age_seconds',
        'Age of the oldest sample that a destination has not accepted yet; 0 when there is none.',
      )
      .read(labels, () => Math.max(0, clock.now() - (oldestMs() ?? Infinity)) / 1000);
  }

  /** Samples became pending. */
  come(counts: StoredCounts): void {
    this.pending.add(counts);
    this.#in.inc(counts.samples);
  }

  /** Samples were accepted, or given up. */
  go(counts: StoredCounts, how: 'accepted' | DropReason): void {
    this.pending.subtract(counts);
    if (how !== 'accepted') this.droppedSamples += counts.samples;
    (how === 'accepted' ? this.#out : this.#dropped(how)).inc(counts.samples);
  }
}

/** The queues of all destinations, those that are not configured but have samples on disk among them. */
export class Queues {
  readonly #queues = new Map<string, Queue>();
  readonly #create: (name: string) => Queue;

  constructor(create: (name: string) => Queue) {
    this.#create = create;
  }

  /** The queue of a destination, made when it is new. */
  get(name: string): Queue {
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      queue = this.#create(name);
      this.#queues.set(name, queue);
    }
    return queue;
  }

  /** All of them. */
  all(): Iterable<Queue> {
    return this.#queues.values();
  }
}
