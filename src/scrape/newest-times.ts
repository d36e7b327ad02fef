import type { Batch, SeriesRef } from '../model/index.js';
import { grown } from './hash-index.js';

/**
 * The time of the newest sample of each series: Prometheus takes later ones only. While no page carries times and the clock goes forward, one stamp speaks for
 * all of them; else they are kept one by one, 8 bytes each.
 */
export class NewestTimes {
  /** Stamp of the last scrape. */
  #stampMs = -Infinity;
  #times: Float64Array | undefined;

  /** Before a scrape. `known` says which series below `places` have given a sample. */
  begin(stampMs: number, places: number, known: (ref: SeriesRef) => boolean): void {
    if (stampMs <= this.#stampMs) this.keepEach(places, known);
  }

  /** From now on one by one. */
  keepEach(places: number, known: (ref: SeriesRef) => boolean): void {
    if (this.#times !== undefined) return;
    this.#times = Float64Array.from({ length: places + 8 }, (_, ref) =>
      ref < places && known(ref) ? this.#stampMs : -Infinity,
    );
  }

  /** Whether a sample with a time of its own comes too late; after `keepEach`. */
  isLate(ref: SeriesRef, timestampMs: number): boolean {
    return timestampMs <= this.#times![ref]!;
  }

  /** Whether a sample with the stamp of the present scrape comes too late. */
  isStampLate(ref: SeriesRef, stampMs: number): boolean {
    return this.#times !== undefined && stampMs <= this.#times[ref]!;
  }

  /** A series is new. */
  reset(ref: SeriesRef): void {
    if (this.#times === undefined) return;
    const before = this.#times.length;
    if (ref >= before) this.#times = grown(this.#times, ref + 1).fill(-Infinity, before);
    this.#times[ref] = -Infinity;
  }

  /** After a scrape: all of the batch has gone on. */
  end(stampMs: number, { refs, timestamps, length }: Batch): void {
    this.#stampMs = Math.max(this.#stampMs, stampMs);
    const times = this.#times;
    if (times === undefined) return;
    for (let i = 0; i < length; i++) {
      const ref = refs[i]!;
      if (timestamps[i]! > times[ref]!) times[ref] = timestamps[i]!;
    }
  }
}
