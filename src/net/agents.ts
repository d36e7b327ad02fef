import { type ClientRequestArgs, Agent as HttpAgent } from 'node:http';
import { type AgentOptions, Agent as HttpsAgent } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContext, TLSSocket } from 'node:tls';
import type { Resolver } from './resolver.js';

/** What a request tells the agent beside Node's own options. */
export interface ConnectionOptions extends ClientRequestArgs {
  /** Ends a connection that is still being made. Not `signal`: Node would bind that of the first request to a kept connection. */
  connectSignal?: AbortSignal;
}

type Created = (error: Error | null, socket: Duplex) => void;

/** Connections at most open at once to one host and port; one in four of them may be kept when it is idle, but not more than 64. */
const MAX_CONNECTIONS = 16;
const OPEN_PER_KEPT = 4;
const MAX_KEPT = 64;

/** A kept connection that nobody used for so long is closed (Prometheus: 5 minutes). */
const IDLE_MS = 300_000;

/** How the connections of a client are made. */
interface AgentSettings {
  keepAlive: boolean;
  lookup: LookupFunction;
  maxConnections: number | undefined;
}

/** How https connections are made. */
interface TlsAgentSettings extends AgentSettings {
  secureContext: SecureContext;
  rejectUnauthorized: boolean;
  serverName: string | undefined;
}

/** Names are looked up by `resolver`; each address of the answer is tried in turn. */
export function lookupBy(resolver: Resolver): LookupFunction {
  return (name, options, callback) => {
    resolver.resolve(name, 'ip').then(
      (addresses) => {
        if (options.all === true) callback(null, [...addresses]);
        else callback(null, addresses[0]!.address, addresses[0]!.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, []),
    );
  };
}

/** For http. */
export function createHttpAgent(settings: AgentSettings): HttpAgent {
  return new HttpAgent(common(settings) as AgentOptions);
}

/** For https: hands a connection over only when the peer's certificate was judged, so that no byte of a request, and no credential, goes to another. */
export function createHttpsAgent(settings: TlsAgentSettings): HttpsAgent {
  class VerifiedAgent extends HttpsAgent {
    override createConnection(options: ConnectionOptions, created?: Created): undefined {
      handOver(super.createConnection(options) as TLSSocket, options, created!);
    }
  }
  return new VerifiedAgent(tlsOptions(settings));
}

/** For https through an http or https proxy by CONNECT; the same promise. Loads hpagent, which nobody else needs. */
export async function createTunnelAgent(
  settings: TlsAgentSettings,
  proxy: URL,
  headers: Readonly<Record<string, string[]>>,
): Promise<HttpsAgent> {
  const { HttpsProxyAgent } = await import('hpagent');
  class VerifiedTunnelAgent extends HttpsProxyAgent {
    override createConnection(options: ConnectionOptions, created?: Created): undefined {
      super.createConnection(options, (error, socket) => {
        if (error !== null) created!(error, socket);
        else handOver(socket as TLSSocket, options, created!);
      });
    }
  }
  const { lookup, secureContext, rejectUnauthorized } = settings;
  // What hpagent's types leave out it hands on to http.request.
  const proxyRequestOptions = { lookup, secureContext, rejectUnauthorized, headers } as {
    rejectUnauthorized: boolean;
  };
  return new VerifiedTunnelAgent({ ...tlsOptions(settings), proxy, proxyRequestOptions });
}

/** Closes kept connections; those in use are closed after their request. */
export function retire(agent: HttpAgent): void {
  agent.maxFreeSockets = 0;
  dropKept(agent);
}

/** Closes the connections that are kept and not in use. */
export function dropKept(agent: HttpAgent): void {
  for (const sockets of Object.values(agent.freeSockets))
    for (const socket of sockets ?? []) socket.destroy();
}

function common({ keepAlive, lookup, maxConnections: maxSockets = MAX_CONNECTIONS }: AgentSettings) {
  const maxFreeSockets = Math.min(MAX_KEPT, Math.ceil(maxSockets / OPEN_PER_KEPT));
  // Two seconds for an address before the next is tried: Node's 250 ms lose a target behind a satellite.
  return {
    keepAlive,
    lookup,
    timeout: IDLE_MS,
    autoSelectFamilyAttemptTimeout: 2000,
    maxSockets,
    maxFreeSockets,
  };
}

function tlsOptions(settings: TlsAgentSettings): AgentOptions {
  const { secureContext, rejectUnauthorized, serverName } = settings;
  return {
    ...common(settings),
    secureContext,
    rejectUnauthorized,
    // Resuming a session saves nothing with today's certificates, and would skip the check of the name.
    maxCachedSessions: 0,
    ...(serverName === undefined ? {} : { servername: serverName }),
  } as AgentOptions;
}

function handOver(socket: TLSSocket, options: ConnectionOptions, created: Created): void {
  const signal = options.connectSignal;
  const onAbort = () => socket.destroy(signal?.reason);
  const settle = (error: Error | null) => {
    socket.off('secureConnect', onSecure).off('error', onError).off('close', onClose);
    signal?.removeEventListener('abort', onAbort);
    created(error, socket);
  };
  const onSecure = () => settle(null);
  const onError = (error: Error) => settle(error);
  const onClose = () => settle(new Error('connection closed before the TLS handshake ended'));
  socket.once('secureConnect', onSecure).once('error', onError).once('close', onClose);
  signal?.addEventListener('abort', onAbort, { once: true });
}
