import { RE2JS } from 're2js';
import type { Resolver, Sdk, Secret, TlsContext } from '../../src/sdk/index.js';
import type { FamilyChoice } from './address.js';
import type { BodyRules } from './exchange.js';
import { type HeaderPattern, type HttpConfig, withScheme } from './options.js';
import { SeenChains } from './seen-chain.js';

/** A compiled assertion on a header. */
export interface HeaderRule {
  header: string;
  regexp: RE2JS;
  allowMissing: boolean;
}

/** A task, compiled: no option is looked at while it runs. */
export interface HttpTask {
  resolver: Resolver;
  url: URL;
  method: string;
  body: string;
  /** Names in lower case; credentials among them. For the configured host only. */
  headers: Readonly<Record<string, string>>;
  family: FamilyChoice;
  followRedirects: boolean;
  proxy: URL | undefined;
  tls: { context: TlsContext; serverName: string | undefined; insecure: boolean; seen: SeenChains };
  acceptsStatus(status: number): boolean;
  acceptsVersion(version: string): boolean;
  failIfSsl: boolean;
  failIfNotSsl: boolean;
  bodyRules: BodyRules;
  bodyMustNotMatch: readonly RE2JS[];
  bodyMustMatch: readonly RE2JS[];
  headerMustNotMatch: readonly HeaderRule[];
  headerMustMatch: readonly HeaderRule[];
}

/** What body patterns look at is held in memory: at most this where the task sets no limit. */
const KEPT_BYTES = 10 * 2 ** 20;

/** Compiles the options of a task. */
export function compileTask(sdk: Sdk, config: HttpConfig, resolver: Resolver): HttpTask {
  const { valid_status_codes: codes, valid_http_versions: versions, tls_config: tls } = config;
  const url = new URL(withScheme(config.url));
  const statuses = new Set(codes);
  const context = sdk.createTlsContext({
    caFile: tls.ca_file,
    certFile: tls.cert_file,
    keyFile: tls.key_file,
    insecureSkipVerify: tls.insecure_skip_verify,
    minVersion: tls.min_version,
    maxVersion: tls.max_version,
  });
  return {
    resolver,
    url,
    method: config.method,
    body: config.body,
    // Made for each run: a secret's file may have changed.
    get headers() {
      return requestHeaders(config, url);
    },
    family: { preferred: config.preferred_ip_protocol, fallback: config.ip_protocol_fallback },
    followRedirects: config.follow_redirects,
    proxy: config.proxy_url === undefined ? undefined : new URL(config.proxy_url),
    tls: {
      context,
      serverName: tls.server_name,
      insecure: tls.insecure_skip_verify,
      seen: new SeenChains(),
    },
    acceptsStatus: (status) => (codes.length === 0 ? status >= 200 && status < 300 : statuses.has(status)),
    acceptsVersion: (version) => versions.length === 0 || versions.some((one) => one === version),
    failIfSsl: config.fail_if_ssl,
    failIfNotSsl: config.fail_if_not_ssl,
    bodyRules: bodyRules(config),
    bodyMustNotMatch: config.fail_if_body_matches_regexp.map((text) => RE2JS.compile(text)),
    bodyMustMatch: config.fail_if_body_not_matches_regexp.map((text) => RE2JS.compile(text)),
    headerMustNotMatch: config.fail_if_header_matches.map(headerRule),
    headerMustMatch: config.fail_if_header_not_matches.map(headerRule),
  };
}

function bodyRules(config: HttpConfig): BodyRules {
  const keep = config.fail_if_body_matches_regexp.length + config.fail_if_body_not_matches_regexp.length > 0;
  const limit = config.body_size_limit === 0 ? (keep ? KEPT_BYTES : Infinity) : config.body_size_limit;
  return { compression: config.compression, limit, keep };
}

function headerRule(pattern: HeaderPattern): HeaderRule {
  return {
    header: pattern.header.toLowerCase(),
    regexp: RE2JS.compile(pattern.regexp),
    allowMissing: pattern.allow_missing,
  };
}

function requestHeaders(config: HttpConfig, url: URL): Record<string, string> {
  const headers: Record<string, string> = { 'user-agent': 'Sentinel' };
  if (config.compression !== '') headers['accept-encoding'] = config.compression;
  if (url.username !== '' || url.password !== '') headers.authorization = basicOf(url);
  const { basic_auth: basic, authorization, bearer_token: token } = config;
  if (basic !== undefined) headers.authorization = basicHeader(basic.username, basic.password);
  if (authorization !== undefined)
    headers.authorization = `${authorization.type} ${authorization.credentials.reveal()}`;
  if (token !== undefined) headers.authorization = `Bearer ${token.reveal()}`;
  for (const [name, value] of Object.entries(config.headers)) headers[name.toLowerCase()] = value.reveal();
  return headers;
}

/** The header for the userinfo of a URL (RFC 7617). */
export function basicOf(url: URL): string {
  return encodeBasic(decodeURIComponent(url.username), decodeURIComponent(url.password));
}

function basicHeader(username: string, password: Secret | undefined): string {
  return encodeBasic(username, password?.reveal() ?? '');
}

function encodeBasic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
