import { field } from '../lib/index.js';
import { fieldsOf } from '../probe/index.js';
import type { Definition } from '../sdk/index.js';

/** The parts of a plugin's README that are generated: what stands between `<!-- sample:begin -->` and `<!-- sample:end -->`, and so on. */
export const README_BLOCKS = ['sample', 'options', 'metrics'] as const;

type Block = (typeof README_BLOCKS)[number];

/** The README with every generated block of it made anew from the definition and sample.yaml. A block that it does not have is not added. */
export function renderReadme(readme: string, definition: Definition, sample: string): string {
  const texts: Record<Block, string> = {
    sample: `\`\`\`yaml\n${sample.trimEnd()}\n\`\`\``,
    options: optionTable(definition),
    metrics: metricTable(definition),
  };
  let text = readme;
  for (const block of README_BLOCKS) {
    const [begin, end] = marksOf(block);
    const from = text.indexOf(begin);
    const to = text.indexOf(end, from);
    if (from >= 0 && to >= 0) text = `${text.slice(0, from)}${begin}\n${texts[block]}\n${text.slice(to)}`;
  }
  return text;
}

/** The comments around a generated block. */
export function marksOf(block: Block): [begin: string, end: string] {
  return [`<!-- ${block}:begin -->`, `<!-- ${block}:end -->`];
}

function optionTable(definition: Definition): string {
  const rows = Object.entries(fieldsOf(definition)).map(([key, schema]) => {
    const { optional, default: value } = field.absenceOf(schema);
    const absent = !optional
      ? 'required'
      : value === undefined
        ? ''
        : `\`${typeof value === 'string' ? value || '""' : JSON.stringify(value)}\``;
    return [`\`${key}\``, field.metadataOf(schema).kind ?? '', absent, field.descriptionOf(schema)];
  });
  return markdownTable(['key', 'kind', 'default', 'what it is'], rows);
}

function metricTable({ metrics }: Definition): string {
  if (metrics === 'dynamic') return 'The target decides.';
  return markdownTable(
    ['metric', 'type', 'what it is'],
    metrics.map(({ name, type, help }) => [`\`${name}\``, type, help]),
  );
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}
