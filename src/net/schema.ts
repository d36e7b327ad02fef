import { resolve } from 'node:path';
import { type Fault, field, type Output, Secret, type Section } from '../lib/index.js';
import type { HttpClientOptions, OAuth2Options, ProxyOptions, TlsOptions } from './http.js';

const PEM = 'the text of a PEM file';

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
  'x-prometheus-scrape-timeout-seconds',
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

/** Prometheus's `tls_config`. */
const tlsConfig = field.section(
  'How TLS is spoken with this peer.',
  {
    ca_file: field.file('Certificates that are trusted, PEM; without it those of the system.', {
      optional: true,
      example: '/etc/ssl/certs/ca-certificates.crt',
    }),
    ca: field.text('The same, written here.', { optional: true, instead: 'ca_file', example: PEM }),
    cert_file: field.file('Own certificate, PEM; needs a key.', {
      optional: true,
      example: '/etc/sentinel/client.crt',
    }),
    cert: field.text('The same, written here.', { optional: true, instead: 'cert_file', example: PEM }),
    key: field.secret('Key of the own certificate, PEM.', { optional: true, example: PEM }),
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

/** Keys that say which proxy is used, if any. */
const proxyEntries = {
  proxy_url: field.url('Proxy that requests go through.', {
    optional: true,
    example: 'http://proxy.example.com:3128',
  }),
  no_proxy: field.text('Hosts, domains and networks that are spoken with directly; needs proxy_url.', {
    optional: true,
    example: '.example.com,10.0.0.0/8',
  }),
  proxy_from_environment: field.flag('Take the proxy from HTTP_PROXY, HTTPS_PROXY and NO_PROXY.', {
    default: false,
  }),
  proxy_connect_header: field.map(
    'Headers for the proxy, with a CONNECT.',
    field.list('Values.', field.secret('Value of the header.', { example: 'x' })),
    { optional: true, example: { 'X-Proxy': ['x'] } },
  ),
} as const;

/** Prometheus's `oauth2`. */
const oauth2 = field.section(
  'A token from an OAuth 2.0 server, by client credentials (RFC 6749).',
  {
    client_id: field.text('Who asks for it.', { example: 'sentinel' }),
    client_secret: field.secret('Its secret.', { example: '${OAUTH_SECRET}' }),
    token_url: field.url('Where it is asked for.', { example: 'https://login.example.com/token' }),
    scopes: field.list('What it is for.', field.text('Scope.', { example: 'metrics' }), { default: [] }),
    endpoint_params: field.map('More parameters of the request.', field.text('Value.', { example: 'x' }), {
      default: {},
      example: { audience: 'metrics' },
    }),
    grant_type: field.choice('How it is asked for.', ['client_credentials'], {
      default: 'client_credentials',
    }),
    tls_config: tlsConfig,
    ...proxyEntries,
  },
  { optional: true, instead: 'basic_auth', rules: proxyRules },
);

/** Prometheus's `http_headers`. */
const httpHeaders = field.map(
  'Headers that are sent with every request; a name may have several values.',
  field.section('Values of the header.', {
    values: field.list('As they are.', field.secret('Value.', { example: 'network' }), { default: [] }),
    secrets: field.list('The same; never shown.', field.secret('Value.', { example: 'x' }), { default: [] }),
    files: field.list('Files that hold values.', field.file('File.', { example: '/etc/sentinel/header' }), {
      default: [],
    }),
  }),
  {
    optional: true,
    example: { 'X-Scope-OrgID': { values: ['network'] } },
    keyFault: headerFault,
    instead: 'headers',
  },
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
  http_headers: httpHeaders,
  tls_config: tlsConfig,
  ...proxyEntries,
  oauth2,
  follow_redirects: field.flag('Whether redirects are followed; a POST follows 307 and 308 only.', {
    default: true,
  }),
  enable_http2: field.flag('Accepted because Prometheus has it; HTTP/1.1 is spoken either way.', {
    optional: true,
    example: false,
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
  const places = ['username', 'basic_auth', 'authorization', 'oauth2', 'bearer_token'].map(placeOf);
  const given = places.filter((place) => place !== undefined);
  for (const place of given.slice(1))
    faults.push({ path: [place], message: `give only one of ${given.join(', ')}` });
  return [...faults, ...proxyRules(keys)];
}

function proxyRules(keys: Readonly<Record<string, unknown>>): Fault[] {
  const faults: Fault[] = [];
  const fromEnvironment = keys.proxy_from_environment === true;
  if (keys.no_proxy !== undefined && keys.proxy_url === undefined && !fromEnvironment)
    faults.push({ path: ['no_proxy'], message: 'no_proxy needs proxy_url' });
  for (const key of ['proxy_url', 'no_proxy'])
    if (fromEnvironment && keys[key] !== undefined)
      faults.push({ path: [key], message: `give either ${key} or proxy_from_environment` });
  if (keys.proxy_connect_header !== undefined && keys.proxy_url === undefined && !fromEnvironment)
    faults.push({ path: ['proxy_connect_header'], message: 'needs proxy_url or proxy_from_environment' });
  return faults;
}

function tlsRules(keys: Readonly<Record<string, unknown>>): Fault[] {
  const faults: Fault[] = [];
  for (const name of ['ca', 'cert'])
    if (keys[name] !== undefined && keys[`${name}_file`] !== undefined)
      faults.push({ path: [name], message: `give either ${name} or ${name}_file, not both` });
  const [cert, key] = ['cert', 'key'].map((name) =>
    [`${name}_file`, name].find((place) => keys[place] !== undefined),
  );
  if (cert !== undefined && key === undefined)
    faults.push({ path: [cert], message: `${cert} needs key_file` });
  if (key !== undefined && cert === undefined)
    faults.push({ path: [key], message: `${key} needs cert_file` });
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
): Omit<HttpClientOptions, 'keepAlive'> {
  const basic = keys.basic_auth ?? (keys.username && { username: keys.username, password: keys.password });
  const bearer = keys.bearer_token && { type: 'Bearer', credentials: keys.bearer_token };
  return {
    basicAuth: basic && { username: basic.username, password: basic.password },
    authorization: keys.authorization ?? bearer,
    oauth2: keys.oauth2 && oauth2Options(keys.oauth2, directory),
    tls: keys.tls_config && tlsOptions(keys.tls_config, directory),
    proxy: proxyOptions(keys),
    headers: headersOf(keys, directory),
    followRedirects: keys.follow_redirects,
  };
}

function oauth2Options(keys: NonNullable<Output<typeof oauth2>>, directory: string): OAuth2Options {
  return {
    clientId: keys.client_id,
    clientSecret: keys.client_secret,
    tokenUrl: keys.token_url,
    scopes: keys.scopes,
    endpointParams: keys.endpoint_params,
    tls: keys.tls_config && tlsOptions(keys.tls_config, directory),
    proxy: proxyOptions(keys),
  };
}

function proxyOptions(keys: Section<typeof proxyEntries>): ProxyOptions | undefined {
  if (keys.proxy_url === undefined && !keys.proxy_from_environment) return undefined;
  return {
    url: keys.proxy_url,
    fromEnvironment: keys.proxy_from_environment,
    noProxy: keys.no_proxy,
    connectHeaders: keys.proxy_connect_header,
  };
}

/** Both forms; of a name in both, Prometheus's. */
function headersOf(keys: HttpClientKeys, directory: string): HttpClientOptions['headers'] {
  if (keys.http_headers === undefined) return keys.headers;
  const lists = Object.entries(keys.http_headers).map(([name, { values, secrets, files }]) => {
    const fromFiles = files.map((file) => Secret.inFile(resolve(directory, file)));
    for (const secret of fromFiles) secret.read(directory);
    return [name, [...values, ...secrets, ...fromFiles]] as const;
  });
  return { ...keys.headers, ...Object.fromEntries(lists) };
}

function tlsOptions(keys: NonNullable<Output<typeof tlsConfig>>, directory: string): TlsOptions {
  const path = (file: string | undefined) => file && resolve(directory, file);
  return {
    ca: keys.ca,
    cert: keys.cert,
    key: keys.key,
    caFile: path(keys.ca_file),
    certFile: path(keys.cert_file),
    serverName: keys.server_name,
    insecureSkipVerify: keys.insecure_skip_verify,
    minVersion: keys.min_version,
    maxVersion: keys.max_version,
  };
}
