import { sameValue } from '../lib/index.js';
import { type Batch, type ByteColumn, type Labels, labelsOf } from '../model/index.js';
import { compileRelabel, type Relabeller, type RelabelRule } from '../relabel/index.js';
import { withAbsent } from './label-bytes.js';

/** Why no sample of a series goes on: a rule dropped it, or it has a name that remote write 1.0 does not allow, or none. */
export type SeriesDrop = 'relabel' | 'name';

/** What becomes of the labels of a series on the way to a route. */
export interface Labelling {
  /** The labels that are sent, or why the series is not. Asked once per series. */
  decide(labels: Labels): Labels | SeriesDrop;
  /** What the encoder remembers per series of a table, decided by this labelling and no other. */
  columnOf(table: Batch['table']): ByteColumn;
}

/** What decides it; plain data. */
export interface LabelSettings {
  /** Added to series that lack these labels, before the rules. */
  externalLabels: Readonly<Record<string, string>>;
  /** Those for all routes, then those of the route. */
  rules: readonly RelabelRule[];
}

/** Remote write 1.0, "Labels": what the names of labels and metrics may be. */
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

/** Whose decisions a column holds. */
const owners = new WeakMap<ByteColumn, Labelling>();

/** What one labelling sees of all. */
interface LabellingsView {
  /** Those whose columns are in use. */
  readonly inUse: readonly RouteLabelling[];
  /** Told of a series that cannot be sent, with the labels that it would have had. */
  onBadName(labels: Labels): void;
}

/** The labelling of some settings. */
class RouteLabelling implements Labelling {
  readonly settings: LabelSettings;
  readonly slot: symbol;
  readonly #external: Labels;
  readonly #relabeller: Relabeller;
  readonly #all: LabellingsView;

  constructor(settings: LabelSettings, slot: symbol, all: LabellingsView) {
    this.settings = settings;
    this.slot = slot;
    this.#all = all;
    this.#external = labelsOf(settings.externalLabels);
    this.#relabeller = compileRelabel(settings.rules, 'utf8');
  }

  decide(labels: Labels): Labels | SeriesDrop {
    const sent = this.#relabeller.apply(withAbsent(labels, this.#external));
    if (sent === undefined || sent.length === 0) return 'relabel';
    if (hasGoodNames(sent)) return sent;
    this.#all.onBadName(sent);
    return 'name';
  }

  columnOf(table: Batch['table']): ByteColumn {
    const column = table.bytes(this.slot);
    if (owners.get(column) !== this) {
      column.clearAll();
      owners.set(column, this);
    }
    return column;
  }
}

/**
 * The labellings in use, one for all routes whose settings are equal. A table keeps every column that it was ever asked for, so the columns of
 * a labelling that is gone are used again by the next one: reloads with other rules do not fill the memory.
 */
export class Labellings implements LabellingsView {
  inUse: readonly RouteLabelling[] = [];
  readonly onBadName: (labels: Labels) => void;
  readonly #slots: symbol[] = [];

  /** `onBadName` is told once of each series whose names remote write 1.0 does not allow. */
  constructor(onBadName: (labels: Labels) => void) {
    this.onBadName = onBadName;
  }

  /** The labelling of these settings; the same one for equal settings. Throws SEN_CONFIG_INVALID for a rule that does not compile. */
  get(settings: LabelSettings): Labelling {
    const known = this.inUse.find((one) => sameValue(one.settings, settings));
    if (known !== undefined) return known;
    const labelling = new RouteLabelling(settings, this.#freeSlot(), this);
    this.inUse = [...this.inUse, labelling];
    return labelling;
  }

  /** Forgets all but these. */
  keep(used: ReadonlySet<Labelling>): void {
    this.inUse = this.inUse.filter((one) => used.has(one));
  }

  #freeSlot(): symbol {
    const taken = new Set(this.inUse.map(({ slot }) => slot));
    let slot = this.#slots.find((one) => !taken.has(one));
    if (slot === undefined) {
      slot = Symbol(`sentinel.block ${this.#slots.length}`);
      this.#slots.push(slot);
    }
    return slot;
  }
}

function hasGoodNames(labels: Labels): boolean {
  let isNamed = false;
  for (let i = 0; i < labels.length; i += 2) {
    if (!LABEL_NAME.test(labels[i]!)) return false;
    if (labels[i] !== '__name__') continue;
    if (!METRIC_NAME.test(labels[i + 1]!)) return false;
    isNamed = true;
  }
  return isNamed;
}
