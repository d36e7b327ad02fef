import { type Clock, errorLine, formatSize, SentinelError } from '../lib/index.js';
import type { HttpClient, HttpResponse } from '../net/index.js';
import type { ScrapeConfig, ScrapeLimits, ScrapeProtocol } from './scrape-config.js';

/** No page is larger, whatever the configuration says: the agent shares its host. */
const MAX_PAGE_BYTES = 256 * 2 ** 20;

/** Why a target gave no page. `body_size` and `max_scrape_size` are limits of the configuration, or ours. */
export type FetchFailure =
  | 'resolve'
  | 'connect'
  | 'tls'
  | 'timeout'
  | 'status'
  | 'body_size'
  | 'max_scrape_size';

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
  /** Ends it without a result. */
  signal: AbortSignal;
}

/** The deadline of one exchange has passed. */
class DeadlineError extends Error {}

/** Asks a target for its page. One deadline, the scrape timeout, bounds connect, headers and body. Throws the reason of an aborted signal, and nothing else. */
export async function fetchPage(parts: FetchParts): Promise<Fetched> {
  const { client, clock, url, socketPath, config, signal } = parts;
  signal.throwIfAborted();
  const exchange = new AbortController();
  const onAbort = () => exchange.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const deadline = clock.after(config.timeoutMs, () => exchange.abort(new DeadlineError()));
  try {
    const response = await client.request({
      method: 'GET',
      url,
      ...(socketPath === undefined ? {} : { socketPath }),
      headers: requestHeaders(config),
      signal: exchange.signal,
      maxBodyBytes: pageLimit(config.limits).bytes,
      bodyOfStatus: 200,
      onlyGzip: true,
    });
    return fetched(response);
  } catch (error) {
    signal.throwIfAborted();
    return { page: undefined, ...failureOf(error, config.limits) };
  } finally {
    deadline.cancel();
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

/** The limit that a page meets first, and what is said when it does. Prometheus's `body_size_limit` fails a page of exactly that size too. */
function pageLimit({ bodySizeBytes, maxScrapeBytes }: ScrapeLimits) {
  const limit = maxScrapeBytes > 0 ? Math.min(maxScrapeBytes, MAX_PAGE_BYTES) : MAX_PAGE_BYTES;
  if (bodySizeBytes > 0 && bodySizeBytes - 1 <= limit)
    return { bytes: bodySizeBytes - 1, reason: 'body_size', error: 'body size limit exceeded' } as const;
  const remedy = limit === maxScrapeBytes ? ' (max_scrape_size)' : '';
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

/** Headers of a scrape, but those that the configuration of the client sets. */
function requestHeaders(config: ScrapeConfig): Record<string, string> {
  const headers: Record<string, string> = {
    accept: acceptHeader(config),
    'accept-encoding': config.compression ? 'gzip' : 'identity',
    'x-prometheus-scrape-timeout-seconds': String(config.timeoutMs / 1000),
  };
  for (const name of Object.keys(config.http.headers ?? {})) delete headers[name.toLowerCase()];
  return headers;
}
