import { type Clock, errorLine, formatSize, SentinelError, startDeadline } from '../lib/index.js';
import type { HttpClient, HttpResponse } from '../net/index.js';
import type { PageShare } from './page-memory.js';
import type { ScrapeConfig, ScrapeLimits, ScrapeProtocol } from './scrape-config.js';

/**
 * The largest page where the configuration names no limit, as in vmagent. A page is held whole until it is read, and its series cost several times its bytes:
 * larger ones fit the memory of a unit (960 MiB) only one or two at a time, and are asked for by name.
 */
const DEFAULT_PAGE_BYTES = 16 * 2 ** 20;

/** No page is larger, whatever the configuration says: the agent shares its host. */
const MAX_PAGE_BYTES = 256 * 2 ** 20;

/** Why a target gave no page. `body_size` and `max_scrape_size` are limits of the configuration, or ours; `page_memory` is what other pages hold. */
export type FetchFailure =
  | 'resolve'
  | 'connect'
  | 'tls'
  | 'timeout'
  | 'status'
  | 'body_size'
  | 'max_scrape_size'
  | 'page_memory';

/** What a target answered: a page, or an error in the words of Prometheus where it has any. */
export type Fetched =
  | { page: Buffer; contentType: string }
  | { page: undefined; reason: FetchFailure; error: string };

/** What a fetch needs. */
interface FetchParts {
  client: HttpClient;
  clock: Clock;
  url: string;
  socketPath?: string | undefined;
  /** That of the target. */
  config: ScrapeConfig;
  /** Where the page is held; given back by the caller when it has been read. */
  memory: PageShare;
  /** Ends it without a result. */
  signal: AbortSignal;
}

const NO_MEMORY =
  'there is no memory for this page beside other large ones; spread them (scrape_offset), or make them smaller';

/** The deadline of one exchange has passed. */
class DeadlineError extends Error {}

/** Asks a target for its page. One deadline, the scrape timeout, bounds connect, headers and body, until its last byte is here. Throws the reason of an aborted signal, and nothing else. */
export async function fetchPage(parts: FetchParts): Promise<Fetched> {
  const { client, clock, url, socketPath, config, memory, signal } = parts;
  signal.throwIfAborted();
  const exchange = new AbortController();
  const onAbort = () => exchange.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const endDeadline = startDeadline(clock, config.timeoutMs, () => exchange.abort(new DeadlineError()));
  try {
    const response = await client.request({
      method: 'GET',
      url,
      ...(socketPath === undefined ? {} : { socketPath }),
      headers: requestHeaders(config),
      signal: exchange.signal,
      maxBodyBytes: pageLimit(config.limits).bytes,
      hold: (bytes) => memory.hold(bytes),
      onReceived: endDeadline,
      bodyOfStatus: 200,
      onlyGzip: true,
    });
    return fetched(response);
  } catch (error) {
    signal.throwIfAborted();
    if (memory.isRefused) return { page: undefined, reason: 'page_memory', error: NO_MEMORY };
    return { page: undefined, ...failureOf(error, config.limits) };
  } finally {
    endDeadline();
    signal.removeEventListener('abort', onAbort);
  }
}

function fetched({ status, statusText, body, headers }: HttpResponse): Fetched {
  if (status === 200) return { page: body, contentType: headers['content-type'] ?? '' };
  const error = `server returned HTTP status ${status} ${statusText}`.trimEnd();
  return { page: undefined, reason: 'status', error };
}

function failureOf(error: unknown, limits: ScrapeLimits): { reason: FetchFailure; error: string } {
  if (error instanceof DeadlineError) return { reason: 'timeout', error: 'context deadline exceeded' };
  const code = error instanceof SentinelError ? error.code : undefined;
  if (code === 'SEN_LIMIT') return pageLimit(limits);
  const reason = code === 'SEN_RESOLVE' ? 'resolve' : code === 'SEN_TLS' ? 'tls' : 'connect';
  return { reason, error: errorLine(error) };
}

/**
 * The limit that a page meets first, and what is said when it does. Prometheus's `body_size_limit` fails a page of exactly that size too; where it is set, a
 * page may be as large as it says.
 */
function pageLimit({ bodySizeBytes, maxScrapeBytes }: ScrapeLimits) {
  const own = maxScrapeBytes || (bodySizeBytes > 0 ? MAX_PAGE_BYTES : DEFAULT_PAGE_BYTES);
  const limit = Math.min(own, MAX_PAGE_BYTES);
  if (bodySizeBytes > 0 && bodySizeBytes - 1 <= limit)
    return { bytes: bodySizeBytes - 1, reason: 'body_size', error: 'body size limit exceeded' } as const;
  const remedy = own < MAX_PAGE_BYTES ? ' (max_scrape_size)' : '';
  const error = `the page is longer than ${formatSize(limit)}${remedy}`;
  return { bytes: limit, reason: 'max_scrape_size', error } as const;
}

const MEDIA_TYPES: Readonly<Record<ScrapeProtocol, string>> = {
  PrometheusProto:
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
  'OpenMetricsText0.0.1': 'application/openmetrics-text;version=0.0.1',
  'OpenMetricsText1.0.0': 'application/openmetrics-text;version=1.0.0',
  'PrometheusText0.0.4': 'text/plain;version=0.0.4',
  'PrometheusText1.0.0': 'text/plain;version=1.0.0',
};

const ESCAPED: readonly ScrapeProtocol[] = ['OpenMetricsText1.0.0', 'PrometheusText1.0.0'];

/** Weight of the format that is asked for first, in tenths. */
const FIRST_WEIGHT = 6;

/** The Accept header, as Prometheus writes it: weights fall from 0.6, and only the two texts of version 1.0.0 name the escaping. */
export function acceptHeader({
  protocols,
  escapingScheme,
}: Pick<ScrapeConfig, 'protocols' | 'escapingScheme'>): string {
  const types = protocols.map((protocol) =>
    ESCAPED.includes(protocol)
      ? `${MEDIA_TYPES[protocol]};escaping=${escapingScheme}`
      : MEDIA_TYPES[protocol],
  );
  return [...types, '*/*'].map((type, i) => `${type};q=0.${FIRST_WEIGHT - i}`).join(',');
}

/** Made once for a configuration. */
const headersOf = new WeakMap<ScrapeConfig, Readonly<Record<string, string>>>();

/** Headers of a scrape, but those that the configuration of the client sets. */
function requestHeaders(config: ScrapeConfig): Readonly<Record<string, string>> {
  const made = headersOf.get(config) ?? makeHeaders(config);
  headersOf.set(config, made);
  return made;
}

function makeHeaders(config: ScrapeConfig): Record<string, string> {
  const headers: Record<string, string> = {
    accept: acceptHeader(config),
    'accept-encoding': config.compression ? 'gzip' : 'identity',
    'x-prometheus-scrape-timeout-seconds': String(config.timeoutMs / 1000),
  };
  for (const name of Object.keys(config.http.headers ?? {})) delete headers[name.toLowerCase()];
  return headers;
}
