import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { Result, Run } from '../../src/sdk/index.js';
import { addressHash, resolveFirst } from './address.js';
import { openTcp, openTls, openTunnel } from './connection.js';
import { Cookies } from './cookies.js';
import { exchange, type Message, readBody } from './exchange.js';
import { Failure } from './failure.js';
import { judge } from './judge.js';
import { Sightings } from './metrics.js';
import { basicOf, type HttpTask } from './task.js';

const MAX_REDIRECTS = 10;

/** One request of a chain of redirects. */
interface Hop {
  url: URL;
  method: string;
  body: string;
  /** It is the configured host: credentials, configured headers and `server_name` are for it. Once lost it stays so. */
  trusted: boolean;
}

/** One run: request, redirects, answer, verdict. Throws only what is not the target's fault. */
export async function probe(task: HttpTask, run: Run): Promise<Result> {
  const sightings = new Sightings();
  try {
    const evidence = await follow(task, run.signal, sightings);
    return { ok: true, samples: sightings.samples(), evidence };
  } catch (error) {
    if (run.signal.aborted) return failed(sightings, new Failure('timeout', timeoutLine(sightings)));
    if (error instanceof Failure) return failed(sightings, error);
    throw error;
  }
}

function failed(sightings: Sightings, failure: Failure): Result {
  return { ok: false, reason: failure.reason, samples: sightings.samples(), evidence: failure.message };
}

function timeoutLine({ status, last }: Sightings): string {
  if (status !== 0) return `HTTP ${status}, not read to its end in time`;
  return last === undefined
    ? 'no address in time'
    : `no answer in time; the last phase that ended was ${last}`;
}

async function follow(task: HttpTask, signal: AbortSignal, sightings: Sightings): Promise<string> {
  let hop: Hop = { url: task.url, method: task.method, body: task.body, trusted: true };
  const cookies = new Cookies();
  for (;;) {
    signal.throwIfAborted();
    const socket = await connect(task, hop, signal, sightings);
    try {
      const response = await exchange(socket, messageOf(task, hop, cookies.header(hop.url)));
      sightings.end('processing');
      const next = redirectOf(response, hop);
      if (next === undefined) return await finish(task, hop, response, sightings);
      sightings.redirects++;
      if (!task.followRedirects || sightings.redirects > MAX_REDIRECTS)
        return unfollowed(task, hop, response, sightings);
      cookies.learn(hop.url, response.headers['set-cookie']);
      hop = next;
    } finally {
      socket.destroy();
    }
  }
}

/** Name, connection and TLS of a hop, each with its time. */
async function connect(task: HttpTask, hop: Hop, signal: AbortSignal, sightings: Sightings): Promise<Socket> {
  sightings.tls = [];
  const target = { host: bareHost(hop.url), port: portOf(hop.url) };
  const peer = task.proxy === undefined ? target : { host: bareHost(task.proxy), port: portOf(task.proxy) };
  const first = sightings.redirects === 0 && task.proxy === undefined;
  if (first) sightings.address = { lookupMs: 0, protocol: 0, hash: 0 };
  // Before the clock starts: to read the certificates of a system takes longer than a handshake.
  if (hop.url.protocol === 'https:' || task.proxy?.protocol === 'https:') contextOf(task);
  sightings.start();
  const address = await resolveFirst(task.resolver, peer.host, task.family, signal);
  const lookupMs = sightings.end('resolve');
  if (first) sightings.address = { lookupMs, protocol: address.family, hash: addressHash(address.address) };
  let socket = await openTcp(address, peer.port, signal);
  try {
    sightings.end('connect');
    if (task.proxy?.protocol === 'https:') socket = await secure(task, socket, peer.host, sightings);
    if (hop.url.protocol === 'http:') return socket;
    if (task.proxy !== undefined) {
      await openTunnel(socket, target, task.proxy.username === '' ? undefined : basicOf(task.proxy));
      sightings.end('connect');
    }
    return await secure(task, socket, serverName(task, hop), sightings);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function secure(task: HttpTask, socket: Socket, name: string, sightings: Sightings): Promise<Socket> {
  try {
    const { insecure, seen } = task.tls;
    return await openTls(socket, { context: contextOf(task), name, insecure, seen }, sightings);
  } finally {
    sightings.end('tls');
  }
}

/** The certificates as their files are now; a Failure when one cannot be read. */
function contextOf(task: HttpTask): SecureContext {
  try {
    return task.tls.context.current();
  } catch (error) {
    const { message, cause } = error as Error;
    throw new Failure('tls', cause instanceof Error ? `${message}: ${cause.message}` : message);
  }
}

/** A configured `Host` header names the server better than an address does. */
function serverName(task: HttpTask, hop: Hop): string {
  if (!hop.trusted) return bareHost(hop.url);
  if (task.tls.serverName !== undefined) return task.tls.serverName;
  const host = task.headers.host;
  return host !== undefined && URL.canParse(`https://${host}`)
    ? bareHost(new URL(`https://${host}`))
    : bareHost(hop.url);
}

function messageOf(task: HttpTask, hop: Hop, cookie: string | undefined): Message {
  const own = hop.trusted ? task.headers : headersForOthers(task);
  const headers: Record<string, string> = { host: hop.url.host, ...own };
  if (cookie !== undefined)
    headers.cookie = headers.cookie === undefined ? cookie : `${headers.cookie}; ${cookie}`;
  const plainProxy = hop.url.protocol === 'http:' ? task.proxy : undefined;
  if (plainProxy !== undefined && plainProxy.username !== '')
    headers['proxy-authorization'] = basicOf(plainProxy);
  const path = `${hop.url.pathname}${hop.url.search}`;
  return {
    method: hop.method,
    path: plainProxy === undefined ? path : `http://${hop.url.host}${path}`,
    headers,
    body: hop.body,
  };
}

/** What another host than the configured one gets: enough to answer in the way that is read here. */
function headersForOthers({ headers, bodyRules }: HttpTask): Record<string, string> {
  const own = { 'user-agent': headers['user-agent']! };
  return bodyRules.compression === '' ? own : { ...own, 'accept-encoding': bodyRules.compression };
}

/** Where an answer sends us: as a browser and blackbox_exporter do, 301-303 turn everything but HEAD into a GET. */
function redirectOf(response: IncomingMessage, hop: Hop): Hop | undefined {
  const { location } = response.headers;
  const status = response.statusCode!;
  if (![301, 302, 303, 307, 308].includes(status) || location === undefined) return undefined;
  const url = URL.canParse(location, hop.url.href) ? new URL(location, hop.url) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new Failure('parse', `HTTP ${status} to a place that is no http URL`);
  const kept = status >= 307;
  return {
    url,
    method: kept || hop.method === 'HEAD' ? hop.method : 'GET',
    body: kept ? hop.body : '',
    trusted: hop.trusted && samePeer(hop.url, url),
  };
}

/** The same host and port, or the same host from http to https; never from https back to http. */
function samePeer(from: URL, to: URL): boolean {
  if (from.origin === to.origin) return true;
  const defaults = from.port === '' && to.port === '';
  return defaults && from.hostname === to.hostname && from.protocol === 'http:' && to.protocol === 'https:';
}

/** A redirect that is not followed is the answer; like blackbox_exporter its body is not read. */
function unfollowed(task: HttpTask, hop: Hop, response: IncomingMessage, sightings: Sightings): string {
  see(response, hop, sightings);
  sightings.end('transfer');
  return judge(task, response, undefined, sightings);
}

async function finish(
  task: HttpTask,
  hop: Hop,
  response: IncomingMessage,
  sightings: Sightings,
): Promise<string> {
  see(response, hop, sightings);
  const body = await readBody(response, task.bodyRules);
  sightings.end('transfer');
  sightings.bodyLength = body.length;
  return judge(task, response, body, sightings);
}

function see(response: IncomingMessage, hop: Hop, sightings: Sightings): void {
  sightings.status = response.statusCode!;
  sightings.version = Number(response.httpVersion);
  sightings.ssl = hop.url.protocol === 'https:';
  sightings.contentLength = announcedLength(response, hop.method);
  const modified = Date.parse(response.headers['last-modified'] ?? '');
  if (!Number.isNaN(modified)) sightings.lastModifiedSeconds = modified / 1000;
}

/** -1 when it is not known before the end, 0 where there can be no body (RFC 9112, section 6.3). */
function announcedLength(response: IncomingMessage, method: string): number {
  const status = response.statusCode!;
  const announced = response.headers['content-length'];
  if (method !== 'HEAD' && (status === 204 || status === 304)) return 0;
  if (announced === undefined || response.headers['transfer-encoding'] !== undefined) return -1;
  return Number(announced);
}

function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}
