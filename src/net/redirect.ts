import { redactUrl, SentinelError } from '../lib/index.js';
import type { HttpResponse } from './http.js';
import { parseWrittenUrl } from './written-url.js';

/** One request of a chain of redirects. */
export interface Hop {
  method: string;
  url: URL;
  body: Uint8Array | undefined;
  /** Credentials and configured headers may be sent: it is still the peer that was configured. Once lost it stays so. */
  trusted: boolean;
}

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
const KEEPING: readonly number[] = [307, 308];

/**
 * Where an answer sends us, or `undefined` when it is the last one. GET and HEAD follow every redirect; another method follows only 307 and 308,
 * with its body: turned into a GET (as RFC 9110 allows for 301-303) it would seem delivered.
 */
export function nextHop(hop: Hop, response: HttpResponse): Hop | undefined {
  const location = response.headers.location;
  if (!REDIRECTS.includes(response.status) || location === undefined) return undefined;
  const safe = hop.method === 'GET' || hop.method === 'HEAD';
  if (!safe && !KEEPING.includes(response.status)) return undefined;
  const url = URL.canParse(location, hop.url.href) ? parseWrittenUrl(location, hop.url) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new SentinelError('SEN_NET', `cannot follow the redirect to "${redactUrl(location)}"`);
  return { method: hop.method, url, body: hop.body, trusted: hop.trusted && samePeer(hop.url, url) };
}

/** The same host and port, or the same host on its way from http to https; never from https back to http. */
function samePeer(from: URL, to: URL): boolean {
  if (from.origin === to.origin) return true;
  const defaults = from.port === '' && to.port === '';
  return defaults && from.hostname === to.hostname && from.protocol === 'http:' && to.protocol === 'https:';
}
