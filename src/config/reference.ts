import { stringify } from 'yaml';
import { type Entries, field, type Schema } from '../lib/index.js';

/** Explained first, whatever its place: other sections share keys with it, and refer to it. */
const EXPLAINED_FIRST = 'scrape_configs';

/**
 * The text that users copy from: every key with its sentence (`##`) and, as a comment of its own (`#`), its default, or an example where there is none;
 * `#|` where the key stands in place of another one. Keys that several sections share are explained once, and named in the others. It is a configuration
 * as it stands, and also with every `# ` taken away.
 */
export function renderReference(sections: Entries): string {
  const seen = new Map<Schema<unknown>, string>();
  const render = (name: string) => new SectionPrinter(name, seen).lines(sections[name]!).join('\n');
  const first = EXPLAINED_FIRST in sections ? render(EXPLAINED_FIRST) : '';
  return Object.keys(sections)
    .map((name) => (name === EXPLAINED_FIRST ? first : render(name)))
    .join('\n\n');
}

class SectionPrinter {
  readonly #name: string;
  /** The section that each key was explained in. */
  readonly #seen: Map<Schema<unknown>, string>;

  constructor(name: string, seen: Map<Schema<unknown>, string>) {
    this.#name = name;
    this.#seen = seen;
  }

  lines(schema: Schema<unknown>): string[] {
    const below = this.#below(schema, '  ');
    const value = below.some(isKey) ? '' : ` ${inline(field.absenceOf(schema).default)}`;
    return [...sentence(schema, ''), `${this.#name}:${value}`, ...below];
  }

  /** The lines of a section's keys, or of a list's or map's example entry. */
  #below(schema: Schema<unknown>, indent: string): string[] {
    const { kind, entries, item, example } = field.metadataOf(schema);
    if (entries !== undefined) return this.#entryLines(entries, indent);
    if (item === undefined) return [];
    const inner = field.metadataOf(item).kind === 'section';
    if (inner && typeof example === 'string')
      return [...sentence(item, indent), `${indent}# ${example}:`, ...this.#below(item, `${indent}  `)];
    return inner && kind === 'list' ? this.#itemLines(item, indent) : [];
  }

  /** The keys that are new, and the names of those that were explained before. */
  #entryLines(entries: Entries, indent: string): string[] {
    const known = new Map<string, string[]>();
    const lines: string[] = [];
    for (const [key, entry] of Object.entries(entries)) {
      // `<key>_file` belongs to its key, but is made anew for each section.
      const { kind, instead = '' } = field.metadataOf(entry);
      const section =
        this.#seen.get(entry) ?? (kind === 'secret_file' ? sectionOf(instead, known) : undefined);
      if (section === undefined) {
        this.#seen.set(entry, this.#name);
        lines.push(...this.#keyLines(key, entry, indent));
      } else known.set(section, [...(known.get(section) ?? []), key]);
    }
    for (const [section, keys] of known) {
      const where = section === this.#name ? 'above' : `in \`${section}\``;
      lines.push(`${indent}## ${lines.length > 0 ? 'And as' : 'As'} ${where}: ${keys.join(', ')}.`);
    }
    return lines;
  }

  /** The example item of a list of sections: its first key stands behind the dash. */
  #itemLines(item: Schema<unknown>, indent: string): string[] {
    const lines = this.#below(item, `${indent}  `);
    const first = lines.findIndex(isKey);
    return lines.map((line, i) => {
      if (i < first || first < 0) return line.slice(2);
      return i === first ? line.replace(/^ {2}( *)# /, '$1# - ') : line;
    });
  }

  #keyLines(key: string, schema: Schema<unknown>, indent: string): string[] {
    const { instead, example } = field.metadataOf(schema);
    const { default: value } = field.absenceOf(schema);
    const below = this.#below(schema, `${indent}  `);
    const head = `${indent}# ${key}:${below.some(isKey) ? '' : ` ${inline(value ?? example)}`}`;
    const lines = [head, ...below];
    if (instead === undefined) return [...sentence(schema, indent), ...lines];
    const way = `${indent}## In place of \`${instead}\`: ${field.descriptionOf(schema)}`;
    return [way, ...lines.map((line) => line.replace(/^( *)# /, '$1#| '))];
  }
}

const sectionOf = (key: string, known: ReadonlyMap<string, readonly string[]>) =>
  [...known].find(([, keys]) => keys.includes(key))?.[0];

/** Whether a line holds a key, and not a sentence about one. */
const isKey = (line: string) => /^ *# /.test(line);

/** What is said of a key: its sentence, its choices, an example where the default shows nothing. */
function sentence(schema: Schema<unknown>, indent: string): string[] {
  const { choices, example } = field.metadataOf(schema);
  const { default: value } = field.absenceOf(schema);
  const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  const parts = [
    field.descriptionOf(schema),
    ...(choices !== undefined && choices.length > 1 ? [`One of ${choices.join(', ')}.`] : []),
    ...(isEmpty && typeof example === 'object' ? [`Example: ${inline(example)}`] : []),
  ];
  return [`${indent}## ${parts.join(' ')}`];
}

function inline(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim();
}
