import * as v from 'valibot';

/** What turns a written value into a `T`, or says everything that is wrong with it. A valibot schema, built by the functions of this file. */
export type Schema<T> = v.GenericSchema<unknown, T>;

/** What a schema gives. */
export type Output<S> = S extends Schema<infer T> ? T : never;

/** What every field may be given beside its description. */
export interface FieldOptions {
  /** The value, as written, when the key is absent. */
  default?: unknown;
  /** The key may be absent and then is `undefined`. */
  optional?: true;
  /** What a user would write, for the generated reference where there is no default that could be shown. */
  example?: unknown;
  /** The key that this one may be given in place of; the reference shows it as a remark there. */
  instead?: string;
}

/** The type of a field: `undefined` is added when the key may be absent without a default. */
export type Field<T, O extends FieldOptions> = Schema<O extends { optional: true } ? T | undefined : T>;

/** The keys of a section. */
export type Entries = Readonly<Record<string, Schema<unknown>>>;

/** What a section gives. */
export type Section<E extends Entries> = { readonly [K in keyof E]: v.InferOutput<E[K]> };

/** What a schema says of itself, for documentation, flags and JSON Schema. */
export interface FieldMetadata {
  /** duration | size | secret | secret_file | file | url | text | texts | integer | number | flag | choice | list | map | section | anything. */
  kind?: string;
  /** How errors call a value that fits. */
  what?: string;
  /** Keys of a section, in the order of the documentation. */
  entries?: Entries;
  /** Values of a choice. */
  choices?: readonly string[];
  /** Item of a list or value of a map. */
  item?: Schema<unknown>;
  example?: unknown;
  instead?: string;
}

/** One thing wrong with a value. */
export interface SchemaIssue {
  /** Keys and indexes from the root to the place. */
  path: (string | number)[];
  message: string;
  /** The key itself is at fault (unknown), not its value. */
  atKey: boolean;
  /** The message without the value that was given, where the message shows it. */
  bare?: string;
  /** A text is wanted and something else was given. */
  wantsText?: true;
}

/** Something wrong below a value: keys from it to the place, and what it is. */
export interface Fault {
  path: readonly (string | number)[];
  message: string;
}

/** Whether a value is a map, as YAML knows it. */
export const isMap = (input: unknown) => typeof input === 'object' && input !== null && !Array.isArray(input);

/** Stands between the message and the value that was given, so that `check` can give both forms. */
export const GOT = '\0, got ';

/** valibot walks the schema each time; configurations of 10,000 tasks ask for it 100,000 times. */
const known = new WeakMap<Schema<unknown>, FieldMetadata>();

/** What the schema says of itself: kind, keys, choices, item. */
export function metadataOf(schema: Schema<unknown>): FieldMetadata {
  let metadata = known.get(schema);
  if (metadata === undefined) {
    metadata = v.getMetadata(unwrap(schema) as never) as FieldMetadata;
    known.set(schema, metadata);
  }
  return metadata;
}

/** How a value of a schema is built: plain data, which a process that does not have the schema can be given. */
export interface FieldShape {
  kind: string | undefined;
  entries: Readonly<Record<string, FieldShape>> | undefined;
  item: FieldShape | undefined;
}

/** The shape of a schema. */
export function shapeOf(schema: Schema<unknown>): FieldShape {
  const { kind, entries, item } = metadataOf(schema);
  return {
    kind,
    entries: entries && shapesOf(entries),
    item: item && shapeOf(item),
  };
}

/** The shapes of some keys. */
export function shapesOf(entries: Entries): Readonly<Record<string, FieldShape>> {
  return Object.fromEntries(Object.entries(entries).map(([key, entry]) => [key, shapeOf(entry)]));
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
