import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** An answer without a body of its own: status and one line of text. */
export interface Refusal {
  status: number;
  text: string;
}

/**
 * Whether a request may be looked at. A page of another site can make a browser here send requests (DNS rebinding gives it our address under its
 * own name), so the Host header must be an address, localhost or a name we were told, and a change must not come from a foreign Origin.
 */
export function refusalOf(request: IncomingMessage, names: ReadonlySet<string>): Refusal | undefined {
  const host = hostName(request.headers.host ?? '');
  if (host === undefined || (isIP(host) === 0 && host !== 'localhost' && !names.has(host)))
    return { status: 421, text: 'the Host header must be an IP address, localhost or a configured name' };
  const safe = request.method === 'GET' || request.method === 'HEAD';
  const { origin } = request.headers;
  if (!safe && origin !== undefined && !sameOrigin(origin, request.headers.host ?? ''))
    return { status: 403, text: 'requests from pages of other sites are refused' };
  if (hasBody(request)) return { status: 413, text: 'no endpoint here takes a body' };
  return undefined;
}

/** `[::1]:9872` -> `::1`, `Box.example.:80` -> `box.example`; `undefined` when the text is no host. */
function hostName(header: string): string | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/@]+))(?::\d{1,5})?$/.exec(header);
  const host = match?.[1] ?? match?.[2];
  return host?.toLowerCase().replace(/\.$/, '');
}

/** Whether the page came from this very server. `null` (a sandboxed page, a file) is foreign. */
function sameOrigin(origin: string, host: string): boolean {
  return origin.toLowerCase() === `http://${host.toLowerCase()}`;
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
