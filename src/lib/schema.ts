import * as v from 'valibot';
import { tryParseDuration } from './duration.js';
import { Secret } from './secret.js';
import { tryParseSize } from './size.js';

/** What turns a written value into a `T`, or says everything that is wrong with it. A valibot schema, built by the functions of this file. */
export type Schema<T> = v.GenericSchema<unknown, T>;

/** What every field may be given beside its description. */
export interface FieldOptions {
  /** The value, as written, when the key is absent. */
  default?: unknown;
  /** The key may be absent and then is `undefined`. */
  optional?: true;
}

/** The type of a field: `undefined` is added when the key may be absent without a default. */
export type Field<T, O extends FieldOptions> = Schema<O extends { optional: true } ? T | undefined : T>;

/** The keys of a section. */
export type Entries = Readonly<Record<string, Schema<unknown>>>;

/** What a section gives. */
export type Section<E extends Entries> = { readonly [K in keyof E]: v.InferOutput<E[K]> };

/** What a schema says of itself, for documentation, flags and JSON Schema. */
export interface FieldMetadata {
  /** duration | size | secret | url | text | integer | number | flag | choice | list | map | section. */
  kind?: string;
  /** Keys of a section, in the order of the documentation. */
  entries?: Entries;
  /** Values of a choice. */
  choices?: readonly string[];
  /** Item of a list or value of a map. */
  item?: Schema<unknown>;
}

/** One thing wrong with a value. */
export interface SchemaIssue {
  /** Keys and indexes from the root to the place. */
  path: (string | number)[];
  message: string;
  /** The key itself is at fault (unknown), not its value. */
  atKey: boolean;
}

function show(input: unknown): string {
  if (typeof input === 'string')
    return JSON.stringify(input.length > 60 ? `${input.slice(0, 57)}...` : input);
  if (Array.isArray(input)) return 'a list';
  return input === null ? 'nothing' : typeof input === 'object' ? 'a map' : String(input);
}

const isMap = (input: unknown) => typeof input === 'object' && input !== null && !Array.isArray(input);

const expected = (what: string) => (issue: { input: unknown }) =>
  issue.input === undefined ? `missing; expected ${what}` : `expected ${what}, got ${show(issue.input)}`;

function finish<T, O extends FieldOptions>(
  schema: v.GenericSchema<unknown, T>,
  description: string,
  options: O | undefined,
  metadata: FieldMetadata,
) {
  const described = v.pipe(schema, v.description(description), v.metadata({ ...metadata }));
  const absent = options !== undefined && ('default' in options || options.optional === true);
  return (absent ? v.optional(described, options.default as never) : described) as unknown as Field<T, O>;
}

/** A text that `parse` turns into a value; `undefined` means that it is none. */
function parsed<T>(what: string, parse: (text: string) => T | undefined): v.GenericSchema<unknown, T> {
  return v.pipe(
    v.string(expected(what)),
    v.rawTransform<string, T>(({ dataset, addIssue, NEVER }) => {
      const value = parse(dataset.value);
      if (value !== undefined) return value;
      addIssue({ message: `expected ${what}, got ${show(dataset.value)}` });
      return NEVER;
    }),
  ) as unknown as v.GenericSchema<unknown, T>;
}

/** Bounds of a number; for durations in milliseconds, for sizes in bytes. Both ends belong to it. */
export interface Bounds {
  min?: number;
  max?: number;
}

function bounded(
  schema: v.GenericSchema<unknown, number>,
  bounds: Bounds,
  format: (n: number) => string,
): v.GenericSchema<unknown, number> {
  const { min = -Infinity, max = Infinity } = bounds;
  return v.pipe(
    schema,
    v.check((n: number) => n >= min, `must be at least ${format(min)}`),
    v.check((n: number) => n <= max, `must be at most ${format(max)}`),
  );
}

/** A duration as Prometheus writes it (`15s`, `1m30s`); gives milliseconds. */
export function duration<const O extends FieldOptions & Bounds>(
  description: string,
  options?: O,
): Field<number, O> {
  const schema = parsed('a duration such as 30s or 1m30s', tryParseDuration);
  return finish(
    bounded(schema, options ?? {}, (ms) => `${ms}ms`),
    description,
    options,
    { kind: 'duration' },
  );
}

/** A size with a unit (`64KiB`, `1GiB`); gives bytes. */
export function size<const O extends FieldOptions & Bounds>(
  description: string,
  options?: O,
): Field<number, O> {
  const schema = parsed('a size with a unit such as 64KiB or 1GiB', tryParseSize);
  return finish(
    bounded(schema, options ?? {}, (bytes) => `${bytes}B`),
    description,
    options,
    { kind: 'size' },
  );
}

/** A text. `pattern` must match; `what` is how the error calls a text that fits. */
export function text<const O extends FieldOptions & { pattern?: RegExp; what?: string; empty?: boolean }>(
  description: string,
  options?: O,
): Field<string, O> {
  const what = options?.what ?? 'a text';
  const fits = (s: string) =>
    (options?.empty === true || s !== '') && (options?.pattern === undefined || options.pattern.test(s));
  const schema = parsed(what, (s) => (fits(s) ? s : undefined));
  return finish(schema, description, options, { kind: 'text' });
}

/** An http or https URL; gives the text as written. */
export function url<const O extends FieldOptions>(description: string, options?: O): Field<string, O> {
  const schema = parsed('a URL such as http://host:8428/path', (s) => {
    if (!/^https?:\/\//i.test(s) || !URL.canParse(s)) return undefined;
    return new URL(s).hostname === '' ? undefined : s;
  });
  return finish(schema, description, options, { kind: 'url' });
}

/** A whole number. */
export function integer<const O extends FieldOptions & Bounds>(
  description: string,
  options?: O,
): Field<number, O> {
  const schema = v.pipe(
    v.number(expected('a whole number')),
    v.check((n: number) => Number.isSafeInteger(n), 'expected a whole number'),
  );
  return finish(bounded(schema, options ?? {}, String), description, options, { kind: 'integer' });
}

/** A number. */
export function number<const O extends FieldOptions & Bounds>(
  description: string,
  options?: O,
): Field<number, O> {
  return finish(bounded(v.number(expected('a number')), options ?? {}, String), description, options, {
    kind: 'number',
  });
}

/** true or false. */
export function flag<const O extends FieldOptions>(description: string, options?: O): Field<boolean, O> {
  return finish(v.boolean(expected('true or false')), description, options, { kind: 'flag' });
}

/** One of a few words. */
export function choice<const W extends string, const O extends FieldOptions>(
  description: string,
  words: readonly W[],
  options?: O,
): Field<W, O> {
  const what = `one of ${words.join(', ')}`;
  return finish(v.picklist(words, expected(what)) as v.GenericSchema<unknown, W>, description, options, {
    kind: 'choice',
    choices: words,
  });
}

/** A text that is never shown. Its section takes it also as `<key>_file`. */
export function secret<const O extends FieldOptions>(description: string, options?: O): Field<Secret, O> {
  const schema = v.pipe(
    v.string('expected a text'),
    v.transform((s: string) => new Secret(s)),
  );
  return finish(schema, description, options, { kind: 'secret' });
}

/** A list. */
export function list<T, const O extends FieldOptions>(
  description: string,
  item: Schema<T>,
  options?: O,
): Field<readonly T[], O> {
  return finish(v.array(item, expected('a list')), description, options, { kind: 'list', item });
}

/** A map with free keys; `key` must match them. */
export function map<T, const O extends FieldOptions & { key?: RegExp; keyWhat?: string }>(
  description: string,
  item: Schema<T>,
  options?: O,
): Field<Readonly<Record<string, T>>, O> {
  const key = v.check(
    (s: string) => options?.key === undefined || options.key.test(s),
    `expected ${options?.keyWhat ?? 'another key'}`,
  );
  const schema = v.pipe(
    v.custom<Record<string, unknown>>(isMap, expected('a map')),
    v.record(v.pipe(v.string(), key), item),
  );
  return finish(schema as v.GenericSchema<unknown, Readonly<Record<string, T>>>, description, options, {
    kind: 'map',
    item,
  });
}

/** A map with these keys and no others; an unknown key is an error that names the nearest known one. */
export function section<const E extends Entries, const O extends FieldOptions>(
  description: string,
  entries: E,
  options?: O,
): Field<Section<E>, O> {
  const secrets = Object.keys(entries).filter((key) => metadataOf(entries[key]!).kind === 'secret');
  const all: Record<string, Schema<unknown>> = { ...entries };
  for (const key of secrets) {
    all[key] = v.optional(entries[key]!);
    all[`${key}_file`] = text(`File that holds \`${key}\`.`, { optional: true });
  }
  const known = Object.keys(all);
  const schema = v.pipe(
    v.custom<Record<string, unknown>>(isMap, expected('a map')),
    v.looseObject(all, (issue) =>
      issue.input === undefined && issue.expected !== 'Object'
        ? 'missing; it must be given'
        : expected('a map')(issue),
    ),
    v.rawCheck(({ dataset, addIssue }) => {
      const value = dataset.value as Record<string, unknown>;
      if (!isMap(value)) return;
      for (const key of Object.keys(value)) {
        if (!known.includes(key)) addIssue({ message: unknownKey(key, known), path: [pathItem(value, key)] });
      }
      for (const key of secrets) {
        const given = [key, `${key}_file`].filter((name) => value[name] !== undefined);
        if (given.length === 2)
          addIssue({ message: `give either ${key} or ${key}_file, not both`, path: [pathItem(value, key)] });
        if (given.length === 0 && !absenceOf(entries[key]!).optional)
          addIssue({ message: `missing; give ${key} or ${key}_file` });
      }
    }),
    v.transform((value) => withSecretFiles(value as Record<string, unknown>, secrets)),
  );
  return finish(schema as unknown as v.GenericSchema<unknown, Section<E>>, description, options, {
    kind: 'section',
    entries: all,
  });
}

function pathItem(input: Record<string, unknown>, key: string): v.IssuePathItem {
  return { type: 'object', origin: 'key', input, key, value: input[key] };
}

/** `password_file: path` becomes `password: Secret`, to be read by `readSecretFiles`. */
function withSecretFiles(
  value: Record<string, unknown>,
  secrets: readonly string[],
): Record<string, unknown> {
  for (const key of secrets) {
    const file = value[`${key}_file`];
    delete value[`${key}_file`];
    if (typeof file === 'string') value[key] = Secret.inFile(file);
  }
  return value;
}

/** Reads every secret of a checked value that stands in a file, relative to `directory`. Gives an issue for each that cannot be read, and does not throw. */
export function readSecretFiles(
  value: unknown,
  directory: string,
  path: (string | number)[] = [],
): SchemaIssue[] {
  if (value instanceof Secret) {
    const problem = value.read(directory);
    if (problem === undefined) return [];
    return [{ path: [...path.slice(0, -1), `${path.at(-1)}_file`], message: problem, atKey: false }];
  }
  if (typeof value !== 'object' || value === null) return [];
  const keys = Array.isArray(value) ? value.map((_, i) => i) : Object.keys(value);
  return keys.flatMap((key) =>
    readSecretFiles((value as Record<string | number, unknown>)[key], directory, [...path, key]),
  );
}

/** The same schema with one more condition over its value; `test` gives what is wrong and where, or nothing. */
export function refine<T>(
  schema: Schema<T>,
  test: (value: T) => readonly { path: readonly (string | number)[]; message: string }[],
): Schema<T> {
  const checked = v.pipe(
    schema,
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      for (const issue of test(dataset.value as T)) {
        const path = issue.path.map((key) => ({
          type: 'unknown',
          origin: 'value',
          input: dataset.value,
          key,
          value: undefined,
        }));
        addIssue(
          path.length === 0 ? { message: issue.message } : { message: issue.message, path: path as never },
        );
      }
    }),
  );
  return checked as unknown as Schema<T>;
}

/** What the schema says of itself: kind, keys, choices, item. */
export function metadataOf(schema: Schema<unknown>): FieldMetadata {
  return v.getMetadata(unwrap(schema) as never) as FieldMetadata;
}

/** The sentence that documents the field; empty when it has none. */
export function descriptionOf(schema: Schema<unknown>): string {
  return v.getDescription(unwrap(schema) as never) ?? '';
}

/** The default as written, and whether the key may be absent. */
export function absenceOf(schema: Schema<unknown>): { optional: boolean; default: unknown } {
  const outer = schema as unknown as { type: string; default?: unknown };
  return outer.type === 'optional'
    ? { optional: true, default: outer.default }
    : { optional: false, default: undefined };
}

function unwrap(schema: Schema<unknown>): Schema<unknown> {
  const outer = schema as unknown as { type: string; wrapped?: Schema<unknown> };
  return outer.type === 'optional' && outer.wrapped !== undefined ? outer.wrapped : schema;
}

/** Checks a written value. Never throws: gives the value with its defaults, or every issue. Secrets given as files are not read yet: see `readSecretFiles`. */
export function check<T>(
  schema: Schema<T>,
  input: unknown,
): { value: T; issues: undefined } | { value: undefined; issues: SchemaIssue[] } {
  const result = v.safeParse(schema, input);
  if (result.success) return { value: result.output, issues: undefined };
  const issues = result.issues.map((issue) => ({
    path: (issue.path ?? []).map((item) => item.key as string | number),
    message: issue.message,
    atKey: issue.message.startsWith('unknown key'),
  }));
  return { value: undefined, issues };
}

/** `unknown key "coutn"; did you mean "count"?`, or the list of known keys when none is near. */
export function unknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  if (near !== undefined) return `unknown key "${key}"; did you mean "${near}"?`;
  return known.length === 0
    ? `unknown key "${key}"; no keys are known here`
    : `unknown key "${key}"; known: ${known.join(', ')}`;
}

/** The word that differs by at most a third of its letters (and at least one typing slip), if there is one. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of words) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j]!, before[j - 2]! + 1);
    }
    [before, above] = [above, row];
  }
  return above[b.length]!;
}
