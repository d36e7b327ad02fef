import type { Definition } from '../sdk/index.js';

/** The parts of a plugin's README that are generated. */
export type ReadmeBlock = 'config' | 'metrics';

/** The README with its generated blocks made anew from the definition and sample.yaml. A block that it does not have is not added. */
export function renderReadme(readme: string, definition: Definition, sample: string): string {
  const texts: Record<ReadmeBlock, string> = {
    config: `\`\`\`yaml\n${sample.trimEnd()}\n\`\`\``,
    metrics: metricTable(definition),
  };
  let text = readme;
  for (const block of ['config', 'metrics'] as const) {
    const [begin, end] = marksOf(block);
    const from = text.indexOf(begin);
    const to = text.indexOf(end, from);
    if (from >= 0 && to >= 0) text = `${text.slice(0, from)}${begin}\n${texts[block]}\n${text.slice(to)}`;
  }
  return text;
}

/** The comments around a generated block. */
export function marksOf(block: ReadmeBlock): [begin: string, end: string] {
  return [`<!-- ${block}:begin -->`, `<!-- ${block}:end -->`];
}

function metricTable({ metrics }: Definition): string {
  if (metrics === 'dynamic') return 'The target decides which metrics there are.';
  const rows = metrics.map(
    ({ name, type, help }) => `| \`${name}\` | ${type} | ${help.replaceAll('|', '\\|')} |`,
  );
  return ['| metric | type | meaning |', '| --- | --- | --- |', ...rows].join('\n');
}
