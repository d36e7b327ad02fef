import { redactUrl, SentinelError } from '../lib/index.js';
import type { HttpClient, HttpClientOptions, HttpResponse } from '../net/index.js';
import type { HttpDiscovery } from './discovery-config.js';
import { parseJson } from './json-list.js';
import type { Answer, Source } from './source.js';
import { MAX_LIST_BYTES, TargetList } from './target-list.js';

/** What Prometheus takes for JSON: no other charset, no other parameter, not even a semicolon at the end. */
const JSON_TYPE = /^application\/json(?:;\s*charset=(?:"utf-8"|utf-8))?$/i;

/** Asks a server for a list of target groups, by the contract of Prometheus's HTTP service discovery. */
export class HttpSource implements Source {
  readonly timeoutMs: number;
  readonly #config: HttpDiscovery;
  readonly #client: HttpClient;
  readonly #list: TargetList;

  constructor(config: HttpDiscovery, createHttpClient: (options: HttpClientOptions) => HttpClient) {
    this.timeoutMs = config.refreshMs;
    this.#config = config;
    this.#client = createHttpClient(config.http);
    const label = { __meta_url: withoutUserinfo(config.url) };
    this.#list = new TargetList({ source: label.__meta_url, label });
  }

  async read(signal: AbortSignal): Promise<Answer> {
    const { url, refreshMs } = this.#config;
    const response = await this.#client.request({
      method: 'GET',
      url,
      headers: {
        accept: 'application/json',
        'accept-encoding': 'identity',
        'x-prometheus-refresh-interval-seconds': String(refreshMs / 1000),
      },
      signal,
      maxBodyBytes: MAX_LIST_BYTES,
      bodyOfStatus: 200,
    });
    try {
      requireJson(response);
      return new Map([[url, await this.#list.read(response.body, parseJson)]]);
    } catch (error) {
      throw new SentinelError('SEN_DISCOVERY', `cannot use the answer of ${redactUrl(url)}`, {
        cause: error,
      });
    }
  }

  close(): void {
    this.#client.close();
  }
}

function requireJson({ status, statusText, headers }: HttpResponse): void {
  if (status !== 200)
    throw new SentinelError('SEN_DISCOVERY', `expected status 200, got ${`${status} ${statusText}`.trim()}`);
  const type = (headers['content-type'] ?? '').trim();
  if (!JSON_TYPE.test(type))
    throw new SentinelError(
      'SEN_DISCOVERY',
      `expected content type "application/json", got ${JSON.stringify(type.slice(0, 100))}`,
    );
}

/** The URL as it is configured, for a label that everybody may see: without user name and password. */
function withoutUserinfo(url: string): string {
  return url.replace(/^([^:]*:\/\/)[^/?#]*@/, '$1<secret>@');
}
