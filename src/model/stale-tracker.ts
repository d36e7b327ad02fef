import type { Batch } from './batch.js';
import type { SeriesTable } from './series.js';
import type { SeriesRef } from './series-ref.js';

/**
 * Knows which series the owner's last run gave, and marks those that the present one does not give. One per series table.
 * A series that was marked has ended, and leaves the table with the run after, so that its ref stays good while the batch travels.
 */
export class StaleTracker {
  readonly #table: SeriesTable;
  #seen = new Set<SeriesRef>();
  #last = new Set<SeriesRef>();
  readonly #kept = new Set<SeriesRef>();
  #ended: SeriesRef[] = [];

  constructor(table: SeriesTable) {
    this.#table = table;
  }

  /** Before the first sample of a run: lets go of the series that ended with the last one. */
  begin(): void {
    for (const ref of this.#ended) this.#table.remove(ref);
    this.#ended = [];
  }

  /** A series of this run. */
  see(ref: SeriesRef): void {
    this.#seen.add(ref);
  }

  /** A series of this run whose sample has a time of its own: it has not ended, but its end will not be marked (remote-write 1.0 spec). */
  keep(ref: SeriesRef): void {
    this.#kept.add(ref);
  }

  /** Whether the last run gave the series without a time of its own, so that its end will be marked. */
  tracks(ref: SeriesRef): boolean {
    return this.#last.has(ref);
  }

  /** After the last sample of a run: adds a stale marker for every series of the last run that this one did not give. */
  end(batch: Batch, timestampMs: number): void {
    for (const ref of this.#last) {
      if (this.#seen.has(ref) || this.#kept.has(ref)) continue;
      batch.addStale(ref, timestampMs);
      this.#ended.push(ref);
    }
    [this.#last, this.#seen] = [this.#seen, this.#last];
    this.#seen.clear();
    this.#kept.clear();
  }
}
