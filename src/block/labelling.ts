import { sameValue } from '../lib/index.js';
import { type Batch, type ByteColumn, type Labels, labelsOf } from '../model/index.js';
import { compileRelabel, type Relabeller, type RelabelRule } from '../relabel/index.js';
import { withAbsent } from './label-bytes.js';

/** Why no sample of a series goes on: a rule dropped it, or it has no metric name, or a label without one, which Prometheus 3 would not take. */
export type SeriesDrop = 'relabel' | 'name';

/** What becomes of the labels of a series on the way to a route. */
export interface Labelling {
  /** The labels that are sent, or why the series is not. Asked once per series. */
  decide(labels: Labels): Labels | SeriesDrop;
  /** What the encoder remembers per series of a table, decided by this labelling and no other. */
  columnOf(table: Batch['table']): ByteColumn;
  /**
   * The column of a labelling that is asked before this one; `undefined` for the first. What stands there for a series need not be kept twice, and most series
   * are the same everywhere. Holds as long as `columnOf` gives what it gave.
   */
  lenderOf(table: Batch['table']): ByteColumn | undefined;
}

/** What decides it; plain data. */
export interface LabelSettings {
  /** Added to series that lack these labels, before the rules. */
  externalLabels: Readonly<Record<string, string>>;
  /** Those for all routes, then those of the route. */
  rules: readonly RelabelRule[];
}

/** Is told of names. */
export interface NameWatch {
  /** Of each series that has no name, or a label without one, with the labels that it would have had. */
  unnamed(labels: Labels): void;
  /** Of the first series of a labelling with a name that is not a legacy one; it is sent. */
  beyondLegacy(labels: Labels): void;
}

/** Remote write 1.0, "Labels": what the names of labels and metrics may be. Today's receivers take more. */
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

/** Of whom a column holds the decisions; another object when they are no longer true, or the table may have columns that nobody uses. */
interface Claim {
  readonly decisions: symbol;
}

const claims = new WeakMap<ByteColumn, Claim>();

/** What one labelling sees of all. */
interface LabellingsView {
  readonly names: NameWatch;
  /** The one that is asked first about a series, and lends its bytes to the others. */
  readonly lender: RouteLabelling;
  readonly freeSlots: readonly symbol[];
}

/** The labelling of some settings. */
class RouteLabelling implements Labelling {
  readonly settings: LabelSettings;
  readonly slot: symbol;
  readonly #external: Labels;
  readonly #relabeller: Relabeller;
  readonly #all: LabellingsView;
  #claim: Claim = { decisions: Symbol('decisions') };
  #isLegacy = true;

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
    if (!isNamed(sent)) {
      this.#all.names.unnamed(sent);
      return 'name';
    }
    if (this.#isLegacy && !hasLegacyNames(sent)) {
      this.#isLegacy = false;
      this.#all.names.beyondLegacy(sent);
    }
    return sent;
  }

  columnOf(table: Batch['table']): ByteColumn {
    const column = table.bytes(this.slot);
    if (claims.get(column) !== this.#claim) this.#take(column, table);
    return column;
  }

  lenderOf(table: Batch['table']): ByteColumn | undefined {
    const { lender } = this.#all;
    return lender === this ? undefined : lender.columnOf(table);
  }

  /** Some columns of each table may be in use no more; with `forget` its own decisions hold no more, either. */
  look(forget: boolean): void {
    this.#claim = { decisions: forget ? Symbol('decisions') : this.#claim.decisions };
  }

  #take(column: ByteColumn, table: Batch['table']): void {
    if (claims.get(column)?.decisions !== this.#claim.decisions) column.reset();
    claims.set(column, this.#claim);
    for (const slot of this.#all.freeSlots) table.bytes(slot).reset();
  }
}

/**
 * The labellings in use, one for all routes whose settings are equal. A table keeps every column that it was ever asked for, so those of a labelling
 * that is gone are emptied, and used again by the next one: reloads with other rules do not fill the memory.
 */
export class Labellings implements LabellingsView {
  readonly names: NameWatch;
  /** In the order in which they are asked. */
  #inUse: readonly RouteLabelling[] = [];
  #slots: readonly symbol[] = [];
  freeSlots: readonly symbol[] = [];

  constructor(names: NameWatch) {
    this.names = names;
  }

  get lender(): RouteLabelling {
    return this.#inUse[0]!;
  }

  /** The labelling of these settings; the same one for equal settings. Throws SEN_CONFIG_INVALID for a rule that does not compile. */
  get(settings: LabelSettings): Labelling {
    const known = this.#inUse.find((one) => sameValue(one.settings, settings));
    if (known !== undefined) return known;
    const slot = this.freeSlots[0] ?? Symbol(`sentinel.block ${this.#slots.length}`);
    const labelling = new RouteLabelling(settings, slot, this);
    if (!this.#slots.includes(slot)) this.#slots = [...this.#slots, slot];
    this.#use([...this.#inUse, labelling]);
    return labelling;
  }

  /** Forgets all but these, which are asked in this order. */
  keep(used: ReadonlySet<Labelling>): void {
    const lender = this.#inUse[0];
    const before = this.#inUse;
    this.#use([...used].flatMap((one) => before.find((other) => other === one) ?? []));
    // What was lent is gone with the lender.
    for (const one of this.#inUse) one.look(this.#inUse[0] !== lender);
  }

  #use(labellings: readonly RouteLabelling[]): void {
    this.#inUse = labellings;
    const taken = new Set(labellings.map(({ slot }) => slot));
    this.freeSlots = this.#slots.filter((slot) => !taken.has(slot));
  }
}

/** Whether a receiver can take it. */
function isNamed(labels: Labels): boolean {
  let hasName = false;
  for (let i = 0; i < labels.length; i += 2) {
    if (labels[i] === '') return false;
    if (labels[i] === '__name__') hasName = labels[i + 1] !== '';
  }
  return hasName;
}

function hasLegacyNames(labels: Labels): boolean {
  for (let i = 0; i < labels.length; i += 2) {
    if (!LABEL_NAME.test(labels[i]!)) return false;
    if (labels[i] === '__name__' && !METRIC_NAME.test(labels[i + 1]!)) return false;
  }
  return true;
}
