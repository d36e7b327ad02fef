import type { Batch, ByteColumn, SeriesRef } from '../model/index.js';
import { encodeLabels, seriesPrefix } from './label-bytes.js';
import type { Labelling, SeriesDrop } from './labelling.js';

/** The varint of every time from 1971 to 2109, for which the prefixes are made. */
export const USUAL_TIMESTAMP_BYTES = 6;

/** What stands in a column instead of a prefix: why the series is dropped, or that the prefix is the one in the lender's column. */
type Note = 'lent' | SeriesDrop;

/** A note is bytes so few that their number says which: no prefix is as short. */
const NOTES: readonly Note[] = ['lent', 'relabel', 'name'];
/** What is shorter is a note, or not known yet. */
export const LEAST_PREFIX_BYTES = NOTES.length;

/** What is kept of the series of one table by one labelling: the prefixes of their samples. Made for each batch; costs two look-ups. */
export class Prefixes {
  readonly column: ByteColumn;
  /** Where the prefix of a series is whose note is `lent`; the same column when there is no other. */
  readonly lender: ByteColumn;
  readonly #labelling: Labelling;
  readonly #table: Batch['table'];

  constructor(labelling: Labelling, table: Batch['table']) {
    this.column = labelling.columnOf(table);
    this.lender = labelling.lenderOf(table) ?? this.column;
    this.#labelling = labelling;
    this.#table = table;
  }

  /** The note of a series; `undefined` when its prefix stands in the column. Decides about a new series. */
  noteOf(ref: SeriesRef): Note | undefined {
    if (this.column.length(ref) < 0) this.column.set(ref, this.#learn(ref));
    return NOTES[this.column.length(ref)];
  }

  /** Slow path: the prefix of a new series, or the bytes of a note. */
  #learn(ref: SeriesRef): Uint8Array {
    const labels = this.#labelling.decide(this.#table.labels(ref));
    if (typeof labels === 'string') return noteBytes(labels);
    const prefix = seriesPrefix(encodeLabels(labels), USUAL_TIMESTAMP_BYTES);
    return this.#isLent(ref, prefix) ? noteBytes('lent') : prefix;
  }

  #isLent(ref: SeriesRef, prefix: Uint8Array): boolean {
    const { lender } = this;
    if (lender === this.column || lender.length(ref) !== prefix.length) return false;
    return Buffer.compare(lender.get(ref), prefix) === 0;
  }
}

function noteBytes(note: Note): Uint8Array {
  return new Uint8Array(NOTES.indexOf(note));
}
