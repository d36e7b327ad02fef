import { SentinelError } from '../lib/index.js';

/** A format that is read here. */
export type ExpositionFormat = 'text' | 'openmetrics' | 'protobuf';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+/;
const MEDIA_TYPE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?:\/[!#$%&'*+\-.^_`|~0-9A-Za-z]+)?$/;
const QUOTED = /^"(?:[^"\\]|\\.)*"/s;
const MAX_LENGTH = 1000;

/** What the headers of before were read as: exporters send the same few for ever. */
const known = new Map<string, string | undefined>();
const MAX_KNOWN = 100;

/**
 * The format of a page, by the media type of its Content-Type alone, as Prometheus 3 chooses it (model/textparse/interface.go). `fallback` is taken where
 * the header is blank, cannot be parsed or names another type. Throws SEN_EXPOSITION_INVALID.
 */
export function formatOf(contentType: string, fallback?: ExpositionFormat): ExpositionFormat {
  const mediaType = knownMediaType(contentType);
  if (mediaType === 'text/plain') return 'text';
  if (mediaType === 'application/openmetrics-text') return 'openmetrics';
  if (mediaType === 'application/vnd.google.protobuf') return 'protobuf';
  if (fallback !== undefined) return fallback;
  throw new SentinelError('SEN_EXPOSITION_INVALID', refusal(contentType, mediaType));
}

function refusal(contentType: string, mediaType: string | undefined): string {
  const hint = 'and no fallback_scrape_protocol specified for target';
  const shown = JSON.stringify(contentType.slice(0, 100)).replace(/[^\x20-\x7e]/g, '?');
  if (contentType === '') return `non-compliant scrape target sending blank Content-Type ${hint}`;
  if (mediaType === undefined) return `cannot parse Content-Type ${shown} ${hint}`;
  return `received unsupported Content-Type ${shown} ${hint}`;
}

function knownMediaType(header: string): string | undefined {
  if (known.has(header)) return known.get(header);
  if (known.size === MAX_KNOWN) known.clear();
  const mediaType = tryMediaType(header);
  known.set(header, mediaType);
  return mediaType;
}

/** The media type in lower case; `undefined` when the header is malformed, a repeated parameter included (Go's mime.ParseMediaType). */
function tryMediaType(header: string): string | undefined {
  if (header.length > MAX_LENGTH) return undefined;
  const semicolon = header.indexOf(';');
  const mediaType = (semicolon < 0 ? header : header.slice(0, semicolon)).trim().toLowerCase();
  if (!MEDIA_TYPE.test(mediaType)) return undefined;
  const names = new Set<string>();
  let rest = semicolon < 0 ? '' : header.slice(semicolon);
  while (rest.trim() !== '' && rest.trim() !== ';') {
    const parameter = tryParameter(rest);
    if (parameter === undefined || names.has(parameter.name)) return undefined;
    names.add(parameter.name);
    rest = parameter.rest;
  }
  return mediaType;
}

/** `; name=value` or `; name="value"`, and what follows it. */
function tryParameter(text: string): { name: string; rest: string } | undefined {
  const start = text.trimStart();
  if (start[0] !== ';') return undefined;
  const body = start.slice(1).trimStart();
  const name = TOKEN.exec(body)?.[0];
  if (name === undefined) return undefined;
  const equal = body.slice(name.length).trimStart();
  if (equal[0] !== '=') return undefined;
  const rest = equal.slice(1).trimStart();
  const value = TOKEN.exec(rest)?.[0] ?? QUOTED.exec(rest)?.[0];
  return value === undefined ? undefined : { name: name.toLowerCase(), rest: rest.slice(value.length) };
}
