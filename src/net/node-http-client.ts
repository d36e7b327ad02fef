import { type Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { SecureContext } from 'node:tls';
import { type Secret, SentinelError, VERSION } from '../lib/index.js';
import {
  type ConnectionOptions,
  createHttpAgent,
  createHttpsAgent,
  createTunnelAgent,
  dropKept,
  lookupBy,
  retire,
} from './agents.js';
import type { HttpClient, HttpClientOptions, HttpRequest, HttpResponse } from './http.js';
import { httpError } from './http-error.js';
import { type Hop, nextHop } from './redirect.js';
import type { Resolver } from './resolver.js';
import { readBody } from './response-body.js';
import { createTlsContext, type TlsContext } from './tls-context.js';

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
  readonly #lookup: LookupFunction;
  readonly #tls: TlsContext;
  readonly #proxy: URL | undefined;
  #http: Agent | undefined;
  #https: { context: SecureContext; agent: Promise<Agent> } | undefined;
  #proxyTls: { context: SecureContext; agent: Agent } | undefined;

  constructor(options: HttpClientOptions, resolver: Resolver) {
    this.#options = options;
    this.#lookup = lookupBy(resolver);
    this.#tls = createTlsContext(options.tls ?? {});
    this.#proxy = options.proxyUrl === undefined ? undefined : new URL(options.proxyUrl);
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    let hop: Hop = { method: request.method, url: new URL(request.url), body: request.body, trusted: true };
    for (let redirects = 0; ; redirects++) {
      try {
        const response = await this.#exchange(hop, request);
        const next = this.#options.followRedirects === false ? undefined : nextHop(hop, response);
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

  close(): void {
    this.#http?.destroy();
    this.#proxyTls?.agent.destroy();
    this.#https?.agent.then(
      (agent) => agent.destroy(),
      () => undefined,
    );
  }

  /**
   * Sends one request. Where a kept connection turns out to have been closed by the other side, and nothing of an answer came, it is sent once more
   * on a new one: a server that closes an idle connection closes it just when we use it. The first may have been heard all the same, so that
   * this is for requests that may come twice (RFC 9110, section 9.2.2); a remote write may, where its answer was lost.
   */
  async #exchange(hop: Hop, request: HttpRequest): Promise<HttpResponse> {
    request.signal.throwIfAborted();
    const agent = await this.#agentFor(hop.url);
    let message: IncomingMessage;
    try {
      message = await this.#send(hop, request, agent);
    } catch (error) {
      if (!(error instanceof StaleConnection) || request.signal.aborted) throw error;
      // The others were kept as long and are as dead.
      dropKept(agent);
      message = await this.#send(hop, request, agent);
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

  #send(hop: Hop, request: HttpRequest, agent: Agent): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const options: ConnectionOptions = {
        ...this.#address(hop),
        method: hop.method,
        headers: this.#headers(hop, request),
        agent,
        connectSignal: request.signal,
        ...(this.#proxy === undefined ? {} : { timeout: TUNNEL_TIMEOUT_MS }),
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

  /** Host, port and path; those of the proxy, with the whole URL as the path, for http through a proxy (RFC 9112, section 3.2.2). */
  #address(hop: Hop): ConnectionOptions {
    const { url } = hop;
    if (this.#proxy !== undefined && url.protocol === 'http:') {
      return { ...hostOf(this.#proxy), path: `http://${url.host}${url.pathname}${url.search}` };
    }
    return { ...hostOf(url), path: `${url.pathname}${url.search}` };
  }

  #headers(hop: Hop, request: HttpRequest): Record<string, string> {
    const headers = new Map<string, string>([
      ['user-agent', `Sentinel/${VERSION}`],
      ['accept-encoding', 'gzip, deflate'],
      ['host', hop.url.host],
    ]);
    if (hop.trusted) {
      const userinfo = userinfoHeader(hop.url);
      if (userinfo !== undefined) headers.set('authorization', userinfo);
      for (const [name, value] of configuredHeaders(this.#options)) headers.set(name, value);
    }
    for (const [name, value] of Object.entries(request.headers ?? {})) headers.set(name.toLowerCase(), value);
    if (this.#proxy !== undefined && hop.url.protocol === 'http:') {
      const userinfo = userinfoHeader(this.#proxy);
      if (userinfo !== undefined) headers.set('proxy-authorization', userinfo);
    }
    return Object.fromEntries(headers);
  }

  async #agentFor(url: URL): Promise<Agent> {
    if (url.protocol === 'https:') return await this.#httpsAgent();
    if (this.#proxy?.protocol === 'https:') return this.#httpsProxyAgent(this.#proxy);
    const { keepAlive, maxConnections } = this.#options;
    this.#http ??= createHttpAgent({ keepAlive, maxConnections, lookup: this.#lookup });
    return this.#http;
  }

  /** A new one when the certificates changed: connections made with the old ones are used no more. */
  #httpsAgent(): Promise<Agent> {
    const context = this.#tls.current();
    if (this.#https?.context !== context) {
      this.#https?.agent.then(retire, () => undefined);
      const settings = this.#tlsSettings(context, this.#options.tls?.serverName);
      const agent =
        this.#proxy === undefined
          ? Promise.resolve(createHttpsAgent(settings))
          : createTunnelAgent(settings, this.#proxy);
      this.#https = { context, agent };
    }
    return this.#https.agent;
  }

  #httpsProxyAgent(proxy: URL): Agent {
    const context = this.#tls.current();
    if (this.#proxyTls?.context !== context) {
      if (this.#proxyTls !== undefined) retire(this.#proxyTls.agent);
      this.#proxyTls = { context, agent: createHttpsAgent(this.#tlsSettings(context, hostOf(proxy).host)) };
    }
    return this.#proxyTls.agent;
  }

  #tlsSettings(secureContext: SecureContext, serverName: string | undefined) {
    const { keepAlive, maxConnections, tls } = this.#options;
    const rejectUnauthorized = tls?.insecureSkipVerify !== true;
    return {
      keepAlive,
      maxConnections,
      lookup: this.#lookup,
      secureContext,
      rejectUnauthorized,
      serverName,
    };
  }
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
function configuredHeaders(options: HttpClientOptions): [string, string][] {
  const { authorization, basicAuth } = options;
  const headers: [string, string][] = [];
  if (authorization !== undefined)
    headers.push(['authorization', `${authorization.type} ${authorization.credentials.reveal()}`]);
  if (basicAuth !== undefined)
    headers.push(['authorization', basic(reveal(basicAuth.username), basicAuth.password?.reveal() ?? '')]);
  for (const [name, value] of Object.entries(options.headers ?? {}))
    headers.push([name.toLowerCase(), reveal(value)]);
  return headers;
}

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
