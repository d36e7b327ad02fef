import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type Secret, SentinelError, VERSION } from '../lib/index.js';
import { type ConnectionOptions, dropKept } from './agents.js';
import { Connections, type Way } from './connections.js';
import type { HttpClient, HttpClientOptions, HttpRequest, HttpResponse } from './http.js';
import { httpError } from './http-error.js';
import { TokenSource } from './oauth2.js';
import { type Hop, nextHop } from './redirect.js';
import type { Resolver } from './resolver.js';
import { readBody } from './response-body.js';
import { parseWrittenUrl } from './written-url.js';

const MAX_REDIRECTS = 10;

/** A proxy that does not answer a CONNECT is given up after this, also when nobody waits for it any more. */
const TUNNEL_TIMEOUT_MS = 30_000;

/** A client for one peer. Names are looked up by `resolver`; nothing is opened before the first request. */
export function createHttpClient(options: HttpClientOptions, resolver: Resolver): HttpClient {
  return new NodeHttpClient(options, resolver);
}

/** A kept connection was closed under us before one byte of the answer came. */
class StaleConnection extends Error {}

class NodeHttpClient implements HttpClient {
  readonly #options: HttpClientOptions;
  readonly #connections: Connections;
  readonly #tokens: TokenSource | undefined;

  constructor(options: HttpClientOptions, resolver: Resolver) {
    this.#options = options;
    this.#connections = new Connections(options, resolver);
    const { oauth2 } = options;
    if (oauth2 === undefined) return;
    const { tls, proxy } = oauth2;
    const toServer = { tls, proxy, keepAlive: false, followRedirects: 'same_peer' } as const;
    this.#tokens = new TokenSource(oauth2, new NodeHttpClient(toServer, resolver));
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    const url = parseWrittenUrl(request.url);
    let hop: Hop = { method: request.method, url, body: request.body, trusted: true };
    for (let redirects = 0; ; redirects++) {
      try {
        const response = await this.#exchange(hop, request);
        const next = this.#nextHop(hop, response);
        if (next === undefined) return response;
        if (redirects === MAX_REDIRECTS)
          throw new SentinelError('SEN_NET', `stopped after ${MAX_REDIRECTS} redirects`);
        hop = next;
      } catch (error) {
        if (request.signal.aborted) throw request.signal.reason;
        throw httpError(error, hop.method, hop.url.href);
      }
    }
  }

  #nextHop(hop: Hop, response: HttpResponse): Hop | undefined {
    const { followRedirects } = this.#options;
    const next = followRedirects === false ? undefined : nextHop(hop, response);
    return followRedirects === 'same_peer' && next?.trusted === false ? undefined : next;
  }

  close(): void {
    this.#connections.close();
    this.#tokens?.close();
  }

  /**
   * Sends one request. Where a kept connection turns out to have been closed by the other side, and nothing of an answer came, it is sent once more
   * on a new one: a server that closes an idle connection closes it just when we use it. The first may have been heard all the same, so that
   * this is for requests that may come twice (RFC 9110, section 9.2.2); a remote write may, where its answer was lost.
   */
  async #exchange(hop: Hop, request: HttpRequest): Promise<HttpResponse> {
    request.signal.throwIfAborted();
    const way = await this.#connections.way(hop.url);
    if (request.socketPath !== undefined) way.proxy = undefined;
    const headers = await this.#headers(hop, request, way);
    let message: IncomingMessage;
    try {
      message = await this.#send(hop, request, way, headers);
    } catch (error) {
      if (!(error instanceof StaleConnection) || request.signal.aborted) throw error;
      // The others were kept as long and are as dead.
      dropKept(way.agent);
      message = await this.#send(hop, request, way, headers);
    }
    const body = await readBody(message, request);
    request.signal.throwIfAborted();
    return {
      status: message.statusCode!,
      statusText: message.statusMessage ?? '',
      headers: flat(message.headers),
      body,
      url: hop.url.href,
    };
  }

  #send(hop: Hop, request: HttpRequest, way: Way, headers: Headers): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      // It may have been aborted while the way was made; a signal that is aborted already tells nobody.
      request.signal.throwIfAborted();
      const options: ConnectionOptions = {
        ...addressOf(hop.url, way.proxy),
        ...(request.socketPath !== undefined && { socketPath: request.socketPath }),
        method: hop.method,
        headers,
        agent: way.agent,
        connectSignal: request.signal,
        ...(way.proxy === undefined ? {} : { timeout: TUNNEL_TIMEOUT_MS }),
      };
      const secure = options.protocol === 'https:';
      const sent: ClientRequest = secure ? httpsRequest(options) : httpRequest(options);
      // Not Node's option `signal`: that costs a third of a request on a kept connection.
      const onAbort = () => sent.destroy(request.signal.reason as Error);
      request.signal.addEventListener('abort', onAbort, { once: true });
      sent.once('close', () => request.signal.removeEventListener('abort', onAbort));
      let before = 0;
      sent.once('socket', (socket) => {
        before = socket.bytesRead;
      });
      sent.once('response', resolve);
      // Stays to the end: a request that was answered early may still fail to be written.
      sent.on('error', (error: NodeJS.ErrnoException) => reject(isStale(sent, error, before) ?? error));
      sent.end(hop.body);
    });
  }

  async #headers(hop: Hop, request: HttpRequest, way: Way): Promise<Headers> {
    const headers = new Map<string, string | string[]>([
      ['user-agent', `Sentinel/${VERSION}`],
      ['accept-encoding', 'gzip, deflate'],
      ['host', hop.url.host],
    ]);
    for (const [name, value] of Object.entries(request.headers ?? {})) headers.set(name.toLowerCase(), value);
    if (hop.trusted) {
      const userinfo = userinfoHeader(hop.url);
      if (userinfo !== undefined) headers.set('authorization', userinfo);
      if (this.#tokens !== undefined) headers.set('authorization', await this.#tokens.header(request.signal));
      for (const [name, value] of configuredHeaders(this.#options)) headers.set(name, value);
    }
    if (way.proxy !== undefined && hop.url.protocol === 'http:') {
      const userinfo = userinfoHeader(way.proxy);
      if (userinfo !== undefined) headers.set('proxy-authorization', userinfo);
    }
    return Object.fromEntries(headers);
  }
}

type Headers = Record<string, string | string[]>;

/** Host, port and path; those of the proxy, with the whole URL as the path, for http through a proxy (RFC 9112, section 3.2.2). */
function addressOf(url: URL, proxy: URL | undefined): ConnectionOptions {
  if (proxy !== undefined && url.protocol === 'http:')
    return { ...hostOf(proxy), path: `http://${url.host}${url.pathname}${url.search}` };
  return { ...hostOf(url), path: `${url.pathname}${url.search}` };
}

/** Closed or reset on a connection that had served before, and without an answer. */
function isStale(
  sent: ClientRequest,
  error: NodeJS.ErrnoException,
  before: number,
): StaleConnection | undefined {
  const closed = error.code === 'ECONNRESET' || error.code === 'EPIPE';
  const unanswered = sent.socket === null || sent.socket.bytesRead === before;
  return sent.reusedSocket && closed && unanswered
    ? new StaleConnection(error.message, { cause: error })
    : undefined;
}

/** Headers and credentials of the configuration, names in lower case; secrets as their files are now. An `Authorization` among the headers wins, as in Prometheus. */
function configuredHeaders(options: HttpClientOptions): [string, string | string[]][] {
  const { authorization, basicAuth } = options;
  const headers: [string, string | string[]][] = [];
  if (authorization !== undefined)
    headers.push(['authorization', `${authorization.type} ${authorization.credentials.reveal()}`]);
  if (basicAuth !== undefined)
    headers.push(['authorization', basic(reveal(basicAuth.username), basicAuth.password?.reveal() ?? '')]);
  for (const [name, value] of Object.entries(options.headers ?? {}))
    headers.push([name.toLowerCase(), isList(value) ? value.map(reveal) : reveal(value)]);
  return headers;
}

const isList = (value: string | Secret | readonly Secret[]): value is readonly Secret[] =>
  Array.isArray(value);

function reveal(value: string | Secret): string {
  return typeof value === 'string' ? value : value.reveal();
}

/** RFC 7617. */
function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function userinfoHeader(url: URL): string | undefined {
  if (url.username === '' && url.password === '') return undefined;
  return basic(decodeURIComponent(url.username), decodeURIComponent(url.password));
}

function hostOf(url: URL): { protocol: string; host: string; port: number } {
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  return { protocol: url.protocol, host: url.hostname.replace(/^\[|\]$/g, ''), port };
}

function flat(headers: IncomingMessage['headers']): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) texts[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return texts;
}
