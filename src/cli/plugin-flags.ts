import { Option } from 'commander';
import { parse } from 'yaml';
import { type FieldMetadata, field, type Schema, type SchemaIssue } from '../lib/index.js';
import { fieldsOf } from '../probe/index.js';
import type { Definition } from '../sdk/index.js';
import { usageError } from './exit.js';

/** Flags of `trigger` itself; a plugin's key of such a name gets the plugin's name in front. */
const OWN_WORDS = new Set(['task', 'config', 'directory', 'output', 'help']);
const OWN_LETTERS = new Set(['c', 'o', 'h']);

/** A plugin's key as a flag. */
export interface PluginFlag {
  key: string;
  /** One; two for a key that is on or off. */
  options: readonly Option[];
  /** The key's value, as a task would write it, from what commander gathered. Throws SEN_USAGE for YAML that cannot be read. */
  read: (given: readonly string[] | boolean) => unknown;
}

/** A flag for every key of a plugin's schema but its target key; a secret only by `--<key>-file`, because an argument list is seen by all. */
export function flagsOf(definition: Definition): PluginFlag[] {
  return Object.entries(fieldsOf(definition))
    .filter(([key, schema]) => key !== definition.target && field.metadataOf(schema).kind !== 'secret')
    .map(([key, schema]) => flagOf(definition, key, schema));
}

function flagOf(definition: Definition, key: string, schema: Schema<unknown>): PluginFlag {
  const metadata = field.metadataOf(schema);
  const letter = definition.flags?.[key];
  const short = letter === undefined || OWN_LETTERS.has(letter) ? '' : `-${letter}, `;
  const long = longFlag(definition, key);
  const text = describe(schema);
  if (metadata.kind === 'flag') {
    const options = [
      new Option(`${short}${long}`, text),
      new Option(long.replace('--', '--no-'), `Not ${long}.`),
    ];
    return { key, options, read: (given) => given };
  }
  const option = new Option(`${short}${long} <${placeholder(metadata)}>`, text).argParser(
    (value: string, before: string[] | undefined) => [...(before ?? []), value],
  );
  const read = (given: readonly string[] | boolean) =>
    typeof given === 'boolean' ? given : readValues(given, metadata, long);
  return { key, options: [option], read };
}

/** `--max-loss` of the key `max_loss`. */
export function longFlag(definition: Definition, key: string): string {
  const word = key.replaceAll('_', '-');
  return OWN_WORDS.has(word) ? `--${definition.name}-${word}` : `--${word}`;
}

function placeholder({ kind, choices }: FieldMetadata): string {
  if (kind === 'secret_file') return 'file';
  if (kind === 'choice') return (choices ?? []).filter((word) => word !== '').join('|');
  return kind === 'list' || kind === 'map' || kind === 'section' ? `${kind}` : (kind ?? 'value');
}

function describe(schema: Schema<unknown>): string {
  const { kind } = field.metadataOf(schema);
  const how =
    kind === 'list'
      ? ' May be repeated; or one YAML list.'
      : kind === 'map'
        ? ' key=value, may be repeated; or one YAML map.'
        : kind === 'section'
          ? ' As a YAML map.'
          : '';
  const { default: value } = field.absenceOf(schema);
  const shown =
    value === undefined ? '' : ` (default: ${typeof value === 'string' ? value : JSON.stringify(value)})`;
  return `${field.descriptionOf(schema)}${how}${shown}`;
}

function readValues(values: readonly string[], metadata: FieldMetadata, flag: string): unknown {
  const last = values.at(-1)!;
  switch (metadata.kind) {
    case 'list': {
      if (values.length === 1 && last.trimStart().startsWith('[')) return readYaml(last, flag);
      return values.map((text) => readValues([text], item(metadata), flag));
    }
    case 'map': {
      if (values.length === 1 && last.trimStart().startsWith('{')) return readYaml(last, flag);
      return Object.fromEntries(values.map((text) => readPair(text, item(metadata), flag)));
    }
    case 'section':
      return withoutSecrets(readYaml(last, flag), metadata, flag);
    case 'integer':
    case 'number':
      return last.trim() !== '' && Number.isFinite(Number(last)) ? Number(last) : last;
    case 'flag':
      return last === 'true' ? true : last === 'false' ? false : last;
    default:
      return last;
  }
}

const item = (metadata: FieldMetadata): FieldMetadata =>
  metadata.item === undefined ? {} : field.metadataOf(metadata.item);

function readPair(text: string, of: FieldMetadata, flag: string): [string, unknown] {
  const at = text.indexOf('=');
  if (at < 1) throw usageError(`${flag}: expected key=value or a YAML map, got "${text}"`);
  return [text.slice(0, at), readValues([text.slice(at + 1)], of, flag)];
}

function readYaml(text: string, flag: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    const [first] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw usageError(`${flag}: cannot read this as YAML: ${first}`);
  }
}

function withoutSecrets(value: unknown, { entries }: FieldMetadata, flag: string): unknown {
  if (typeof value !== 'object' || value === null || entries === undefined) return value;
  for (const [key, inner] of Object.entries(value)) {
    const metadata = entries[key] === undefined ? {} : field.metadataOf(entries[key]);
    if (metadata.kind === 'secret')
      throw usageError(`${flag}: ${key} would be seen in the list of processes; give ${key}_file`);
    withoutSecrets(inner, metadata, flag);
  }
  return value;
}

/** The environment's name of a plugin's secret: `SENTINEL_HTTP_PASSWORD`. */
export function secretVariable(definition: Definition, key: string): string {
  return `SENTINEL_${definition.name}_${key}`.toUpperCase().replaceAll('-', '_');
}

/** The options that were given, as a task would write them. Secrets come from the environment where it has them. */
export function writtenOptions(
  definition: Definition,
  given: Readonly<Record<string, unknown>>,
  flags: readonly PluginFlag[],
): Record<string, unknown> {
  const written: Record<string, unknown> = {};
  for (const flag of flags) {
    const value = given[flag.options[0]!.attributeName()] as readonly string[] | boolean | undefined;
    if (value !== undefined) written[flag.key] = flag.read(value);
  }
  for (const [key, schema] of Object.entries(fieldsOf(definition))) {
    const text = process.env[secretVariable(definition, key)];
    if (field.metadataOf(schema).kind === 'secret' && text !== undefined) written[key] = text;
  }
  return written;
}

/** `--count: expected a whole number`, or `target: ...` where the target key is at fault. */
export function issueLine(definition: Definition, issue: SchemaIssue): string {
  const [key, ...inner] = issue.path;
  const name =
    key === undefined ? 'options' : key === definition.target ? 'target' : longFlag(definition, String(key));
  return `${[name, ...inner].join('.')}: ${issue.message}`;
}
