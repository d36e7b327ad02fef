import type { Cell, Clock, Family, Metrics } from '../lib/index.js';
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

/** The metrics of a queue, all with the label `destination`. */
const FAMILIES = {
  samples_in_total: [
    'counter',
    'Samples that became pending for a destination, those restored at start among them.',
  ],
  samples_out_total: ['counter', 'Samples that a destination accepted.'],
  samples_dropped_total: ['counter', 'Samples that were given up for a destination, by reason.'],
  samples_shifted_total: [
    'counter',
    'Samples that a destination accepted with another time than they came with, because the clock was set in the first minutes of the boot.',
  ],
  samples_pending: ['gauge', 'Samples that a destination has not accepted yet.'],
  blocks_pending: ['gauge', 'Blocks that a destination has not accepted yet.'],
  bytes_pending: ['gauge', 'Compressed bytes of the pending blocks.'],
  oldest_sample_age_seconds: [
    'gauge',
    'Age of the oldest sample that a destination has not accepted yet; 0 when there is none.',
  ],
} as const;

function familyOf(metrics: Metrics, name: keyof typeof FAMILIES): Family {
  const [type, help] = FAMILIES[name];
  return metrics.family(type, `sentinel_buffer_${name}`, help);
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
  readonly #metrics: Metrics;
  readonly #in: Cell;
  readonly #out: Cell;
  readonly #shifted: Cell;

  /** `oldestMs` gives the oldest pending timestamp. */
  constructor(
    name: string,
    { metrics, clock }: { metrics: Metrics; clock: Clock },
    oldestMs: () => number | undefined,
  ) {
    this.name = name;
    this.#metrics = metrics;
    const labels = { destination: name };
    this.#in = familyOf(metrics, 'samples_in_total').with(labels);
    this.#out = familyOf(metrics, 'samples_out_total').with(labels);
    this.#shifted = familyOf(metrics, 'samples_shifted_total').with(labels);
    const read = (gauge: keyof typeof FAMILIES, value: () => number) =>
      familyOf(metrics, gauge).read(labels, value);
    read('samples_pending', () => this.pending.samples);
    read('blocks_pending', () => this.pending.blocks);
    read('bytes_pending', () => this.pending.bytes);
    read('oldest_sample_age_seconds', () => Math.max(0, clock.now() - (oldestMs() ?? Infinity)) / 1000);
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

  /** Samples were accepted with corrected times. */
  countShifted(samples: number): void {
    this.#shifted.inc(samples);
  }

  /** The destination is gone for good: so are its metrics. */
  removeMetrics(): void {
    for (const name of Object.keys(FAMILIES) as (keyof typeof FAMILIES)[]) {
      const family = familyOf(this.#metrics, name);
      for (const { labels } of [...family.samples()])
        if (labels.destination === this.name) family.remove(labels);
    }
  }

  #dropped(reason: DropReason): Cell {
    return familyOf(this.#metrics, 'samples_dropped_total').with({ destination: this.name, reason });
  }
}

/** The queues of all destinations, those that are not configured but have samples on disk among them. */
export class Queues {
  readonly #queues = new Map<string, Queue>();
  readonly #create: (name: string) => Queue;
  #configured: ReadonlySet<string> = new Set();

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

  /** The queue of a destination, if there is one. */
  find(name: string): Queue | undefined {
    return this.#queues.get(name);
  }

  /** Makes the queues of the destinations that are configured now; those of others stay while they hold something. */
  configure(names: ReadonlySet<string>): void {
    this.#configured = names;
    for (const name of names) this.get(name);
    this.forgetEmpty();
  }

  isConfigured(name: string): boolean {
    return this.#configured.has(name);
  }

  /** Lets queues go that are empty and not configured. */
  forgetEmpty(): void {
    if (this.#queues.size === this.#configured.size) return; // Fast path: each is configured.
    for (const queue of [...this.#queues.values()]) {
      if (this.#configured.has(queue.name) || queue.pending.blocks > 0 || queue.settled.size > 0) continue;
      queue.removeMetrics();
      this.#queues.delete(queue.name);
    }
  }

  /** All of them. */
  all(): Iterable<Queue> {
    return this.#queues.values();
  }
}
