import type { Clock, Metrics, Timer } from '../lib/index.js';
import { labelKey } from '../lib/index.js';
import { Batch, labelsBeside, labelsOf, type Next, SeriesTable, StaleTracker } from '../model/index.js';
import { offsetOf, tickAfter } from '../schedule/index.js';

/** How the agent's own metrics travel. */
export interface SelfSettings {
  /** From one batch to the next; 0 = they stay on /metrics. */
  intervalMs: number;
  /** Label `sentinel`. */
  name: string;
  /** Label `region`, when it is not empty. */
  region: string;
  labels: Readonly<Record<string, string>>;
}

/** What it is made of. */
interface SelfParts {
  clock: Clock;
  metrics: Metrics;
  next: Next;
}

/** No batch so soon after the start: after a block the route collects for `flush_interval`, and the first results of probes are not to wait for that. */
const FIRST_MS = 10_000;

/**
 * The agent as a source of samples: all that it counts about itself, as one batch every interval, so that an agent behind NAT can be seen. Ticks lie on
 * the wall clock, at a phase made from the agent's name, so that a fleet does not send as one.
 */
export class SelfMetrics {
  readonly #parts: SelfParts;
  readonly #count: ReturnType<typeof selfMetrics>;
  #settings: SelfSettings | undefined;
  #base: Readonly<Record<string, string>> = {};
  #table = new SeriesTable();
  #stale = new StaleTracker(this.#table);
  #timer: Timer | undefined;

  constructor(parts: SelfParts) {
    this.#parts = parts;
    this.#count = selfMetrics(parts.metrics);
  }

  /** From now on with these settings. Series that go on under other labels, or not at all, get their stale markers. */
  apply(settings: SelfSettings): void {
    this.stop();
    const base = { ...settings.labels, sentinel: settings.name, region: settings.region };
    if (settings.intervalMs === 0 || labelKey(base) !== labelKey(this.#base)) this.#endSeries();
    this.#settings = settings;
    this.#base = base;
    const { clock } = this.#parts;
    if (settings.intervalMs > 0) this.#arm(clock.now() + Math.min(FIRST_MS, settings.intervalMs), settings);
  }

  /** No further batch. */
  stop(): void {
    this.#timer?.cancel();
  }

  #arm(afterMs: number, settings: SelfSettings): void {
    const { clock } = this.#parts;
    const plannedMs = tickAfter(afterMs, settings.intervalMs, phaseOf(settings));
    this.#timer = clock.after(plannedMs - clock.now(), () => this.#tick(plannedMs, settings));
  }

  #tick(plannedMs: number, settings: SelfSettings): void {
    const { intervalMs } = settings;
    const now = this.#parts.clock.now();
    // After a step of the wall clock, or a suspend, the tick that was meant is not the one that is due.
    const stepped = Math.abs(now - plannedMs) >= intervalMs;
    const stampMs = stepped ? tickAfter(now, intervalMs, phaseOf(settings)) - intervalMs : plannedMs;
    this.#push(this.#batchOf(stampMs));
    this.#arm(Math.max(now, stampMs), settings);
  }

  #batchOf(stampMs: number): Batch {
    const startedMs = this.#parts.clock.now();
    const times = { plannedMs: stampMs, startedMs, finishedMs: startedMs };
    const batch = new Batch(this.#source(), this.#table, times, this.#table.size + 16);
    this.#stale.begin();
    for (const family of this.#parts.metrics.families()) {
      for (const { labels, value } of family.samples()) {
        const ref = this.#refOf(family.name, labels);
        this.#stale.see(ref);
        batch.add(ref, value, stampMs);
      }
    }
    this.#stale.end(batch, stampMs);
    return batch;
  }

  #refOf(name: string, own: Readonly<Record<string, string>>): number {
    const key = `${name}${labelKey(own)}`;
    const known = this.#table.find(key);
    if (known !== undefined) return known;
    const labels = labelsBeside({ ...this.#base, __name__: name }, Object.entries(own).flat());
    return this.#table.add(key, labelsOf(labels));
  }

  /** Stale markers for all that the last batch gave, and a table without them. */
  #endSeries(): void {
    const stampMs = Math.round(this.#parts.clock.now());
    const times = { plannedMs: stampMs, startedMs: stampMs, finishedMs: stampMs };
    const batch = new Batch(this.#source(), this.#table, times, this.#table.size);
    this.#stale.begin();
    this.#stale.end(batch, stampMs);
    if (batch.length > 0) this.#push(batch);
    this.#table = new SeriesTable();
    this.#stale = new StaleTracker(this.#table);
  }

  #source() {
    return { kind: 'self', id: this.#settings?.name ?? '' } as const;
  }

  #push(batch: Batch): void {
    this.#count.samples.inc(batch.length);
    if (this.#parts.next(batch) === 'refused') this.#count.dropped.inc(batch.length);
  }
}

const phaseOf = ({ name, intervalMs }: SelfSettings) => offsetOf(`self ${name}`, intervalMs);

function selfMetrics(metrics: Metrics) {
  return {
    samples: metrics.counter(
      'sentinel_self_samples_total',
      "Samples of the agent's own metrics, stale markers included.",
    ),
    dropped: metrics
      .family(
        'counter',
        'sentinel_self_dropped_samples_total',
        "Samples of the agent's own metrics that did not go on, by reason.",
      )
      .with({ reason: 'refused' }),
  };
}
