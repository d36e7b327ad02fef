import type { Reason } from '../../src/sdk/index.js';

/** Ends a run: why it failed, and a line for a person. Never leaves the plugin. */
export class Failure extends Error {
  readonly reason: Reason;

  constructor(reason: Reason, evidence: string) {
    super(evidence);
    this.name = 'Failure';
    this.reason = reason;
  }
}

const REASONS: Readonly<Record<string, Reason>> = {
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENETUNREACH: 'unreachable',
  ENETDOWN: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  EINVAL: 'unreachable',
  ETIMEDOUT: 'timeout',
  ECONNRESET: 'reset',
  ECONNABORTED: 'reset',
  EPIPE: 'reset',
  EPERM: 'permission',
  EACCES: 'permission',
};

/** This host is out of something: not the target's failure, so it is thrown on. */
const OURS: readonly string[] = ['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS'];

/** The failure behind an error of a socket or a parser. What is not the target's is given back as it is. */
export function failureOf(error: unknown, doing: string): unknown {
  if (error instanceof Failure || !(error instanceof Error)) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (OURS.includes(code)) return error;
  return new Failure(reasonOf(code), `${doing}: ${error.message}`);
}

function reasonOf(code: string): Reason {
  if (code.startsWith('HPE_') || code.startsWith('Z_') || code.startsWith('ERR__ERROR')) return 'parse';
  if (code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS') || code === 'EPROTO') return 'tls';
  return REASONS[code] ?? 'reset';
}
