import { stringify } from 'yaml';
import { type Entries, field, type Schema } from '../lib/index.js';

/**
 * The text that users copy from: every key with its sentence (`##`) and, as a comment of its own (`#`), its default, or an example where there is none;
 * `#|` where the key stands in place of another one. It is a configuration as it stands, and also with every `# ` taken away.
 */
export function renderReference(sections: Entries): string {
  return Object.entries(sections)
    .map(([name, section]) => [...sentence(section, ''), `${name}:`, ...below(section, '  ')].join('\n'))
    .join('\n\n');
}

/** The lines of a section's keys, or of a list's or map's example entry. */
function below(schema: Schema<unknown>, indent: string): string[] {
  const { entries, item, example } = field.metadataOf(schema);
  if (entries !== undefined)
    return Object.entries(entries).flatMap(([key, entry]) => keyLines(key, entry, indent));
  if (item === undefined) return [];
  const inner = field.metadataOf(item).kind === 'section';
  if (inner && typeof example === 'string')
    return [...sentence(item, indent), `${indent}# ${example}:`, ...below(item, `${indent}  `)];
  return inner ? itemLines(item, indent) : [];
}

/** The example item of a list of sections: its first key stands behind the dash. */
function itemLines(item: Schema<unknown>, indent: string): string[] {
  const lines = below(item, `${indent}  `);
  const first = lines.findIndex((line) => /^ *# /.test(line));
  return lines.map((line, i) => {
    if (i < first) return line.slice(2);
    return i === first ? line.replace(/^ {2}( *)# /, '$1# - ') : line;
  });
}

function keyLines(key: string, schema: Schema<unknown>, indent: string): string[] {
  const { instead, example } = field.metadataOf(schema);
  const { default: value } = field.absenceOf(schema);
  const nested = below(schema, `${indent}  `);
  const lines =
    nested.length > 0
      ? [`${indent}# ${key}:`, ...nested]
      : [`${indent}# ${key}: ${inline(value ?? example)}`];
  if (instead === undefined) return [...sentence(schema, indent), ...lines];
  const way = `${indent}## In place of \`${instead}\`: ${field.descriptionOf(schema)}`;
  return [way, ...lines.map((line) => line.replace(/^( *)# /, '$1#| '))];
}

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
