import { isIP } from 'node:net';
import { SentinelError } from '../lib/index.js';

/** Where to listen: a port of an address, or a socket file. */
export type ListenAddress = { host: string; port: number } | { path: string };

/**
 * Reads `host:port`, `[::1]:port` or `unix:/path`. The host must be loopback: this server asks nobody who he is. Throws SEN_CONFIG_INVALID.
 */
export function parseListen(text: string): ListenAddress {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (path.startsWith('/')) return { path };
    throw invalid(text, 'a socket file must be given as an absolute path: unix:/run/sentinel.sock');
  }
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535)
    throw invalid(text, 'expected host:port such as 127.0.0.1:9872, [::1]:9872 or unix:/path');
  if (!isLoopback(host))
    throw invalid(text, 'only a loopback address may be listened on, because no authentication is asked for');
  return { host, port };
}

/** Whether an address or name is this host's own: 127.0.0.0/8, ::1, localhost. */
function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith('127.');
  return host === '::1' || host === 'localhost';
}

function invalid(text: string, cause: string): SentinelError {
  return new SentinelError('SEN_CONFIG_INVALID', `cannot use http.listen "${text}": ${cause}`);
}
