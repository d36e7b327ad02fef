import { isIP } from 'node:net';

/** What a resolv.conf says. */
export interface ResolvConf {
  /** As `setServers` takes them: an address, or an address and a port. Never empty. */
  servers: readonly string[];
  /** Domains that are tried behind a short name. */
  search: readonly string[];
  /** A name with at least so many dots is asked for as it is first. */
  ndots: number;
  /** The first wait for a server, ms. */
  timeoutMs: number;
  /** How often each server is asked. */
  attempts: number;
}

/**
 * Reads a resolv.conf (resolv.conf(5)). `#` and `;` start a comment, also behind a value (`nameserver 10.0.0.1 # vrf mgmt`). The last of `search` and
 * `domain` wins. Without a name server it is 127.0.0.1. A server may have a port, as c-ares writes it (`127.0.0.1:5353`, `[::1]:5353`).
 * `timeout` is 2 s where the file does not say: with glibc's 5 s the second server would come after the deadline of many a probe.
 */
export function parseResolvConf(text: string): ResolvConf {
  const conf = { servers: [] as string[], search: [] as string[], ndots: 1, timeoutMs: 2000, attempts: 2 };
  for (const line of text.split('\n')) {
    const [key, ...values] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    if (key === 'nameserver' && isServer(values[0])) conf.servers.push(values[0]!);
    else if (key === 'search' || key === 'domain')
      conf.search = values.map((domain) => domain.replace(/\.$/, ''));
    else if (key === 'options') for (const option of values) readOption(conf, option);
  }
  if (conf.servers.length === 0) conf.servers.push('127.0.0.1');
  conf.search = conf.search.filter((domain) => domain !== '');
  return conf;
}

function isServer(text: string | undefined): boolean {
  if (text === undefined) return false;
  if (isIP(text) !== 0) return true;
  const [, six, four, port] = /^(?:\[(.*)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? [];
  // Node ends the process when c-ares is given port 0.
  return isIP(six ?? four ?? '') !== 0 && Number(port) >= 1 && Number(port) <= 65_535;
}

/** The bounds are those of resolv.conf(5). */
function readOption(conf: { ndots: number; timeoutMs: number; attempts: number }, option: string): void {
  const [name, text] = option.split(':');
  const value = Number(text);
  if (text === undefined || !Number.isInteger(value) || value < 0) return;
  if (name === 'ndots') conf.ndots = Math.min(value, 15);
  if (name === 'timeout') conf.timeoutMs = Math.min(Math.max(value, 1), 30) * 1000;
  if (name === 'attempts') conf.attempts = Math.min(Math.max(value, 1), 5);
}
