import type {
  ExpositionFormat,
  HttpClientOptions,
  Schema,
  Sdk,
  Secret,
  TlsOptions,
} from '../../src/sdk/index.js';

const VERSIONS = ['TLS10', 'TLS11', 'TLS12', 'TLS13'] as const;

/** Prometheus's names of the formats that can be a fallback here, and how they are read. */
const FALLBACKS = {
  'PrometheusText0.0.4': 'text',
  'PrometheusText1.0.0': 'text',
  'OpenMetricsText0.0.1': 'openmetrics',
  'OpenMetricsText1.0.0': 'openmetrics',
} as const satisfies Record<string, ExpositionFormat>;

/** The task's options, as Prometheus calls them in a scrape_config. */
export interface Config {
  url: string;
  headers: Readonly<Record<string, Secret>>;
  basic_auth: { username: string; password: Secret | undefined } | undefined;
  authorization: { type: string; credentials: Secret } | undefined;
  bearer_token: Secret | undefined;
  tls_config: TlsConfig | undefined;
  proxy_url: string | undefined;
  follow_redirects: boolean;
  body_size_limit: number;
  sample_limit: number;
  honor_timestamps: boolean;
  fallback_scrape_protocol: keyof typeof FALLBACKS | undefined;
}

interface TlsConfig {
  ca_file: string | undefined;
  cert_file: string | undefined;
  key_file: string | undefined;
  server_name: string | undefined;
  insecure_skip_verify: boolean;
  min_version: (typeof VERSIONS)[number] | undefined;
  max_version: (typeof VERSIONS)[number] | undefined;
}

/** The schema of the task's options. */
export function configSchema({ field }: Sdk): Schema<Config> {
  const path = { optional: true, pattern: /^\//, what: 'an absolute path' } as const;
  return field.section('Options of scrape-exporter.', {
    url: field.url('Address of the page.'),
    headers: field.map('Request headers of your own. Their values are never shown.', field.secret('Value.'), {
      default: {},
      key: /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/,
      keyWhat: 'a header name',
    }),
    basic_auth: field.section(
      'User name and password. At most one of basic_auth, authorization and bearer_token.',
      {
        username: field.text('User name.'),
        password: field.secret('Password.', { optional: true }),
      },
      { optional: true },
    ),
    authorization: field.section(
      'The Authorization header, as `<type> <credentials>`.',
      {
        type: field.text('Kind of credentials.', { default: 'Bearer' }),
        credentials: field.secret('Credentials.'),
      },
      { optional: true },
    ),
    bearer_token: field.secret('Short form of authorization with type Bearer.', { optional: true }),
    tls_config: field.section(
      'TLS of https pages.',
      {
        ca_file: field.text('Certificates that are trusted instead of those of the system.', path),
        cert_file: field.text('Certificate of the client.', path),
        key_file: field.text('Key of the client.', path),
        server_name: field.text('Name that the certificate must have, when it is not that of the URL.', {
          optional: true,
        }),
        insecure_skip_verify: field.flag('Trust any certificate.', { default: false }),
        min_version: field.choice('Oldest TLS version.', VERSIONS, { optional: true }),
        max_version: field.choice('Newest TLS version.', VERSIONS, { optional: true }),
      },
      { optional: true },
    ),
    proxy_url: field.url('HTTP proxy to go through.', { optional: true }),
    follow_redirects: field.flag('Follow redirects.', { default: true }),
    body_size_limit: field.size('Longest page, decompressed. A longer one fails the run.', {
      default: '32MiB',
      min: 1,
    }),
    sample_limit: field.integer('Most samples on a page; more fail the run. 0 = no limit.', {
      default: 0,
      min: 0,
    }),
    honor_timestamps: field.flag('Keep timestamps that the page gives; else the time of the run counts.', {
      default: true,
    }),
    fallback_scrape_protocol: field.choice(
      'How to read a page whose Content-Type is missing or not known. Without it such a page fails the run.',
      Object.keys(FALLBACKS) as (keyof typeof FALLBACKS)[],
      { optional: true },
    ),
  });
}

/** The key that stands in the way of another, or nothing. Two ways to authenticate are one too many, and a certificate is of no use without its key. */
export function conflictOf(config: Config): { key: keyof Config; message: string } | undefined {
  const given = (['basic_auth', 'authorization', 'bearer_token'] as const).filter(
    (key) => config[key] !== undefined,
  );
  if (given.length > 1)
    return {
      key: given[1]!,
      message: `give at most one of basic_auth, authorization and bearer_token, not ${given.join(' and ')}`,
    };
  if (config.authorization?.type.toLowerCase() === 'basic')
    return { key: 'authorization', message: 'type "basic" is not taken; use basic_auth' };
  const tls = config.tls_config;
  if ((tls?.cert_file === undefined) !== (tls?.key_file === undefined))
    return { key: 'tls_config', message: 'cert_file and key_file go together' };
  return undefined;
}

/** How the page is fetched. */
export function clientOptions(config: Config): HttpClientOptions {
  const bearer = config.bearer_token;
  return {
    basicAuth: config.basic_auth,
    authorization: bearer === undefined ? config.authorization : { type: 'Bearer', credentials: bearer },
    tls: config.tls_config === undefined ? undefined : tlsOptions(config.tls_config),
    proxy: config.proxy_url === undefined ? undefined : { url: config.proxy_url },
    headers: config.headers,
    followRedirects: config.follow_redirects,
    keepAlive: true,
  };
}

function tlsOptions(tls: TlsConfig): TlsOptions {
  return {
    caFile: tls.ca_file,
    certFile: tls.cert_file,
    keyFile: tls.key_file,
    serverName: tls.server_name,
    insecureSkipVerify: tls.insecure_skip_verify,
    minVersion: tls.min_version,
    maxVersion: tls.max_version,
  };
}

/** The format of `fallback_scrape_protocol`. */
export function fallbackFormat(config: Config): ExpositionFormat | undefined {
  return config.fallback_scrape_protocol === undefined
    ? undefined
    : FALLBACKS[config.fallback_scrape_protocol];
}
