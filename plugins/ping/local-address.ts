import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { addressBytes } from './icmp-packet.js';

/** Addresses come and go with links; asking costs 65 us and more, and a thousand tasks may want to know at once. */
const MAX_AGE_MS = 1000;

/** Tells whether an address is one of this host. */
export class LocalAddresses {
  #readMs = -Infinity;
  #addresses = new Set<string>();

  /** Whether packets may be sent from the literal `address`. Those of interfaces that are down do not count. */
  has(address: string): boolean {
    // All of 127.0.0.0/8 is local, listed or not (RFC 1122, 3.2.1.3).
    if (isIPv4(address) && address.startsWith('127.')) return true;
    if (performance.now() - this.#readMs > MAX_AGE_MS) this.#read();
    return this.#addresses.has(keyOf(address));
  }

  #read(): void {
    const known = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    this.#addresses = new Set(known.map((entry) => keyOf(entry.address)));
    this.#readMs = performance.now();
  }
}

/** An IPv6 address has many spellings. */
function keyOf(address: string): string {
  return addressBytes(address).toString('hex');
}
