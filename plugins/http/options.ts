import { RE2JS } from 're2js';
import type { Schema, Sdk } from '../../src/sdk/index.js';

/** What a task's `config` gives. */
export type HttpConfig = ReturnType<typeof httpSchema> extends Schema<infer T> ? T : never;

/** An assertion on a header. */
export interface HeaderPattern {
  header: string;
  regexp: string;
  allow_missing: boolean;
}

const TLS_VERSIONS = ['TLS10', 'TLS11', 'TLS12', 'TLS13'] as const;

/** The task's `config`, in blackbox_exporter's words. */
export function httpSchema(sdk: Sdk) {
  const { field } = sdk;
  const pattern = (description: string) => patternField(sdk, description);
  const section = field.section('One HTTP request and what is expected of its answer.', {
    url: field.refine(field.text('URL to ask for; `http://` is put before one without a scheme.'), urlFaults),
    method: field.text('Method of the request.', {
      default: 'GET',
      pattern: /^[A-Z]+$/,
      what: 'a method such as GET',
    }),
    headers: field.map(
      'Headers of the request. Their values are never shown.',
      field.secret('Value of the header.'),
      {
        default: {},
        key: /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/,
        keyWhat: 'the name of a header',
      },
    ),
    body: field.text('Body of the request.', { default: '', empty: true }),
    valid_status_codes: field.list(
      'Accepted status codes; an empty list accepts 2xx.',
      field.integer('A status code.', { min: 100, max: 599 }),
      { default: [] },
    ),
    valid_http_versions: field.list(
      'Accepted versions of the answer; an empty list accepts all. The request is HTTP/1.1.',
      field.choice('A version.', ['HTTP/1.0', 'HTTP/1.1', 'HTTP/2', 'HTTP/2.0']),
      { default: [] },
    ),
    follow_redirects: field.flag('Follow redirects, at most 10.', { default: true }),
    fail_if_ssl: field.flag('Fail if the last request was made over TLS.', { default: false }),
    fail_if_not_ssl: field.flag('Fail if the last request was not made over TLS.', { default: false }),
    fail_if_body_matches_regexp: field.list(
      'Fail if the body matches one of these patterns (RE2).',
      pattern('A pattern.'),
      { default: [] },
    ),
    fail_if_body_not_matches_regexp: field.list(
      'Fail if the body does not match all of these patterns (RE2).',
      pattern('A pattern.'),
      { default: [] },
    ),
    fail_if_header_matches: field.list('Fail if a header matches.', headerSection(sdk), { default: [] }),
    fail_if_header_not_matches: field.list('Fail if a header does not match.', headerSection(sdk), {
      default: [],
    }),
    body_size_limit: field.size(
      'Longest accepted body, decompressed; 0 accepts any, but with body patterns 10MiB.',
      { default: '0' },
    ),
    compression: field.choice(
      'How the body must be compressed; it is decompressed before it is measured and matched.',
      ['', 'gzip', 'br', 'deflate', 'identity'],
      { default: '' },
    ),
    preferred_ip_protocol: field.choice('Address family to try first.', ['ip4', 'ip6'], { default: 'ip4' }),
    ip_protocol_fallback: field.flag(
      'Take the other family where the name has no address of the preferred one.',
      {
        default: true,
      },
    ),
    proxy_url: field.url('HTTP or HTTPS proxy to go through. It resolves the name of the target.', {
      optional: true,
    }),
    ...credentialFields(sdk),
    tls_config: tlsSection(sdk),
  });
  return field.refine(section, crossFaults);
}

function credentialFields({ field }: Sdk) {
  return {
    basic_auth: field.section(
      'Credentials for basic authentication.',
      {
        username: field.text('User name.'),
        password: field.secret('Password.', { optional: true }),
      },
      { optional: true },
    ),
    authorization: field.section(
      'The Authorization header.',
      {
        type: field.text('Authentication type.', { default: 'Bearer' }),
        credentials: field.secret('Credentials.'),
      },
      { optional: true },
    ),
    bearer_token: field.secret('Short for an authorization of type Bearer.', { optional: true }),
  };
}

function tlsSection({ field }: Sdk) {
  const file = { optional: true, pattern: /^\//, what: 'an absolute path' } as const;
  return field.section(
    'TLS of the target.',
    {
      ca_file: field.text('Certificates to trust (PEM) instead of those of the system.', file),
      cert_file: field.text('Certificate of this client (PEM).', file),
      key_file: field.text('Key of the certificate (PEM).', file),
      server_name: field.text('Name to ask for and to find in the certificate, instead of that of the URL.', {
        optional: true,
      }),
      insecure_skip_verify: field.flag('Accept any certificate.', { default: false }),
      min_version: field.choice('Oldest version of TLS.', TLS_VERSIONS, { default: 'TLS12' }),
      max_version: field.choice('Newest version of TLS.', TLS_VERSIONS, { default: 'TLS13' }),
    },
    { default: {} },
  );
}

function headerSection(sdk: Sdk) {
  const { field } = sdk;
  return field.section('An assertion on a header.', {
    header: field.text('Name of the header.'),
    regexp: patternField(sdk, 'Pattern for its value (RE2).'),
    allow_missing: field.flag('An absent header is no failure.', { default: false }),
  });
}

type Faults = readonly { path: readonly (string | number)[]; message: string }[];

function patternField({ field }: Sdk, description: string): Schema<string> {
  return field.refine(field.text(description, { empty: true }), (text) => {
    try {
      RE2JS.compile(text);
      return [];
    } catch (error) {
      return [{ path: [], message: error instanceof Error ? error.message : String(error) }];
    }
  });
}

/** The URL with its scheme; without one it is http, as blackbox_exporter has it. */
export function withScheme(url: string): string {
  return /^https?:\/\//i.test(url) ? url : `http://${url}`;
}

function urlFaults(text: string): Faults {
  const foreign = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) && withScheme(text) !== text;
  const url = withScheme(text);
  // The parser skips slashes: `http:///path`, as an empty variable leaves it, would be the host "path".
  if (!foreign && !/^https?:\/\/[/\\]/i.test(url) && URL.canParse(url) && new URL(url).hostname !== '')
    return [];
  return [{ path: [], message: 'expected a URL such as https://host/path' }];
}

/** What no key alone shows. */
function crossFaults(config: {
  fail_if_ssl: boolean;
  fail_if_not_ssl: boolean;
  valid_http_versions: readonly string[];
  basic_auth?: unknown;
  authorization?: { type: string } | undefined;
  bearer_token?: unknown;
  tls_config: { cert_file?: string | undefined; key_file?: string | undefined };
}): Faults {
  const { basic_auth, authorization, bearer_token, tls_config, valid_http_versions } = config;
  const faults: { path: string[]; message: string }[] = [];
  if (config.fail_if_ssl && config.fail_if_not_ssl)
    faults.push({ path: ['fail_if_ssl'], message: 'cannot hold together with fail_if_not_ssl' });
  if ([basic_auth, authorization, bearer_token].filter((given) => given !== undefined).length > 1)
    faults.push({ path: [], message: 'give at most one of basic_auth, authorization and bearer_token' });
  if (authorization?.type.toLowerCase() === 'basic')
    faults.push({ path: ['authorization', 'type'], message: 'use basic_auth for type Basic' });
  if ((tls_config.cert_file === undefined) !== (tls_config.key_file === undefined))
    faults.push({ path: ['tls_config'], message: 'give both cert_file and key_file, or neither' });
  if (valid_http_versions.length > 0 && !valid_http_versions.some((version) => version.startsWith('HTTP/1.')))
    faults.push({
      path: ['valid_http_versions'],
      message: 'the request is HTTP/1.1; accept a version HTTP/1.x',
    });
  return faults;
}
