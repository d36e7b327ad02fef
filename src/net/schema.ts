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

const username = field.secret('User name.', { optional: true, example: 'sentinel' });
const password = field.secret('Password.', { optional: true, example: '${REMOTE_WRITE_PASSWORD}' });

/** Prometheus's `basic_auth`. */
const basicAuth = field.section(
  'User name and password (RFC 7617).',
  { username: field.secret('User name.', { example: 'sentinel' }), password },
  { optional: true },
);

/** Prometheus's `tls_config`, with files only. */
const tlsConfig = field.refine(
  field.section(
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
    { optional: true, rules: certificateRules },
  ),
  (tls) =>
    tls?.max_version !== undefined && tls.max_version < tls.min_version
      ? [{ path: ['max_version'], message: 'is older than min_version' }]
      : [],
);

/** Prometheus's keys of an HTTP client, for any section that speaks HTTP with a peer; `username` and `password` are a short form of `basic_auth`. */
export const httpClientEntries = {
  username,
  password,
  basic_auth: basicAuth,
  authorization: field.section(
    'The Authorization header.',
    {
      type: field.text('Scheme of the header.', { default: 'Bearer' }),
      credentials: field.secret('What follows the scheme.', { example: '${REMOTE_WRITE_TOKEN}' }),
    },
    { optional: true, instead: 'username' },
  ),
  bearer_token: field.secret('Token of an Authorization header of type Bearer.', {
    optional: true,
    instead: 'username',
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

type Keys = Section<typeof httpClientEntries>;

/** What the keys of `httpClientEntries` give, with or without the short form. */
export type HttpClientKeys = Omit<Keys, 'username' | 'password'> &
  Partial<Pick<Keys, 'username' | 'password'>>;

/** What is wrong with the keys of an HTTP client together; for the `rules` of a section that has them. */
export function httpClientRules(given: ReadonlySet<string>): Fault[] {
  const has = (key: string) => given.has(key) || given.has(`${key}_file`);
  const faults: Fault[] = [];
  if (has('password') && !has('username'))
    faults.push({ path: ['password'], message: 'password needs username' });
  const ways = ['username', 'basic_auth', 'authorization', 'bearer_token'].filter(has);
  for (const way of ways.slice(1))
    faults.push({
      path: [given.has(way) ? way : `${way}_file`],
      message: `give only one of ${ways.join(', ')}`,
    });
  return faults;
}

function certificateRules(given: ReadonlySet<string>): Fault[] {
  if (given.has('cert_file') === given.has('key_file')) return [];
  const [one, other] = given.has('cert_file') ? ['cert_file', 'key_file'] : ['key_file', 'cert_file'];
  return [{ path: [one!], message: `${one} needs ${other}` }];
}

function headerFault(name: string): string | undefined {
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
    basicAuth: basic && { username: basic.username.reveal(), password: basic.password },
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
