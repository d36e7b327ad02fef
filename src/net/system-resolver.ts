import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import {
  type Clock,
  errorLine,
  type Logger,
  SentinelError,
  systemClock,
  Throttle,
  type Timer,
} from '../lib/index.js';
import { type Hosts, parseHosts } from './hosts-file.js';
import { NameCache } from './name-cache.js';
import { type Answer, isNegative, NameServers } from './name-server.js';
import { parseResolvConf } from './resolv-conf.js';
import type { Address, DnsRecord, DnsResolver, IpFamily, RecordType } from './resolver.js';
import { WatchedFile } from './watched-file.js';

/** Where a resolver looks; all have the system's defaults. */
export interface ResolverOptions {
  clock?: Clock;
  /** Told when servers fail and old answers are used, and when resolv.conf changed. */
  log?: Logger;
  hostsFile?: string;
  resolvConf?: string;
}

/** With a last good answer at hand nobody waits longer than this for a silent server (RFC 8767, section 5: 1.8 s). */
const PATIENCE_MS = 1800;

/** Equal log lines are this far apart. */
const QUIET_MS = 60_000;

const LOCALHOST: readonly Address[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

/** The resolver of this host: literals, the hosts file, `localhost` (RFC 6761), then the name servers of resolv.conf with a cache. */
export function createResolver(options: ResolverOptions = {}): DnsResolver {
  return new SystemResolver(options);
}

class SystemResolver implements DnsResolver {
  readonly #clock: Clock;
  readonly #log: Logger | undefined;
  readonly #throttle: Throttle;
  readonly #hostsFile: WatchedFile;
  readonly #resolvConf: WatchedFile;
  readonly #cache: NameCache;
  /** Look-ups that are under way, shared by all who ask for the same. */
  readonly #pending = new Map<string, Promise<readonly Address[]>>();
  #hosts: Hosts = new Map();
  #servers: NameServers | undefined;
  #hostsVersion = -1;
  #serversVersion = -1;

  constructor(options: ResolverOptions) {
    const clock = options.clock ?? systemClock;
    this.#clock = clock;
    this.#log = options.log;
    this.#throttle = new Throttle(QUIET_MS, () => clock.monotonic());
    this.#hostsFile = new WatchedFile(options.hostsFile ?? '/etc/hosts', this.#clock);
    this.#resolvConf = new WatchedFile(options.resolvConf ?? '/etc/resolv.conf', this.#clock);
    this.#cache = new NameCache(this.#clock);
  }

  async resolve(name: string, family: IpFamily, signal?: AbortSignal): Promise<readonly Address[]> {
    signal?.throwIfAborted();
    const literal = isIP(name);
    if (literal !== 0) return ofFamily(name, [{ address: name, family: literal as 4 | 6 }], family);
    const asked = asciiName(name);
    const local = this.#local(asked, family);
    if (local !== undefined) return local;
    const servers = this.#currentServers();
    const key = `${family} ${asked}`;
    const known = this.#cache.fresh(key);
    if (known !== undefined) return known.length > 0 ? known : Promise.reject(noSuchName(name, undefined));
    return await abortable(this.#shared(key, servers, { name, asked, family }), signal);
  }

  async records(name: string, type: RecordType, signal?: AbortSignal): Promise<readonly DnsRecord[]> {
    signal?.throwIfAborted();
    const servers = this.#currentServers();
    const asking = servers.records(asciiName(name), type).catch((error: unknown) => {
      throw serversFailed(name, servers, error);
    });
    return await abortable(asking, signal);
  }

  close(): void {
    this.#servers?.close();
    this.#cache.clear();
    this.#pending.clear();
  }

  /** What needs no server: the hosts file, and `localhost`. */
  #local(asked: string, family: IpFamily): readonly Address[] | undefined {
    this.#hostsFile.refresh();
    if (this.#hostsVersion !== this.#hostsFile.version) {
      this.#hostsVersion = this.#hostsFile.version;
      this.#hosts = parseHosts(this.#hostsFile.text);
    }
    const bare = asked.replace(/\.$/, '');
    const inFile = tryFamily(this.#hosts.get(bare) ?? [], family);
    if (inFile.length > 0) return inFile;
    return bare === 'localhost' || bare.endsWith('.localhost') ? tryFamily(LOCALHOST, family) : undefined;
  }

  /** The servers of resolv.conf as it is now. A changed file gives a new resolver; what the old one is asked still gets its answer. */
  #currentServers(): NameServers {
    this.#resolvConf.refresh();
    if (this.#servers === undefined || this.#serversVersion !== this.#resolvConf.version) {
      if (this.#servers !== undefined)
        this.#log?.info(
          { file: this.#resolvConf.path },
          'resolv.conf changed; its name servers are used now',
        );
      this.#serversVersion = this.#resolvConf.version;
      this.#servers = new NameServers(parseResolvConf(this.#resolvConf.text));
      this.#cache.expire();
      this.#pending.clear();
    }
    return this.#servers;
  }

  #shared(key: string, servers: NameServers, query: Query): Promise<readonly Address[]> {
    let pending = this.#pending.get(key);
    if (pending === undefined) {
      const made = this.#ask(key, servers, query).finally(() => {
        if (this.#pending.get(key) === made) this.#pending.delete(key);
      });
      pending = made;
      this.#pending.set(key, made);
    }
    return pending;
  }

  /** Asks the servers; where they fail, or are silent for long, gives the last good answer. Throws SEN_RESOLVE. */
  async #ask(key: string, servers: NameServers, query: Query): Promise<readonly Address[]> {
    const lastGood = this.#cache.lastGood(key);
    const asking = this.#learn(key, servers, query);
    if (lastGood === undefined) return await asking;
    let timer: Timer | undefined;
    const patience = new Promise<readonly Address[]>((resolve) => {
      timer = this.#clock.after(PATIENCE_MS, () => {
        this.#keep(key, servers, query);
        resolve(lastGood);
      });
    });
    return await Promise.race([asking, patience]).finally(() => timer?.cancel());
  }

  async #learn(key: string, servers: NameServers, query: Query): Promise<readonly Address[]> {
    let answer: Answer;
    try {
      answer = await servers.lookup(query.asked, query.family);
    } catch (error) {
      return this.#failed(key, servers, query, error);
    }
    if (servers === this.#servers) this.#cache.learn(key, answer.addresses, answer.ttlSeconds);
    return answer.addresses;
  }

  #failed(key: string, servers: NameServers, query: Query, error: unknown): readonly Address[] {
    if (isNegative(error)) {
      if (servers === this.#servers) this.#cache.learn(key, [], 0);
      throw noSuchName(query.name, error);
    }
    const lastGood = this.#cache.lastGood(key);
    if (lastGood === undefined) throw serversFailed(query.name, servers, error);
    this.#keep(key, servers, query, error);
    return lastGood;
  }

  /** The last good answer serves a while longer. */
  #keep(key: string, servers: NameServers, query: Query, error?: unknown): void {
    this.#cache.prolong(key);
    const held = this.#throttle.pass('kept');
    if (held === undefined) return;
    const cause = error === undefined ? 'no answer yet' : errorLine(error);
    const about = { name: query.name, servers: servers.conf.servers, cause, held };
    this.#log?.warn(about, 'name servers fail; the last good addresses are used');
  }
}

interface Query {
  /** As the caller wrote it. */
  name: string;
  /** As it goes to the servers. */
  asked: string;
  family: IpFamily;
}

/** A name in lower case, and in Punycode where it has other letters. Throws SEN_RESOLVE for what cannot be a name. */
function asciiName(name: string): string {
  const ascii = /^[\x21-\x7e]*$/.test(name) ? name.toLowerCase() : domainToASCII(name);
  if (ascii === '' || ascii.length > 254 || /[\s/@?#]/.test(ascii))
    throw new SentinelError('SEN_RESOLVE', `cannot resolve "${name}": this is not a host name`);
  return ascii;
}

function tryFamily(addresses: readonly Address[], family: IpFamily): readonly Address[] {
  const v4 = addresses.filter((address) => address.family === 4);
  if (family === 'ip4' || (family === 'ip' && v4.length > 0)) return v4;
  return addresses.filter((address) => address.family === 6);
}

function ofFamily(name: string, addresses: readonly Address[], family: IpFamily): readonly Address[] {
  const wanted = tryFamily(addresses, family);
  if (wanted.length > 0) return wanted;
  const word = family === 'ip6' ? 'IPv6' : 'IPv4';
  throw new SentinelError('SEN_RESOLVE', `cannot resolve "${name}": it is not an ${word} address`);
}

function noSuchName(name: string, cause: unknown): SentinelError {
  const noAddress = (cause as NodeJS.ErrnoException | undefined)?.code === 'ENODATA';
  const text = noAddress ? 'the name has no such address' : 'no such name';
  return new SentinelError(
    'SEN_RESOLVE',
    `cannot resolve "${name}": ${text}`,
    cause === undefined ? {} : { cause },
  );
}

function serversFailed(name: string, servers: NameServers, cause: unknown): SentinelError {
  const code = (cause as NodeJS.ErrnoException).code;
  const list = servers.conf.servers.join(', ');
  const texts: Record<string, string> = {
    ETIMEOUT: `no answer from ${list}`,
    ECONNREFUSED: `refused by ${list}`,
    ESERVFAIL: `${list} could not find out (SERVFAIL)`,
    EREFUSED: `${list} does not answer for it (REFUSED)`,
    EBADNAME: 'this is not a host name',
  };
  return new SentinelError(
    'SEN_RESOLVE',
    `cannot resolve "${name}": ${texts[code ?? ''] ?? errorLine(cause)}`,
    {
      cause,
    },
  );
}

/** The value, or the reason of the signal when that aborts first. The work itself goes on for others. */
async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work;
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  return await Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', onAbort));
}
