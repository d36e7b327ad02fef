import * as v from 'valibot';
import { GOT, isMap, metadataOf, type Schema, type SchemaIssue } from './schema-type.js';
import { Secret, withoutFile } from './secret.js';

/** Checks a written value. Never throws: gives the value with its defaults, or every issue. Secrets given as files are not read yet: see `readSecretFiles`. */
export function check<T>(
  schema: Schema<T>,
  input: unknown,
): { value: T; issues: undefined } | { value: undefined; issues: SchemaIssue[] } {
  const result = v.safeParse(schema, input);
  return result.success
    ? { value: result.output, issues: undefined }
    : { value: undefined, issues: result.issues.map(schemaIssue) };
}

/** Checks a written section and keeps what is right of it: a key with an issue is absent. For checks over two keys that must not wait until a third one is right. */
export function checkKeys<T extends object>(
  schema: Schema<T>,
  input: unknown,
): { value: { readonly [K in keyof T]?: T[K] | undefined }; issues: SchemaIssue[] } {
  const result = v.safeParse(schema, input);
  if (result.success) return { value: result.output, issues: [] };
  const issues = result.issues.map(schemaIssue);
  const wrong = new Set(issues.map((issue) => issue.path[0]));
  if (!isMap(input)) return { value: {}, issues };
  const right = Object.entries(result.output as T).filter(([key]) => !wrong.has(key));
  return { value: Object.fromEntries(right) as { [K in keyof T]?: T[K] }, issues };
}

function schemaIssue(issue: v.BaseIssue<unknown>): SchemaIssue {
  const at = issue.message.indexOf(GOT);
  return {
    path: (issue.path ?? []).map((item) => item.key as string | number),
    message: issue.message.replace(GOT, ', got '),
    atKey: issue.path?.at(-1)?.origin === 'key',
    ...(at >= 0 && { bare: issue.message.slice(0, at) }),
    ...(issue.type === 'string' && { wantsText: true as const }),
  };
}

/** A key of a written value, with what the schema says of it. */
interface WrittenField {
  path: readonly (string | number)[];
  kind: string | undefined;
  value: unknown;
}

/** Every given key of a written value that the schema knows, also where others are wrong. */
export function* writtenFields(
  schema: Schema<unknown>,
  written: unknown,
  path: readonly (string | number)[] = [],
): Generator<WrittenField> {
  if (written === undefined) return;
  const { kind, entries, item } = metadataOf(schema);
  yield { path, kind, value: written };
  if (kind === 'list' && item !== undefined && Array.isArray(written))
    for (const [i, value] of written.entries()) yield* writtenFields(item, value, [...path, i]);
  if (!isMap(written)) return;
  const value = written as Record<string, unknown>;
  if (kind === 'map' && item !== undefined)
    for (const key of Object.keys(value)) yield* writtenFields(item, value[key], [...path, key]);
  if (kind === 'section' && entries !== undefined)
    for (const key of Object.keys(value))
      if (Object.hasOwn(entries, key)) yield* writtenFields(entries[key]!, value[key], [...path, key]);
}

/** The secret files of a written value that cannot be read, also where the value is wrong otherwise. */
export function unreadableSecretFiles(
  schema: Schema<unknown>,
  written: unknown,
  directory: string,
): SchemaIssue[] {
  return [...writtenFields(schema, written)].flatMap(({ path, kind, value }) => {
    if (kind !== 'secret_file' || typeof value !== 'string') return [];
    const problem = Secret.inFile(value).read(directory);
    return problem === undefined
      ? []
      : [{ path: [...path], message: problem, bare: withoutFile(problem), atKey: false }];
  });
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
    return [
      {
        path: [...path.slice(0, -1), `${path.at(-1)}_file`],
        message: problem,
        bare: withoutFile(problem),
        atKey: false,
      },
    ];
  }
  if (typeof value !== 'object' || value === null) return [];
  const keys = Array.isArray(value) ? value.map((_, i) => i) : Object.keys(value);
  return keys.flatMap((key) =>
    readSecretFiles((value as Record<string | number, unknown>)[key], directory, [...path, key]),
  );
}
