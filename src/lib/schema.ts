import * as v from 'valibot';
import { formatDuration, tryParseDuration } from './duration.js';
import { unknownKey } from './nearest.js';
import {
  absenceOf,
  type Entries,
  type Fault,
  type Field,
  type FieldMetadata,
  type FieldOptions,
  GOT,
  isMap,
  metadataOf,
  type Schema,
  type Section,
} from './schema-type.js';
import { Secret } from './secret.js';
import { formatSize, tryParseSize } from './size.js';

export { nearest, unknownKey, unknownWord } from './nearest.js';
export {
  check,
  checkKeys,
  readSecretFiles,
  unreadableSecretFiles,
  writtenFields,
} from './schema-check.js';
export { absenceOf, descriptionOf, metadataOf, shapesOf } from './schema-type.js';

/** Names of the kinds of values, for where the value itself must not be shown. */
function kindOf(input: unknown): string {
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'object') return input === null ? 'nothing' : 'a map';
  if (typeof input === 'boolean') return 'true or false';
  return typeof input === 'number' ? 'a number' : 'a text';
}

/** A value in an error. A text that may be a URL with a password or a token in it is not shown. */
function show(input: unknown): string {
  if (typeof input === 'string' && !/[@?]/.test(input))
    return JSON.stringify(input.length > 60 ? `${input.slice(0, 57)}...` : input);
  return typeof input === 'number' || typeof input === 'boolean' ? String(input) : kindOf(input);
}

const expected =
  (what: string, given: (input: unknown) => string = show) =>
  (issue: { input: unknown }) =>
    issue.input === undefined
      ? `missing; expected ${what}`
      : `expected ${what}${GOT}${given(issue.input)}${hintFor(what, issue.input)}`;

/** YAML reads 1.10 and yes as a number and a flag; where a text is wanted, quotes are what is missing. */
const hintFor = (what: string, input: unknown) =>
  what.startsWith('a text') && (typeof input === 'number' || typeof input === 'boolean')
    ? '; put it in quotes'
    : '';

function finish<T, O extends FieldOptions>(
  schema: v.GenericSchema<unknown, T>,
  description: string,
  options: O | undefined,
  metadata: FieldMetadata,
) {
  const { example, instead } = options ?? {};
  const described = v.pipe(schema, v.description(description), v.metadata({ ...metadata, example, instead }));
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
      addIssue({ message: `expected ${what}${GOT}${show(dataset.value)}` });
      return NEVER;
    }),
  ) as unknown as v.GenericSchema<unknown, T>;
}

/** The same, where YAML's number 0 is as good as the text. */
function parsedWithZero(what: string, parse: (text: string) => number | undefined) {
  const isZero = (input: unknown) => input === 0 || input === '0';
  const zero = v.pipe(
    v.custom<unknown>(isZero),
    v.transform(() => 0),
  );
  return v.union([zero, parsed(what, parse)], (issue) => expected(what)(issue)) as v.GenericSchema<
    unknown,
    number
  >;
}

const textThatIsNotEmpty = parsed('a text', (s) => (s === '' ? undefined : s));

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
  const what = 'a duration such as 30s or 1m30s';
  const schema = bounded(parsedWithZero(what, tryParseDuration), options ?? {}, formatDuration);
  return finish(schema, description, options, { kind: 'duration', what });
}

/** A size with a unit (`64KiB`, `1GiB`); gives bytes. */
export function size<const O extends FieldOptions & Bounds>(
  description: string,
  options?: O,
): Field<number, O> {
  const what = 'a size with a unit such as 64KiB or 1GiB';
  const schema = bounded(parsedWithZero(what, tryParseSize), options ?? {}, formatSize);
  return finish(schema, description, options, { kind: 'size', what });
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
  return finish(schema, description, options, { kind: 'text', what });
}

/** One text, or a list of them; gives a list. `empty`: a text may be so. */
export function texts<const O extends FieldOptions & { empty?: boolean }>(
  description: string,
  options?: O,
): Field<readonly string[], O> {
  const what = 'a text or a list of texts';
  const fits = (item: unknown) => typeof item === 'string' && (options?.empty === true || item !== '');
  const schema = v.pipe(
    v.custom<unknown>((input) => fits(input) || Array.isArray(input), expected(what, kindOf)),
    v.transform((input) => (Array.isArray(input) ? input : [input]) as unknown[]),
    v.array(v.custom<string>(fits, expected('a text', kindOf))),
  ) as unknown as v.GenericSchema<unknown, readonly string[]>;
  return finish(schema, description, options, { kind: 'texts', what });
}

/** The path of a file that is read: its place is relative to the configuration's folder. */
export function file<const O extends FieldOptions>(description: string, options?: O): Field<string, O> {
  return finish(textThatIsNotEmpty, description, options, { kind: 'file', what: 'a text' });
}

/** Whatever is written: maps, lists, texts, numbers, flags. */
export function anything<const O extends FieldOptions>(description: string, options?: O): Field<unknown, O> {
  return finish(v.unknown(), description, options, { kind: 'anything', what: 'a value' });
}

/** An http or https URL; gives the text as written. */
export function url<const O extends FieldOptions>(description: string, options?: O): Field<string, O> {
  const what = 'a URL such as http://host:8428/path';
  const schema = parsed(what, (s) => {
    // `http:///path`, as it comes from an empty variable, would have the host "path".
    if (!/^https?:\/\/[^/\\?#]/i.test(s) || !URL.canParse(s)) return undefined;
    return new URL(s).hostname === '' ? undefined : s;
  });
  return finish(schema, description, options, { kind: 'url', what });
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
  return finish(bounded(schema, options ?? {}, String), description, options, {
    kind: 'integer',
    what: 'a whole number',
  });
}

/** A number. */
export function number<const O extends FieldOptions & Bounds>(
  description: string,
  options?: O,
): Field<number, O> {
  return finish(bounded(v.number(expected('a number')), options ?? {}, String), description, options, {
    kind: 'number',
    what: 'a number',
  });
}

/** What YAML 1.1, and Prometheus with it, reads as true or false; YAML 1.2 reads these words as texts. */
const FLAG_WORDS: ReadonlyMap<unknown, boolean> = new Map(
  ['y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON']
    .map((word): [string, boolean] => [word, true])
    .concat(['n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF'].map((word) => [word, false])),
);

/** true or false; also yes, no, on and off. */
export function flag<const O extends FieldOptions>(description: string, options?: O): Field<boolean, O> {
  const what = 'true or false';
  const schema = v.pipe(
    v.unknown(),
    v.transform((value) => FLAG_WORDS.get(value) ?? value),
    v.boolean(expected(what)),
  );
  return finish(schema, description, options, { kind: 'flag', what });
}

/** One of a few words. `ignoreCase`: it may be written in capitals; gives the word itself, which is in small letters. */
export function choice<const W extends string, const O extends FieldOptions & { ignoreCase?: boolean }>(
  description: string,
  words: readonly W[],
  options?: O,
): Field<W, O> {
  const what = `one of ${words.join(', ')}`;
  const schema =
    options?.ignoreCase === true
      ? parsed(what, (text) => words.find((word) => word === text.toLowerCase()))
      : (v.picklist(words, expected(what)) as v.GenericSchema<unknown, W>);
  return finish(schema, description, options, { kind: 'choice', choices: words, what });
}

/** A text that is never shown. Its section takes it also as `<key>_file`. */
export function secret<const O extends FieldOptions>(description: string, options?: O): Field<Secret, O> {
  const schema = v.pipe(
    v.string((issue) => expected('a text', kindOf)(issue)),
    v.check((s: string) => s !== '', 'must not be empty'),
    v.transform((s: string) => new Secret(s)),
  );
  return finish(schema, description, options, { kind: 'secret', what: 'a text' });
}

/** A list. */
export function list<T, const O extends FieldOptions>(
  description: string,
  item: Schema<T>,
  options?: O,
): Field<readonly T[], O> {
  const what = 'a list';
  return finish(v.array(item, expected(what, kindOf)), description, options, { kind: 'list', item, what });
}

/** What a map with free keys may be given: a pattern for its keys, with the word for a key that fits, or a function that says what is wrong with one. */
export interface MapOptions extends FieldOptions {
  key?: RegExp;
  keyWhat?: string;
  keyFault?: (key: string) => string | undefined;
}

/** A map with free keys. A key without a value is absent; where sections are wanted, it is an empty one. */
export function map<T, const O extends MapOptions>(
  description: string,
  item: Schema<T>,
  options?: O,
): Field<Readonly<Record<string, T>>, O> {
  const faultOf = (key: string) =>
    options?.key !== undefined && !options.key.test(key)
      ? `expected ${options.keyWhat ?? 'another key'}`
      : options?.keyFault?.(key);
  const empty = metadataOf(item).kind === 'section' ? {} : undefined;
  const schema = v.pipe(
    v.custom<Record<string, unknown>>(isMap, expected('a map', kindOf)),
    v.transform((value) => withoutAbsent(value, empty)),
    v.record(v.string(), item),
    v.rawCheck(({ dataset, addIssue }) => {
      const value = dataset.value as Record<string, unknown>;
      for (const key of Object.keys(value)) {
        const message = faultOf(key);
        if (message !== undefined) addIssue({ message, path: [pathItem(value, key)] });
      }
    }),
  );
  return finish(
    schema as unknown as v.GenericSchema<unknown, Readonly<Record<string, T>>>,
    description,
    options,
    {
      kind: 'map',
      item,
      what: 'a map',
    },
  );
}

function withoutAbsent(value: Record<string, unknown>, empty: unknown): Record<string, unknown> {
  const entries = Object.entries(value).map(([key, item]) => [key, item ?? empty] as const);
  return Object.fromEntries(entries.filter(([, item]) => item !== undefined));
}

/** What a section may be given. */
export interface SectionOptions extends FieldOptions {
  /** What is wrong with the keys together. Sees the section, defaults included, also when single keys are wrong: then their values are as written. */
  rules?: (keys: Readonly<Record<string, unknown>>) => readonly Fault[];
  /** Keys that users of other programs may write and that are not taken: why, and what to do. */
  refused?: Readonly<Record<string, string>>;
  /** What is said where there is no map but nothing, such as an empty item of a list. */
  nothing?: string;
}

/** A map with these keys and no others; an unknown key is an error that names the nearest known one. */
export function section<const E extends Entries, const O extends SectionOptions>(
  description: string,
  entries: E,
  options?: O,
): Field<Section<E>, O> {
  const secrets = Object.keys(entries).filter((key) => metadataOf(entries[key]!).kind === 'secret');
  const all = withFileKeys(entries, secrets);
  const known = Object.keys(all);
  const refused = new Map(Object.entries(options?.refused ?? {}));
  const schema = v.pipe(
    v.custom<Record<string, unknown>>(isMap, (issue) =>
      options?.nothing !== undefined && (issue.input ?? null) === null
        ? options.nothing
        : expected('a map', kindOf)(issue),
    ),
    v.looseObject(all, (issue) => missingKey(issue, all)),
    v.rawCheck(({ dataset, addIssue }) => {
      const value = dataset.value as Record<string, unknown>;
      const at = (key: string) => [pathItem(value, key)] as [v.IssuePathItem];
      for (const key of Object.keys(value))
        if (!known.includes(key))
          addIssue({ message: refused.get(key) ?? unknownKey(key, known), path: at(key) });
      const given = new Set(Object.keys(value).filter((key) => value[key] !== undefined));
      for (const key of secrets) {
        if (given.has(key) && given.has(`${key}_file`))
          addIssue({ message: `give either ${key} or ${key}_file, not both`, path: at(key) });
        if (!given.has(key) && !given.has(`${key}_file`) && !absenceOf(entries[key]!).optional)
          addIssue({ message: `missing; give ${key} or ${key}_file`, path: at(key) });
      }
      for (const fault of options?.rules?.(value) ?? []) addIssue(issueOf(fault, value));
    }),
    v.transform((value) => withSecretFiles(value as Record<string, unknown>, secrets)),
  );
  const metadata = { kind: 'section', entries: all, what: 'a map' };
  return finish(schema as unknown as v.GenericSchema<unknown, Section<E>>, description, options, metadata);
}

/** The keys of a section, with `<key>_file` behind each secret. */
function withFileKeys(entries: Entries, secrets: readonly string[]): Entries {
  const all: Record<string, Schema<unknown>> = {};
  for (const [key, entry] of Object.entries(entries)) {
    if (!secrets.includes(key)) {
      all[key] = entry;
      continue;
    }
    all[key] = absenceOf(entry).optional ? entry : v.optional(entry);
    const options = { optional: true, instead: key, example: `/etc/sentinel/${key}` } as const;
    const metadata = { kind: 'secret_file', what: 'a text' };
    all[`${key}_file`] = finish(textThatIsNotEmpty, `File that holds \`${key}\`.`, options, metadata);
  }
  return all;
}

/** valibot tells of a key that is not there as an issue of the map. */
function missingKey(issue: v.LooseObjectIssue, entries: Entries): string {
  const key = issue.path?.at(-1)?.key;
  const what =
    typeof key === 'string' && Object.hasOwn(entries, key) ? metadataOf(entries[key]!).what : undefined;
  return `missing; expected ${what ?? 'a map'}`;
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

/** The same schema with one more condition over its value; `test` gives what is wrong and where, or nothing. */
export function refine<T>(schema: Schema<T>, test: (value: T) => readonly Fault[]): Schema<T> {
  const checked = v.pipe(
    schema,
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      for (const fault of test(dataset.value as T)) addIssue(issueOf(fault, dataset.value));
    }),
  );
  return checked as unknown as Schema<T>;
}

function issueOf(
  fault: Fault,
  input: unknown,
): { message: string; path?: [v.IssuePathItem, ...v.IssuePathItem[]] } {
  const [first, ...rest] = fault.path.map(
    (key): v.IssuePathItem => ({ type: 'unknown', origin: 'value', input, key, value: undefined }),
  );
  return first === undefined
    ? { message: fault.message }
    : { message: fault.message, path: [first, ...rest] };
}
