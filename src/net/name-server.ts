import { Resolver as CaresResolver } from 'node:dns/promises';
import type { ResolvConf } from './resolv-conf.js';
import type { Address, DnsRecord, IpFamily, RecordType } from './resolver.js';

/** What the name servers say about a name. */
export interface Answer {
  addresses: readonly Address[];
  /** How long it may be kept, seconds. */
  ttlSeconds: number;
}

/** They answered: there is no such name, or it has no address of this family. Everything else is a server that failed. */
const NEGATIVE: readonly string[] = ['ENOTFOUND', 'ENODATA'];

/** Another domain of the search list need not be tried: no server answers at all, or we are closing. */
const HOPELESS: readonly string[] = ['ETIMEOUT', 'ECONNREFUSED', 'ECANCELLED', 'EDESTRUCTION'];

/** Whether an error of `lookup` is an answer (there is no such name), not a failure to get one. */
export function isNegative(error: unknown): boolean {
  return NEGATIVE.includes((error as NodeJS.ErrnoException).code ?? '');
}

/** The name servers of one resolv.conf, asked by c-ares with its own sockets: no look-up waits for another. */
export class NameServers {
  readonly conf: ResolvConf;
  readonly #cares: CaresResolver;

  constructor(conf: ResolvConf) {
    this.conf = conf;
    this.#cares = new CaresResolver({ timeout: conf.timeoutMs, tries: conf.attempts });
    this.#cares.setServers(conf.servers);
  }

  /**
   * Asks for a name, with the domains of the search list as resolv.conf(5) says. Throws the error of c-ares: where every try was answered and
   * none had an address it is a negative one, else that of the server that failed.
   */
  async lookup(name: string, family: IpFamily): Promise<Answer> {
    let failure: unknown;
    let negative: unknown;
    for (const candidate of this.#candidates(name)) {
      try {
        return await this.#ask(candidate, family);
      } catch (error) {
        if (isNegative(error)) negative ??= error;
        else failure ??= error;
        if (HOPELESS.includes((error as NodeJS.ErrnoException).code ?? '')) break;
      }
    }
    throw failure ?? negative;
  }

  /** The records of a name, as DnsResolver says. Throws the error of c-ares when a server failed. */
  async records(name: string, type: RecordType): Promise<readonly DnsRecord[]> {
    let failure: unknown;
    for (const candidate of this.#candidates(name)) {
      try {
        return await this.#records(candidate, type);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'ENODATA') return [];
        if (code !== 'ENOTFOUND') failure ??= error;
        if (HOPELESS.includes(code ?? '')) break;
      }
    }
    if (failure !== undefined) throw failure;
    return [];
  }

  /** Ends what is still being asked; its callers get ECANCELLED. */
  close(): void {
    this.#cares.cancel();
  }

  #candidates(name: string): string[] {
    if (name.endsWith('.')) return [name.slice(0, -1)];
    const searched = this.conf.search.map((domain) => `${name}.${domain}`);
    const dots = name.split('.').length - 1;
    return dots >= this.conf.ndots ? [name, ...searched] : [...searched, name];
  }

  async #records(name: string, type: RecordType): Promise<readonly DnsRecord[]> {
    if (type === 'SRV')
      return (await this.#cares.resolveSrv(name)).map((record) => ({
        target: record.name,
        port: record.port,
      }));
    const targets =
      type === 'MX'
        ? (await this.#cares.resolveMx(name)).map((record) => record.exchange)
        : await (type === 'A' ? this.#cares.resolve4(name) : this.#cares.resolve6(name));
    return targets.map((target) => ({ target, port: undefined }));
  }

  /** A and then, only where there is none, AAAA. */
  async #ask(name: string, family: IpFamily): Promise<Answer> {
    if (family === 'ip6') return answer(await this.#cares.resolve6(name, { ttl: true }), 6);
    try {
      return answer(await this.#cares.resolve4(name, { ttl: true }), 4);
    } catch (error) {
      if (family === 'ip4' || (error as NodeJS.ErrnoException).code !== 'ENODATA') throw error;
    }
    return answer(await this.#cares.resolve6(name, { ttl: true }), 6);
  }
}

function answer(records: readonly { address: string; ttl: number }[], family: 4 | 6): Answer {
  return {
    addresses: records.map((record) => ({ address: record.address, family })),
    ttlSeconds: Math.min(...records.map((record) => record.ttl)),
  };
}
