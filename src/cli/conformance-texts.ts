import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { parse } from 'yaml';
import { errorLine, field } from '../lib/index.js';
import { fieldsOf, type LoadedPlugin } from '../probe/index.js';
import { marksOf, renderReadme } from './plugin-docs.js';
import { longFlag } from './plugin-flags.js';
import { parseSample } from './sample-file.js';
import { HOST_METRICS } from './samples.js';

const README_SECTIONS = [
  /^## configuration/im,
  /^## metrics/im,
  /^## example/im,
  /^## (permissions|limits)/im,
];
const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

/** README.md of a built-in plugin: its skeleton stands, and its generated blocks are current. Outside plugins may have one as they like. */
export function readmeFaults({ definition, directory, builtin }: LoadedPlugin): string[] {
  if (!builtin) return [];
  const readme = textOf(directory, 'README.md');
  if (readme === undefined) return ['README.md is missing'];
  const faults = README_SECTIONS.filter((section) => !section.test(readme)).map(
    (section) => `README.md has no section ${section.source.replace('^', '')}`,
  );
  for (const block of ['config', 'metrics'] as const)
    if (!marksOf(block).every((mark) => readme.includes(mark)))
      faults.push(`README.md lacks ${marksOf(block).join(' ... ')}`);
  if (renderReadme(readme, definition, textOf(directory, 'sample.yaml') ?? '') !== readme)
    faults.push('the generated blocks of README.md are not current: run npm run docs');
  return faults;
}

/** sample.yaml: runs as it is, has every key of the schema and no other, and its defaults are the schema's. */
export function sampleFaults(plugin: LoadedPlugin): string[] {
  const { definition, directory, builtin } = plugin;
  const text = textOf(directory, 'sample.yaml');
  if (text === undefined) return sampleNeeded(plugin) || builtin ? ['sample.yaml is missing'] : [];
  const sample = parseSample(text);
  const active = readYaml(text);
  if (typeof active === 'string') return [`sample.yaml cannot be read: ${active}`];
  if (!(definition.target in active))
    return [`sample.yaml does not give the target key "${definition.target}"`];
  const faults = keyFaults(plugin, [...Object.keys(active), ...sample.commented.keys()]);
  faults.push(...valueFaults(plugin, 'sample.yaml as it is', active));
  for (const [key, lines] of sample.commented) faults.push(...commentedFaults(plugin, active, key, lines));
  if (faults.length > 0) return faults;
  const withDefault = [...sample.commented].filter(([key]) => defaultOf(plugin, key) !== undefined);
  const all = Object.assign({ ...active }, ...withDefault.map(([, lines]) => readYaml(lines)));
  return valueFaults(plugin, 'sample.yaml with every option put in that has a default', all);
}

/** Whether the plugin needs options that only a sample can tell. */
function sampleNeeded({ definition }: LoadedPlugin): boolean {
  return Object.entries(fieldsOf(definition)).some(
    ([key, schema]) =>
      key !== definition.target &&
      !field.absenceOf(schema).optional &&
      field.metadataOf(schema).kind !== 'secret',
  );
}

function keyFaults({ definition }: LoadedPlugin, found: readonly string[]): string[] {
  const entries = fieldsOf(definition);
  const known = Object.keys(entries);
  // A secret may be shown in either of its two forms, and is named once.
  const secrets = known.filter((key) => field.metadataOf(entries[key]!).kind === 'secret');
  const inFiles = secrets.map((key) => `${key}_file`);
  const missing = known.filter(
    (key) =>
      !found.includes(key) &&
      !inFiles.includes(key) &&
      !(secrets.includes(key) && found.includes(`${key}_file`)),
  );
  return [
    ...missing.map((key) => `sample.yaml does not show the option "${key}" (as a comment: # ${key}: ...)`),
    ...found
      .filter((key) => !known.includes(key))
      .map((key) => `sample.yaml: ${field.unknownKey(key, known)}`),
  ];
}

function defaultOf({ definition }: LoadedPlugin, key: string): unknown {
  const schema = fieldsOf(definition)[key];
  return schema === undefined ? undefined : field.absenceOf(schema).default;
}

/** One option put in by taking its comment mark away: it is valid, and where the schema has a default, it is that one. */
function commentedFaults(
  plugin: LoadedPlugin,
  active: Record<string, unknown>,
  key: string,
  lines: string,
): string[] {
  const schema = fieldsOf(plugin.definition)[key];
  if (schema === undefined) return [];
  const value = readYaml(lines);
  if (typeof value === 'string')
    return [`sample.yaml: the comment "# ${key}" cannot be read as YAML: ${value}`];
  const faults = valueFaults(plugin, `sample.yaml with ${key} put in`, { ...active, ...value });
  const standard = defaultOf(plugin, key);
  if (faults.length > 0 || standard === undefined) return faults;
  const read = (written: unknown) => field.check(schema, written).value;
  if (isDeepStrictEqual(read(value[key]), read(standard))) return [];
  return [`sample.yaml says "# ${lines.trim()}", but the default of ${key} is ${JSON.stringify(standard)}`];
}

function valueFaults({ definition }: LoadedPlugin, what: string, written: Record<string, unknown>): string[] {
  const { issues = [] } = field.check(definition.config, written);
  return issues.map(({ path, message }) => `${what}: ${path.join('.')}: ${message}`);
}

/** Flags and settable keys: one letter each, none twice, none of trigger's own; never a file or a secret from a label. */
export function flagFaults({ definition }: LoadedPlugin): string[] {
  const letters = Object.entries(definition.flags ?? {});
  const faults = letters
    .filter(([, letter]) => !/^[a-zA-Z]$/.test(letter) || 'coh'.includes(letter))
    .map(
      ([key, letter]) =>
        `the flag "${letter}" of ${key} must be one letter, and not c, o or h, which trigger has`,
    );
  const seen = new Map<string, string>();
  for (const [key, letter] of letters) {
    if (seen.has(letter)) faults.push(`the flag "${letter}" stands for both ${seen.get(letter)} and ${key}`);
    seen.set(letter, key);
  }
  for (const [key, schema] of Object.entries(fieldsOf(definition))) {
    if (!/^[a-z][a-z0-9_]*$/.test(key) || key.startsWith('no_'))
      faults.push(
        `the option "${key}" must be lower_case, and not begin with no_ (its flag is ${longFlag(definition, key)})`,
      );
    if (field.descriptionOf(schema) === '') faults.push(`the option "${key}" has no description`);
  }
  for (const key of definition.settable ?? []) {
    const kind = field.metadataOf(fieldsOf(definition)[key]!).kind;
    if (kind === 'secret' || /(^|_)(file|command|proxy|tls)(_|$)/.test(key))
      faults.push(
        `the key "${key}" must not be settable: a discovered label is not trusted with files, commands, proxies, TLS and secrets`,
      );
  }
  return faults;
}

/** Declared metrics: names that Prometheus takes, none twice, none of the probe stage; counters, and only they, end in `_total`. */
export function metricFaults({ definition: { metrics } }: LoadedPlugin): string[] {
  if (metrics === 'dynamic') return [];
  const seen = new Set<string>(HOST_METRICS.map(({ name }) => name));
  return metrics.flatMap(({ name, type, help }) => {
    const faults: string[] = [];
    if (!METRIC_NAME.test(name)) faults.push(`the metric name "${name}" is not valid`);
    if (seen.has(name))
      faults.push(`the metric "${name}" is declared twice, or is one that every run has by itself`);
    seen.add(name);
    if ((type === 'counter') !== name.endsWith('_total'))
      faults.push(`the metric "${name}" is a ${type}: counters, and only they, end in _total`);
    if (help.trim() === '') faults.push(`the metric "${name}" has no help text`);
    return faults;
  });
}

function textOf(directory: string, file: string): string | undefined {
  const path = join(directory, file);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/** The keys of a sample as it is; empty without a sample. */
export function activeSample(directory: string): Record<string, unknown> {
  const active = readYaml(textOf(directory, 'sample.yaml') ?? '');
  return typeof active === 'string' ? {} : active;
}

/** A YAML map, or what is wrong with the text. */
function readYaml(text: string): Record<string, unknown> | string {
  try {
    const value: unknown = parse(text) ?? {};
    return typeof value === 'object' && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : 'it is no map';
  } catch (error) {
    return errorLine(error).split('\n', 1)[0]!;
  }
}
