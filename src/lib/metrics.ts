/** Label names and values of one child of a metric. */
export type MetricLabels = Readonly<Record<string, string>>;

/** What a metric is to a reader: see the exposition format's `# TYPE`. */
export type MetricType = 'counter' | 'gauge';

/** One number that the agent counts about itself. `value` is a plain field, so that the hot path pays an addition. */
export class Cell {
  value = 0;

  /** Adds `by`. */
  inc(by = 1): void {
    this.value += by;
  }

  /** Replaces the value; for gauges. */
  set(value: number): void {
    this.value = value;
  }
}

/** A metric with its children, one per set of label values. */
export class Family {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly #children = new Map<
    string,
    { labels: MetricLabels; cell: Cell; read: (() => number) | undefined }
  >();

  constructor(type: MetricType, name: string, help: string) {
    this.type = type;
    this.name = name;
    this.help = help;
  }

  /** The child with these labels, made when it is new. Keep it: looking it up again costs a string. */
  with(labels: MetricLabels): Cell {
    const key = labelKey(labels);
    let child = this.#children.get(key);
    if (child === undefined) {
      child = { labels, cell: new Cell(), read: undefined };
      this.#children.set(key, child);
    }
    return child.cell;
  }

  /** A child whose value is asked for when somebody looks. Replaces a child of the same labels. */
  read(labels: MetricLabels, read: () => number): void {
    this.#children.set(labelKey(labels), { labels, cell: new Cell(), read });
  }

  /** Forgets the child with these labels, if there is one. */
  remove(labels: MetricLabels): void {
    this.#children.delete(labelKey(labels));
  }

  /** Labels and present value of every child. */
  *samples(): Generator<{ labels: MetricLabels; value: number }> {
    for (const child of this.#children.values()) {
      yield { labels: child.labels, value: child.read === undefined ? child.cell.value : child.read() };
    }
  }
}

/** All that the agent counts about itself. Stages get it in their constructor and declare their metrics in one place. */
export class Metrics {
  readonly #families = new Map<string, Family>();

  /** A counter without labels, declared once. */
  counter(name: string, help: string): Cell {
    return this.family('counter', name, help).with({});
  }

  /** A gauge without labels that is set by its stage. */
  gauge(name: string, help: string): Cell {
    return this.family('gauge', name, help).with({});
  }

  /** A gauge without labels that is asked for when somebody looks. */
  gaugeOf(name: string, help: string, read: () => number): void {
    this.family('gauge', name, help).read({}, read);
  }

  /** A metric with labels. Declared again under the same name, it is the same one. */
  family(type: MetricType, name: string, help: string): Family {
    let family = this.#families.get(name);
    if (family === undefined) {
      family = new Family(type, name, help);
      this.#families.set(name, family);
    }
    return family;
  }

  /** The present value of a metric without labels; `undefined` when there is none of this name. */
  value(name: string): number | undefined {
    for (const { labels, value } of this.#families.get(name)?.samples() ?? [])
      if (Object.keys(labels).length === 0) return value;
    return undefined;
  }

  /** Every family, by name. */
  families(): Family[] {
    return [...this.#families.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The text exposition format 0.0.4, with help texts. */
  render(): string {
    let text = '';
    for (const family of this.families()) {
      text += `# HELP ${family.name} ${family.help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}\n`;
      text += `# TYPE ${family.name} ${family.type}\n`;
      for (const { labels, value } of family.samples())
        text += `${family.name}${labelKey(labels)} ${formatValue(value)}\n`;
    }
    return text;
  }
}

/** A number as the exposition format writes it: `+Inf`, `-Inf`, `NaN`, else the shortest decimal. */
export function formatValue(value: number): string {
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  return String(value);
}

/** `{a="1",b="2"}` with the values escaped as the exposition format does; empty for no labels. */
export function labelKey(labels: MetricLabels): string {
  const names = Object.keys(labels);
  if (names.length === 0) return '';
  return `{${names.map((name) => `${name}="${escapeLabelValue(labels[name]!)}"`).join(',')}}`;
}

/** A label value between quotes: backslash, quote and line feed are escaped (text format 0.0.4). */
export function escapeLabelValue(value: string): string {
  return value.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`));
}
