import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { field, type Schema } from '../lib/index.js';
import { fieldsOf, type LoadedPlugin } from '../probe/index.js';
import type { Definition } from '../sdk/index.js';
import { loadNamed, readCatalog } from './configuration.js';
import { EXIT } from './exit.js';
import { colorsOf, print, printError, table } from './terminal.js';

/** `sentinel plugins [NAME]`: lists the plugins, or tells all about one. Throws SEN_PLUGIN_UNKNOWN. */
export async function plugins(
  name: string | undefined,
  options: { config?: string; directory: string[] },
): Promise<number> {
  const { catalog } = await readCatalog(options);
  if (name !== undefined) {
    print(describePlugin(await loadNamed(catalog, name)));
    return EXIT.ok;
  }
  const found = [...catalog.plugins.values()];
  const rows = found.map(({ definition, lane, builtin, directory }) => [
    definition.name,
    definition.version,
    lane,
    builtin ? 'built in' : directory,
    definition.description,
  ]);
  print(table([['NAME', 'VERSION', 'LANE', 'FROM', 'WHAT IT DOES'], ...rows]));
  const { yellow } = colorsOf(process.stderr);
  for (const { message } of catalog.problems) printError(yellow(message));
  return EXIT.ok;
}

function describePlugin({ definition, directory, lane, builtin }: LoadedPlugin): string {
  const { bold } = colorsOf(process.stdout);
  const sample = join(directory, 'sample.yaml');
  const parts = [
    `${bold(definition.name)} ${definition.version}: ${definition.description}`,
    `Loaded from ${directory} (${builtin ? 'built in' : 'from outside'}); runs in the probe host "${lane}".`,
    `${bold('Options')} (target: ${definition.target})\n${optionTable(definition)}`,
    `${bold('Metrics')}\n${metricTable(definition)}`,
  ];
  if (existsSync(sample))
    parts.push(`${bold('Sample')} (the task's config)\n${indented(readFileSync(sample, 'utf8'))}`);
  return parts.join('\n\n');
}

function optionTable(definition: Definition): string {
  const rows = Object.entries(fieldsOf(definition)).map(([key, schema]) => [
    key,
    field.metadataOf(schema).kind ?? '',
    absence(schema),
    field.descriptionOf(schema),
  ]);
  return table([['KEY', 'KIND', 'DEFAULT', 'WHAT IT IS'], ...rows], '  ');
}

function absence(schema: Schema<unknown>): string {
  const { optional, default: value } = field.absenceOf(schema);
  if (!optional) return 'required';
  return value === undefined ? '-' : typeof value === 'string' ? value || '""' : JSON.stringify(value);
}

function metricTable({ metrics }: Definition): string {
  if (metrics === 'dynamic') return '  The target decides.';
  const rows = metrics.map(({ name, type, help }) => [name, type, help]);
  return table([['NAME', 'TYPE', 'WHAT IT IS'], ...rows], '  ');
}

function indented(text: string): string {
  return text.trimEnd().replaceAll(/^(?=.)/gm, '  ');
}
