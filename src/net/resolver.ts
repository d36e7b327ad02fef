/** Which addresses of a name are wanted: `ip` = the first family that answers, IPv4 before IPv6. */
export type IpFamily = 'ip' | 'ip4' | 'ip6';

/** An address as text, and its family. */
export interface Address {
  address: string;
  family: 4 | 6;
}

/** Names to addresses, without the look-up pool of libuv (four threads: 200 targets would wait for each other and read as down). */
export interface Resolver {
  /**
   * Addresses of a literal, a name of the hosts file, or a name of DNS, in the order of the answer; never empty.
   * Throws SEN_RESOLVE. Settles soon after `signal` aborts.
   */
  resolve(name: string, family: IpFamily, signal?: AbortSignal): Promise<readonly Address[]>;
  /** Stops watching files and drops the cache. */
  close(): void;
}
