import type { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, PeerCertificate, SecureContext, TLSSocket } from 'node:tls';
import type { Sample } from '../../src/sdk/index.js';
import { type SeenChain, sameCertificates } from './seen-chain.js';

/** A chain longer than this is not walked: a peer may send anything. */
const MAX_CHAIN = 32;

const VERSIONS: Readonly<Record<string, string>> = {
  TLSv1: 'TLS 1.0',
  'TLSv1.1': 'TLS 1.1',
  'TLSv1.2': 'TLS 1.2',
  'TLSv1.3': 'TLS 1.3',
};

/** What a handshake that ended says of certificates, whether or not they are accepted. */
export interface Handshake {
  context: SecureContext;
  /** The peer's certificate with the others it sent. */
  leaf: X509Certificate;
  /** The peer's certificate, where it was found to be good; with its issuers up to the trusted one, unless the chain is that of `seen`. */
  verified: PeerCertificate | DetailedPeerCertificate | undefined;
  /** The chain that the same name had before. */
  seen: SeenChain | undefined;
}

/** Reads the certificates of a handshake; what was read of the same ones before is taken from there. */
export function chainOf({ context, leaf, verified, seen }: Handshake): SeenChain {
  const certificates = sentWith(leaf);
  const sent = certificates.map(({ raw }) => raw);
  const known = seen !== undefined && sameCertificates(sent, seen.sent) ? seen : undefined;
  return {
    context,
    sent,
    samples: known?.samples ?? [
      { name: 'probe_ssl_earliest_cert_expiry', value: earliestExpiry(certificates) },
      { name: 'probe_ssl_last_chain_info', labels: leafLabels(leaf), value: 1 },
    ],
    expirySeconds: verifiedExpiry(verified, known),
  };
}

/** Not known for one run where the peer's certificate is that of before and those behind it have changed: its issuers were not read then. */
function verifiedExpiry(verified: Handshake['verified'], known: SeenChain | undefined): number | undefined {
  if (verified === undefined) return undefined;
  return 'issuerCertificate' in verified ? chainExpiry(verified) : known?.expirySeconds;
}

/** The samples of a handshake. */
export function tlsSamples(socket: TLSSocket, chain: SeenChain | undefined): Sample[] {
  const samples: Sample[] = [...(chain?.samples ?? [])];
  if (chain?.expirySeconds !== undefined)
    samples.push({ name: 'probe_ssl_last_chain_expiry_timestamp_seconds', value: chain.expirySeconds });
  const version = VERSIONS[socket.getProtocol() ?? ''] ?? 'unknown';
  samples.push(
    { name: 'probe_tls_version_info', labels: { version }, value: 1 },
    { name: 'probe_tls_cipher_info', labels: { cipher: socket.getCipher().standardName }, value: 1 },
  );
  return samples;
}

function sentWith(leaf: X509Certificate): X509Certificate[] {
  const sent: X509Certificate[] = [];
  let certificate: X509Certificate | undefined = leaf;
  for (; certificate !== undefined && sent.length < MAX_CHAIN; certificate = certificate.issuerCertificate)
    sent.push(certificate);
  return sent;
}

/** Over the certificates that the peer sent. */
function earliestExpiry(certificates: readonly X509Certificate[]): number {
  return Math.min(...certificates.map(({ validTo }) => seconds(validTo)));
}

/** Over the verified chain, the trusted certificate at its end included. That one names itself as its issuer. */
function chainExpiry(leaf: DetailedPeerCertificate): number {
  let earliest = Number.POSITIVE_INFINITY;
  let certificate: DetailedPeerCertificate | undefined = leaf;
  for (let i = 0; certificate !== undefined && i < MAX_CHAIN; i++) {
    earliest = Math.min(earliest, seconds(certificate.valid_to));
    const issuer: DetailedPeerCertificate | undefined = certificate.issuerCertificate;
    certificate = issuer === certificate ? undefined : issuer;
  }
  return earliest;
}

function leafLabels(leaf: X509Certificate): Record<string, string> {
  return {
    fingerprint_sha256: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
    subject: distinguishedName(leaf.subject),
    issuer: distinguishedName(leaf.issuer),
    subjectalternative: dnsNames(leaf.subjectAltName),
    serialnumber: leaf.serialNumber.toLowerCase(),
  };
}

/** Attributes by their names in Node, with their names in Go, in the order in which Go writes them. */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  serialNumber: 'SERIALNUMBER',
  CN: 'CN',
  OU: 'OU',
  O: 'O',
  postalCode: 'POSTALCODE',
  street: 'STREET',
  L: 'L',
  ST: 'ST',
  C: 'C',
};

/**
 * A name as Go writes it (crypto/x509/pkix Name.String), so that the label is the same as blackbox_exporter's: known attributes in an order of their own,
 * several of a kind joined by `+`, the others behind them. Node writes one per line, in the order of the certificate, with the same escapes (RFC 4514).
 */
function distinguishedName(text: string | undefined): string {
  const attributes = (text ?? '').split(/\n| \+ /).filter((attribute) => attribute !== '');
  const known = Object.entries(ATTRIBUTES).map(([node, go]) =>
    attributes
      .filter((attribute) => attribute.startsWith(`${node}=`))
      .map((attribute) => `${go}${attribute.slice(node.length)}`)
      .join('+'),
  );
  const others = attributes.filter((attribute) => !Object.hasOwn(ATTRIBUTES, attribute.replace(/=.*/s, '')));
  return [...known, ...others.reverse()].filter((part) => part !== '').join(',');
}

function dnsNames(text: string | undefined): string {
  const names = (text ?? '').split(', ').filter((name) => name.startsWith('DNS:'));
  return names.map((name) => name.slice('DNS:'.length)).join(',');
}

function seconds(date: string): number {
  return Date.parse(date) / 1000;
}
