import { type ErrorCode, redactUrl, SentinelError } from '../lib/index.js';

/** Codes of a certificate that is not believed, and of a TLS handshake that failed. */
const TLS_CODES =
  /^(ERR_SSL|ERR_TLS|ERR_OSSL|EPROTO|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERROR_IN_|INVALID_|PATH_LENGTH|HOSTNAME_|UNSPECIFIED)/;

/** The error of a request as one of ours, with the system's error as its cause. What is ours already keeps its code. */
export function httpError(error: unknown, method: string, url: string): SentinelError {
  const code: ErrorCode =
    error instanceof SentinelError
      ? error.code
      : TLS_CODES.test((error as NodeJS.ErrnoException).code ?? '')
        ? 'SEN_TLS'
        : 'SEN_NET';
  return new SentinelError(code, `cannot ${method} "${redactUrl(url)}"`, { cause: error });
}
