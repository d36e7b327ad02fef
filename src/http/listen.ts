import { isIP } from 'node:net';

/** Where to listen: a port of an address (of every address without a host), or a socket file. */
export type ListenAddress = { host: string | undefined; port: number } | { path: string };

/** Reads `host:port`, `[::1]:port`, `:port` or `unix:/path`; `undefined` when the text is none of them. */
export function tryParseListen(text: string): ListenAddress | undefined {
  if (text.startsWith('unix:'))
    return /^unix:\/[^\0]*[^/\0]$/.test(text) ? { path: text.slice('unix:'.length) } : undefined;
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]/@?#\s]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) return undefined;
  return { host: match[1] ?? (match[2] === '' ? undefined : match[2]), port };
}

/** Whether only this host can reach it: a socket file, 127.0.0.0/8, ::1, localhost. */
export function isLocal(place: ListenAddress): boolean {
  if ('path' in place) return true;
  if (place.host === undefined) return false;
  if (isIP(place.host) === 4) return place.host.startsWith('127.');
  return place.host === '::1' || place.host === 'localhost';
}
