import { isIPv4 } from 'node:net';
import { SentinelError } from '../lib/index.js';

const HOST = /^[a-z][a-z0-9+.-]*:[\\/]*(?:[^@\\/?#]*@)?([^:\\/?#]*)/i;

/**
 * A URL, whose host is the one that stands there. The WHATWG rules read numbers as addresses in their own way: `010.0.0.1` is 8.0.0.1 to them, and
 * `1234` is 0.0.4.210; a request, with its credentials, would go to a host that nobody wrote. Throws SEN_RESOLVE.
 */
export function parseWrittenUrl(text: string, base?: URL): URL {
  const url = new URL(text, base);
  const written = HOST.exec(text)?.[1];
  if (written === undefined || !isIPv4(url.hostname) || written === url.hostname) return url;
  throw new SentinelError(
    'SEN_RESOLVE',
    `cannot resolve "${written}": it is no name and no address; write an address in four decimal parts`,
  );
}
