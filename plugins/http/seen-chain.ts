import type { SecureContext } from 'node:tls';
import type { Sample } from '../../src/sdk/index.js';

/** Names that are remembered at most: a chain of redirects may lead anywhere. */
const MAX_NAMES = 16;

/** What the certificates of a peer said. */
export interface SeenChain {
  /** Who was trusted. */
  context: SecureContext;
  /** The certificates that the peer sent, its own first (DER). */
  sent: readonly Buffer[];
  /** Of these certificates, whoever is trusted. */
  samples: readonly Sample[];
  /** When the verified chain expires, seconds since 1970; `undefined` where it was not verified. */
  expirySeconds: number | undefined;
}

/** The chains that a task met last, by name of the server, so that they are read again only when they change. */
export class SeenChains {
  readonly #chains = new Map<string, SeenChain>();

  get(name: string): SeenChain | undefined {
    return this.#chains.get(name);
  }

  set(name: string, chain: SeenChain): void {
    if (this.#chains.size >= MAX_NAMES && !this.#chains.has(name)) this.#chains.clear();
    this.#chains.set(name, chain);
  }
}

/** Whether these are the same certificates, byte by byte. */
export function sameCertificates(a: readonly Buffer[], b: readonly Buffer[]): boolean {
  return a.length === b.length && a.every((certificate, i) => certificate.equals(b[i]!));
}
