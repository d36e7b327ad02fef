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

/** Types of records that can be asked for. */
export type RecordType = 'SRV' | 'A' | 'AAAA' | 'MX';

/** A record of a name server's answer. */
export interface DnsRecord {
  /** An address (A, AAAA), or a host name without its final dot (SRV, MX); empty where that is the root: the service is not there (RFC 2782, RFC 7505). */
  target: string;
  /** Of SRV. */
  port: number | undefined;
}

/** A resolver that also gives what the name servers themselves say. */
export interface DnsResolver extends Resolver {
  /**
   * The records of a name, with the domains of the search list; not from the hosts file. Empty where there is no such name, or none of this type: the first name of
   * the list that is known decides. Throws SEN_RESOLVE when a server failed, so that nobody knows. Settles soon after `signal` aborts.
   */
  records(name: string, type: RecordType, signal?: AbortSignal): Promise<readonly DnsRecord[]>;
}
