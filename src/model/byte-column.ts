// Hot path: `copy` runs per sample. Benchmark: test/bench/model/byte-column.bench.ts.
import { invariant } from '../lib/index.js';
import type { SeriesRef } from './series.js';

const FIRST_BYTES = 256;
/** A length that says: nothing is known of this series. */
const ABSENT = 0xffffffff;

/**
 * A column of bytes: what a stage has encoded for each series, in one buffer for all series of a table. A `Uint8Array` for each of them would cost 200 bytes more.
 *
 *   ref      0         1         2
 *   starts   0         96        208
 *   bytes    prefix 0  (gone)    prefix 2 ...     <- moved together when room is needed
 */
export class ByteColumn {
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #used = 0;
  #gone = 0;
  #starts = new Uint32Array(0);
  #lengths = new Uint32Array(0);

  /** Number of bytes known of a series; -1 when nothing is. */
  length(ref: SeriesRef): number {
    const length = ref < this.#lengths.length ? this.#lengths[ref]! : ABSENT;
    return length === ABSENT ? -1 : length;
  }

  /** Writes the bytes of a series into `target` from `at` on, and gives the index behind them. They must be known, and fit. */
  copy(ref: SeriesRef, target: DataView, at: number): number {
    const view = this.#view;
    let from = this.#starts[ref]!;
    const end = from + this.#lengths[ref]!;
    let to = at;
    // Four bytes at a time, and four times that in a turn: `set` would need a view for each series.
    for (; from + 16 <= end; from += 16, to += 16) {
      target.setUint32(to, view.getUint32(from, true), true);
      target.setUint32(to + 4, view.getUint32(from + 4, true), true);
      target.setUint32(to + 8, view.getUint32(from + 8, true), true);
      target.setUint32(to + 12, view.getUint32(from + 12, true), true);
    }
    for (; from + 4 <= end; from += 4, to += 4) target.setUint32(to, view.getUint32(from, true), true);
    for (; from < end; from++, to++) target.setUint8(to, view.getUint8(from));
    return to;
  }

  /** The bytes of a series; a view that holds until the next `set`. */
  get(ref: SeriesRef): Uint8Array {
    invariant(this.length(ref) >= 0, `nothing is known of series ${ref}`);
    return this.#bytes.subarray(this.#starts[ref]!, this.#starts[ref]! + this.#lengths[ref]!);
  }

  /** Keeps a copy of the bytes for a series of which nothing is known. */
  set(ref: SeriesRef, bytes: Uint8Array): void {
    invariant(this.length(ref) < 0, `series ${ref} is known already`);
    if (ref >= this.#starts.length) this.#addPlaces(ref + 1);
    if (this.#used + bytes.length > this.#bytes.length) this.#makeRoom(bytes.length);
    this.#bytes.set(bytes, this.#used);
    this.#starts[ref] = this.#used;
    this.#lengths[ref] = bytes.length;
    this.#used += bytes.length;
  }

  /** Forgets a series. */
  clear(ref: SeriesRef): void {
    const length = this.length(ref);
    if (length < 0) return;
    this.#gone += length;
    this.#lengths[ref] = ABSENT;
  }

  /** Forgets all series, and holds no memory until the next `set`. */
  reset(): void {
    this.#bytes = new Uint8Array(0);
    this.#view = new DataView(this.#bytes.buffer);
    this.#used = 0;
    this.#gone = 0;
    this.#starts = new Uint32Array(0);
    this.#lengths = new Uint32Array(0);
  }

  #addPlaces(places: number): void {
    const before = this.#starts.length;
    const length = Math.ceil(places * 1.15) + 8;
    const starts = new Uint32Array(length);
    const lengths = new Uint32Array(length).fill(ABSENT, before);
    starts.set(this.#starts);
    lengths.set(this.#lengths);
    this.#starts = starts;
    this.#lengths = lengths;
  }

  /** In a buffer that is a little larger than what lives. */
  #makeRoom(needed: number): void {
    const living = this.#used - this.#gone + needed;
    const bytes = new Uint8Array(Math.max(FIRST_BYTES, Math.ceil(living * 1.15)));
    if (this.#gone > 0) this.#moveTogether(bytes);
    else bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }

  #moveTogether(into: Uint8Array): void {
    let used = 0;
    for (let ref = 0; ref < this.#lengths.length; ref++) {
      if (this.#lengths[ref] === ABSENT) continue;
      into.set(this.get(ref), used);
      this.#starts[ref] = used;
      used += this.#lengths[ref]!;
    }
    this.#used = used;
    this.#gone = 0;
  }
}
