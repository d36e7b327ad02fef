import { isAbsolute, resolve } from 'node:path';
import { type Fault, field, type Output, type Section } from '../lib/index.js';
import type { HttpClientOptions, TlsOptions } from './http.js';

const TLS_VERSIONS = ['TLS10', 'TLS11', 'TLS12', 'TLS13'] as const;

/** Headers that the agent sets itself, or that have a key of their own (Prometheus's list of reserved headers). */
const RESERVED_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'host',
  'content-encoding',
  'content-length',
  'content-type',
  'user-agent',
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'www-authenticate',
  'accept-encoding',
  'x-prometheus-remote-write-version',
  'x-prometheus-remote-read-version',
]);

/** Prometheus's `basic_auth`. */
const basicAuth = field.section(
  'User name and password (RFC 7617).',
  {
    username: field.secret('User name.', { example: 'sentinel' }),
    password: field.secret('Password.', { optional: true, example: '${REMOTE_WRITE_PASSWORD}' }),
  },
  { optional: true },
);

/** Prometheus's `tls_config`, with files only. */
const tlsConfig = field.section(
  'How TLS is spoken with this peer.',
  {
    ca_file: field.file('Certificates that are trusted, PEM; without it those of the system.', {
      optional: true,
      example: '/etc/ssl/certs/ca-certificates.crt',
    }),
    cert_file: field.file('Own certificate, PEM; needs key_file.', {
      optional: true,
      example: '/etc/sentinel/client.crt',
    }),
    key_file: field.file('Key of the own certificate, PEM; needs cert_file.', {
      optional: true,
      example: '/etc/sentinel/client.key',
    }),
    server_name: field.text("Name that the peer's certificate must hold; without it the host of the URL.", {
      optional: true,
      example: 'metrics.example.com',
    }),
    insecure_skip_verify: field.flag("Do not verify the peer's certificate.", { default: false }),
    min_version: field.choice('Oldest version of TLS.', TLS_VERSIONS, { default: 'TLS12' }),
    max_version: field.choice('Newest version of TLS.', TLS_VERSIONS, { optional: true, example: 'TLS13' }),
  },
  { optional: true, rules: tlsRules },
);

/** The short form of `basic_auth`. */
export const basicAuthEntries = {
  username: field.secret('User name.', { optional: true, instead: 'basic_auth', example: 'sentinel' }),
  password: field.secret('Password.', {
    optional: true,
    instead: 'basic_auth',
    example: '${REMOTE_WRITE_PASSWORD}',
  }),
} as const;

/** Prometheus's keys of an HTTP client, for any section that speaks HTTP with a peer. */
export const httpClientEntries = {
  basic_auth: basicAuth,
  authorization: field.section(
    'The Authorization header.',
    {
      type: field.text('Scheme of the header.', {
        default: 'Bearer',
        pattern: /^(?!basic$)[!#$%&'*+.^_`|~0-9a-z-]+$/i,
        what: 'a scheme such as Bearer (for Basic there is basic_auth)',
      }),
      credentials: field.secret('What follows the scheme.', { example: '${REMOTE_WRITE_TOKEN}' }),
    },
    { optional: true, instead: 'basic_auth' },
  ),
  bearer_token: field.secret('Token of an Authorization header of type Bearer.', {
    optional: true,
    instead: 'basic_auth',
    example: '${REMOTE_WRITE_TOKEN}',
  }),
  headers: field.map(
    'Headers that are sent with every request.',
    field.secret('Value of the header.', { example: 'network' }),
    { optional: true, example: { 'X-Scope-OrgID': 'network' }, keyFault: headerFault },
  ),
  tls_config: tlsConfig,
  proxy_url: field.url('Proxy that requests go through.', {
    optional: true,
    example: 'http://proxy.example.com:3128',
  }),
} as const;

/** What the keys of `httpClientEntries` give, with or without the short form. */
export type HttpClientKeys = Section<typeof httpClientEntries> & Partial<Section<typeof basicAuthEntries>>;

/** What is wrong with the keys of an HTTP client together; for the `rules` of a section that has them. */
export function httpClientRules(keys: Readonly<Record<string, unknown>>): Fault[] {
  const placeOf = (key: string) => [key, `${key}_file`].find((name) => keys[name] !== undefined);
  const faults: Fault[] = [];
  const password = placeOf('password');
  if (password !== undefined && placeOf('username') === undefined)
    faults.push({ path: [password], message: 'password needs username' });
  const places = ['username', 'basic_auth', 'authorization', 'bearer_token'].map(placeOf);
  const given = places.filter((place) => place !== undefined);
  for (const place of given.slice(1))
    faults.push({ path: [place], message: `give only one of ${given.join(', ')}` });
  return faults;
}

function tlsRules(keys: Readonly<Record<string, unknown>>): Fault[] {
  const faults: Fault[] = [];
  for (const [one, other] of [
    ['cert_file', 'key_file'],
    ['key_file', 'cert_file'],
  ] as const)
    if (keys[one] !== undefined && keys[other] === undefined)
      faults.push({ path: [one], message: `${one} needs ${other}` });
  const known: readonly unknown[] = TLS_VERSIONS;
  const newest = known.indexOf(keys.max_version);
  if (newest >= 0 && newest < known.indexOf(keys.min_version))
    faults.push({ path: ['max_version'], message: 'is older than min_version' });
  return faults;
}

/** What is wrong with the name of a header that a user sets, or nothing. */
export function headerFault(name: string): string | undefined {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) return 'expected the name of a header';
  const lower = name.toLowerCase();
  if (lower === 'authorization') return 'set it by basic_auth, authorization or bearer_token';
  return RESERVED_HEADERS.has(lower) || lower.startsWith('x-amz-')
    ? 'this header is reserved and cannot be set'
    : undefined;
}

/** Compiles the keys of an HTTP client; files are taken relative to `directory`. Secrets must have been read. */
export function httpClientOptions(
  keys: HttpClientKeys,
  directory: string,
): Omit<HttpClientOptions, 'keepAlive' | 'followRedirects'> {
  const basic = keys.basic_auth ?? (keys.username && { username: keys.username, password: keys.password });
  const bearer = keys.bearer_token && { type: 'Bearer', credentials: keys.bearer_token };
  return {
    basicAuth: basic && { username: basic.username, password: basic.password },
    authorization: keys.authorization ?? bearer,
    tls: keys.tls_config && tlsOptions(keys.tls_config, directory),
    proxyUrl: keys.proxy_url,
    headers: keys.headers,
  };
}

function tlsOptions(keys: NonNullable<Output<typeof tlsConfig>>, directory: string): TlsOptions {
  const path = (file: string | undefined) =>
    file === undefined || isAbsolute(file) ? file : resolve(directory, file);
  return {
    caFile: path(keys.ca_file),
    certFile: path(keys.cert_file),
    keyFile: path(keys.key_file),
    serverName: keys.server_name,
    insecureSkipVerify: keys.insecure_skip_verify,
    minVersion: keys.min_version,
    maxVersion: keys.max_version,
  };
}
