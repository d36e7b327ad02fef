import type { Agent } from 'node:http';
import type { LookupFunction } from 'node:net';
import type { SecureContext } from 'node:tls';
import { createHttpAgent, createHttpsAgent, createTunnelAgent, lookupBy, retire } from './agents.js';
import type { HttpClientOptions } from './http.js';
import { compileProxy, type ProxyChoice } from './proxy.js';
import type { Resolver } from './resolver.js';
import { createTlsContext, type TlsContext } from './tls-context.js';

/** Through which agent a request goes, and by which proxy. */
export interface Way {
  agent: Agent;
  proxy: URL | undefined;
}

interface TlsWay {
  context: SecureContext;
  agent: Promise<Agent>;
}

/** The connections of one client: plain and TLS ones, direct and through proxies, each kind made when it is first needed. */
export class Connections {
  readonly #options: HttpClientOptions;
  readonly #lookup: LookupFunction;
  readonly #tls: TlsContext;
  readonly #proxyOf: ProxyChoice;
  #plain: Agent | undefined;
  /** By what stands between us and the peer: `''` direct, else the proxy. */
  readonly #secure = new Map<string, TlsWay>();

  constructor(options: HttpClientOptions, resolver: Resolver) {
    this.#options = options;
    this.#lookup = lookupBy(resolver);
    this.#tls = createTlsContext(options.tls ?? {});
    this.#proxyOf = compileProxy(options.proxy, process.env);
  }

  /** The way to a URL. Throws SEN_TLS when the certificates cannot be used. */
  async way(url: URL): Promise<Way> {
    const proxy = this.#proxyOf(url);
    if (url.protocol === 'https:') {
      const { serverName } = this.#options.tls ?? {};
      const make = (context: SecureContext) => {
        const settings = this.#settings(context, serverName);
        return proxy === undefined
          ? Promise.resolve(createHttpsAgent(settings))
          : createTunnelAgent(settings, proxy, this.#connectHeaders());
      };
      return { agent: await this.#secureAgent(`tunnel ${proxy?.href ?? ''}`, make), proxy };
    }
    if (proxy?.protocol === 'https:') {
      const make = (context: SecureContext) =>
        Promise.resolve(createHttpsAgent(this.#settings(context, proxy.hostname.replace(/^\[|\]$/g, ''))));
      return { agent: await this.#secureAgent(`proxy ${proxy.href}`, make), proxy };
    }
    const { keepAlive, maxConnections } = this.#options;
    this.#plain ??= createHttpAgent({ keepAlive, maxConnections, lookup: this.#lookup });
    return { agent: this.#plain, proxy };
  }

  /** Closes all of them. */
  close(): void {
    this.#plain?.destroy();
    for (const { agent } of this.#secure.values())
      agent.then(
        (made) => made.destroy(),
        () => undefined,
      );
    this.#secure.clear();
  }

  /** A new one when the certificates changed: connections made with the old ones are used no more. */
  #secureAgent(key: string, make: (context: SecureContext) => Promise<Agent>): Promise<Agent> {
    const context = this.#tls.current();
    const known = this.#secure.get(key);
    if (known?.context === context) return known.agent;
    known?.agent.then(retire, () => undefined);
    const made = { context, agent: make(context) };
    this.#secure.set(key, made);
    return made.agent;
  }

  #settings(secureContext: SecureContext, serverName: string | undefined) {
    const { keepAlive, maxConnections, tls } = this.#options;
    const rejectUnauthorized = tls?.insecureSkipVerify !== true;
    return { keepAlive, maxConnections, lookup: this.#lookup, secureContext, rejectUnauthorized, serverName };
  }

  #connectHeaders(): Record<string, string[]> {
    const headers = Object.entries(this.#options.proxy?.connectHeaders ?? {});
    return Object.fromEntries(headers.map(([name, values]) => [name, values.map((value) => value.reveal())]));
  }
}
