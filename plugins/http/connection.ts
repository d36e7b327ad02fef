import type { X509Certificate } from 'node:crypto';
import { request } from 'node:http';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import {
  checkServerIdentity,
  connect as connectTls,
  type DetailedPeerCertificate,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import type { Address } from '../../src/sdk/index.js';
import { chainOf, tlsSamples } from './certificate.js';
import { Failure, failureOf } from './failure.js';
import type { Sightings } from './metrics.js';
import type { SeenChains } from './seen-chain.js';

/** How to speak TLS with a peer. */
interface TlsPeer {
  context: SecureContext;
  /** Name to ask for and to find in the certificate; a host name or an address. */
  name: string;
  insecure: boolean;
  /** What earlier runs saw. */
  seen: SeenChains;
}

/** A TCP connection to one address. `signal` destroys it, now and later. */
export async function openTcp(to: Address, port: number, signal: AbortSignal): Promise<Socket> {
  const socket = connectTcp({ host: to.address, port, family: to.family, noDelay: true });
  destroyOnAbort(socket, signal);
  return await settled(socket, 'connect', `connect to ${hostPort(to.address, port)}`);
}

/** The connection dies with the run. Its later errors are for who uses it; one that nobody uses any more has none to tell. */
function destroyOnAbort(socket: Socket, signal: AbortSignal): void {
  const onAbort = () => socket.destroy(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  socket.on('error', () => undefined);
  socket.once('close', () => signal.removeEventListener('abort', onAbort));
}

/**
 * TLS over an open connection. The handshake is let through whatever the certificate, so that its dates are known, and then judged: with a certificate that is
 * not accepted this throws, and not one byte of a request was written.
 */
export async function openTls(socket: Socket, peer: TlsPeer, sightings: Sightings): Promise<TLSSocket> {
  const { context, name } = peer;
  const seen = peer.seen.get(name);
  let verified: PeerCertificate | DetailedPeerCertificate | undefined;
  const named = isIP(name) === 0;
  const secure = connectTls({
    socket,
    secureContext: context,
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
    ...(named ? { servername: name } : { host: name }),
    // Called only for a chain that leads to a trusted certificate; what it gives ends up in `authorizationError`.
    checkServerIdentity: (host, certificate) => {
      const fault = checkServerIdentity(host, certificate);
      if (fault === undefined) verified = certificate;
      return fault;
    },
  });
  secure.on('error', () => undefined);
  // A chain that has expired and is still accepted is another one.
  if (seen?.context === context && seen.expirySeconds !== undefined && seen.expirySeconds > Date.now() / 1000)
    spareChain(secure, seen.sent[0]!);
  await settled(secure, 'secureConnect', `TLS with ${name}`);
  // Once only: on Node 20 each call takes a certificate off the chain.
  const leaf = secure.getPeerX509Certificate();
  const chain =
    leaf && chainOf({ context, leaf, verified, seen: seen?.context === context ? seen : undefined });
  if (chain !== undefined) peer.seen.set(name, chain);
  sightings.tls = tlsSamples(secure, chain);
  if (!peer.insecure && !secure.authorized)
    throw new Failure('certificate', refusal(leaf, name, String(secure.authorizationError)));
  return secure;
}

/**
 * Before Node asks for the name it reads the peer's certificate with all its issuers, which costs a quarter of a handshake. Where the certificate is the known one, it gets
 * that alone: all that the name is compared with.
 */
function spareChain(secure: TLSSocket, known: Buffer): void {
  const read = secure.getPeerCertificate.bind(secure) as (detailed: boolean) => PeerCertificate;
  const spared = (detailed?: boolean): PeerCertificate => {
    const own = read(false);
    return detailed !== true || known.equals(own.raw) ? own : read(true);
  };
  secure.getPeerCertificate = spared as TLSSocket['getPeerCertificate'];
}

function refusal(leaf: X509Certificate | undefined, name: string, why: string): string {
  const dates = leaf === undefined ? '' : ` (valid from ${leaf.validFrom} to ${leaf.validTo})`;
  return `certificate of ${name} not accepted: ${why}${dates}`;
}

/** Asks a proxy for a connection to the target (RFC 9110, section 9.3.6). The socket is the tunnel from then on. */
export function openTunnel(
  socket: Socket,
  target: { host: string; port: number },
  authorization: string | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const path = hostPort(target.host, target.port);
    const headers = {
      host: path,
      ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }),
    };
    const asked = request({ method: 'CONNECT', path, headers, createConnection: () => socket });
    asked.once('connect', (response, _socket, head) => {
      if (response.statusCode !== 200) {
        reject(new Failure('refused', `the proxy answered CONNECT with HTTP ${response.statusCode}`));
        return;
      }
      if (head.length > 0) socket.unshift(head);
      resolve();
    });
    asked.once('error', (error) => reject(failureOf(error, 'CONNECT')));
    asked.end();
  });
}

function settled<S extends Socket>(socket: S, event: string, doing: string): Promise<S> {
  return new Promise((resolve, reject) => {
    const onDone = () => {
      socket.off('error', onError).off('close', onClose);
      resolve(socket);
    };
    const onError = (error: NodeJS.ErrnoException) => {
      // Closed in good order in the middle of a handshake: Node says ECONNRESET, but there was no reset.
      const orderly = event === 'secureConnect' && error.syscall === undefined && error.code === 'ECONNRESET';
      reject(orderly ? new Failure('tls', `${doing}: closed by the peer`) : failureOf(error, doing));
    };
    const onClose = () => reject(new Failure('reset', `${doing}: closed`));
    socket.once(event, onDone).once('error', onError).once('close', onClose);
  });
}

/** `host:port`, with brackets around an IPv6 address. */
function hostPort(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}
