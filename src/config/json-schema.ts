import { field, type Schema } from '../lib/index.js';

/** A JSON Schema (draft 7), as editors read it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Values may be variables instead, which only the agent can judge. */
const VARIABLE = '[$%]\\{';
const DURATION = '^(0|(?!$)(\\d+y)?(\\d+w)?(\\d+d)?(\\d+h)?(\\d+m)?(\\d+s)?(\\d+ms)?)$';
const SIZE = '^(0|(\\d+(\\.\\d+)?([KMGTP]i?)?B)+)$';

const orVariable = (type: JsonSchema): JsonSchema => ({
  anyOf: [type, { type: 'string', pattern: VARIABLE }],
});
const text = (pattern: string): JsonSchema => ({ type: 'string', pattern: `${pattern}|${VARIABLE}` });

const SIMPLE: Readonly<Record<string, JsonSchema>> = {
  text: { type: 'string' },
  texts: { type: ['string', 'array'], items: { type: 'string' } },
  secret: { type: 'string' },
  secret_file: { type: 'string' },
  file: { type: 'string' },
  url: text('^[Hh][Tt][Tt][Pp][Ss]?://'),
  duration: { anyOf: [text(DURATION), { const: 0 }] },
  size: { anyOf: [text(SIZE), { const: 0 }] },
  integer: orVariable({ type: 'integer' }),
  number: orVariable({ type: 'number' }),
  flag: orVariable({ type: 'boolean' }),
};

/** The whole file's JSON Schema. */
export function renderJsonSchema(schema: Schema<unknown>): JsonSchema {
  return { $schema: 'http://json-schema.org/draft-07/schema#', title: 'Sentinel', ...jsonSchemaOf(schema) };
}

function jsonSchemaOf(schema: Schema<unknown>): JsonSchema {
  const description = field.descriptionOf(schema);
  const absence = field.absenceOf(schema);
  return {
    ...(description !== '' && { description }),
    ...(absence.default !== undefined && { default: absence.default }),
    ...typeOf(schema),
  };
}

function typeOf(schema: Schema<unknown>): JsonSchema {
  const { kind = '', choices, item, entries } = field.metadataOf(schema);
  if (choices !== undefined) return orVariable({ enum: choices });
  if (kind === 'list' && item !== undefined) return { type: ['array', 'null'], items: jsonSchemaOf(item) };
  if (kind === 'map' && item !== undefined)
    return { type: ['object', 'null'], additionalProperties: jsonSchemaOf(item) };
  if (entries === undefined) return SIMPLE[kind] ?? {};
  const keys = Object.entries(entries);
  return {
    type: ['object', 'null'],
    additionalProperties: false,
    properties: Object.fromEntries(keys.map(([key, entry]) => [key, jsonSchemaOf(entry)])),
    required: keys.filter(([, entry]) => !field.absenceOf(entry).optional).map(([key]) => key),
  };
}
