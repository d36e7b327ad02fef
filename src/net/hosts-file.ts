import { isIP } from 'node:net';
import type { Address } from './resolver.js';

/** Addresses by name in lower case, in the order of the file. */
export type Hosts = ReadonlyMap<string, readonly Address[]>;

/** Reads a hosts file (hosts(5)): an address, then its names; `#` starts a comment; a line that begins with no address is passed over. */
export function parseHosts(text: string): Hosts {
  const hosts = new Map<string, Address[]>();
  for (const line of text.split('\n')) {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    const family = isIP(address ?? '');
    if (family === 0) continue;
    for (const name of names) add(hosts, name.toLowerCase(), { address: address!, family: family as 4 | 6 });
  }
  return hosts;
}

function add(hosts: Map<string, Address[]>, name: string, address: Address): void {
  const known = hosts.get(name);
  if (known === undefined) hosts.set(name, [address]);
  else if (!known.some((other) => other.address === address.address)) known.push(address);
}
