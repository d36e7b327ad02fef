import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { isAdmitted } from './basic-auth.js';
import type { Credentials } from './options.js';

/** An answer without a body of its own: status and one line of text. */
export interface Refusal {
  status: number;
  text: string;
}

/** Who may ask, and under which names. */
export interface Guards {
  /** Whether a Host header of this name (lower case) is one of ours. */
  isOurName: (name: string) => boolean;
  /** `undefined` = everybody. */
  basicAuth: Credentials | undefined;
  scheme: 'http' | 'https';
}

/** The one path that needs no password. */
const OPEN_PATH = '/-/healthy';

/**
 * Whether a request may be looked at. A page of another site can make a browser here send requests (DNS rebinding gives it our address under its
 * own name), so the Host header must be an address, localhost or a name we were told, and a change must not come from a foreign Origin.
 */
export function refusalOf(request: IncomingMessage, guards: Guards): Refusal | undefined {
  const { host = '', origin, authorization } = request.headers;
  const name = hostName(host);
  if (name === undefined || !(isIP(name) !== 0 || name === 'localhost' || guards.isOurName(name)))
    return { status: 421, text: NOT_OUR_NAME };
  const safe = request.method === 'GET' || request.method === 'HEAD';
  if (!safe && origin !== undefined && origin.toLowerCase() !== `${guards.scheme}://${host.toLowerCase()}`)
    return { status: 403, text: 'requests from pages of other sites are refused' };
  const { basicAuth } = guards;
  if (basicAuth !== undefined && pathOf(request) !== OPEN_PATH && !isAdmitted(authorization, basicAuth))
    return {
      status: 401,
      text: 'a user name and a password are needed: http.basic_auth of the configuration',
    };
  if (hasBody(request)) return { status: 413, text: 'no endpoint here takes a body' };
  return undefined;
}

const NOT_OUR_NAME =
  "the Host header must be an IP address, localhost, the agent's name (sentinel.name), the name in http.listen or one of the certificate";

/** The path of a request, without its query. */
export function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0]!;
}

/** `[::1]:9872` -> `::1`, `Box.example.:80` -> `box.example`; `undefined` when the text is no host. */
function hostName(header: string): string | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/@]+))(?::\d{1,5})?$/.exec(header);
  const host = match?.[1] ?? match?.[2];
  return host?.toLowerCase().replace(/\.$/, '');
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
