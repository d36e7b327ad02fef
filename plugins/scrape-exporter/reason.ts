import type { Reason } from '../../src/sdk/index.js';

const BY_SYSTEM_CODE: Readonly<Record<string, Reason>> = {
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENETDOWN: 'unreachable',
  ETIMEDOUT: 'timeout',
  EADDRNOTAVAIL: 'bind',
  EACCES: 'permission',
  EPERM: 'permission',
};

/** Codes with which Node refuses a certificate; any other fault of TLS is the handshake's. */
const CERTIFICATE = /CERT|SELF_SIGNED|VERIFY|SIGNATURE|CRL|HOSTNAME_MISMATCH/;

/** Why fetching or reading a page failed; `undefined` for what is no answer of the network or the target, but a fault of ours. */
export function reasonOf(error: unknown): Reason | undefined {
  switch (codeOf(error)) {
    case 'SEN_RESOLVE':
      return 'resolve';
    case 'SEN_LIMIT':
      return 'too_large';
    case 'SEN_EXPOSITION_INVALID':
      return 'parse';
    case 'SEN_TLS':
      return codesBelow(error).some((code) => CERTIFICATE.test(code)) ? 'certificate' : 'tls';
    case 'SEN_NET':
      return (
        codesBelow(error)
          .map((code) => BY_SYSTEM_CODE[code])
          .find((reason) => reason !== undefined) ?? 'reset'
      );
    default:
      return undefined;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

/** Codes of the causes, outermost first; of an AggregateError those of its parts. */
function codesBelow(error: unknown, depth = 0): string[] {
  if (!(error instanceof Error) || depth > 8) return [];
  const inner = error instanceof AggregateError ? error.errors : [error.cause];
  return inner.flatMap((cause) => [codeOf(cause) ?? [], codesBelow(cause, depth + 1)].flat());
}
