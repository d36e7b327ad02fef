import { type ErrorCode, errorLine, redactUrl, SentinelError } from '../lib/index.js';
import type { HttpResponse } from '../net/index.js';

/** Why a request gave no success; a label of the metrics. */
export type FailureReason =
  | 'network'
  | 'timeout'
  | 'resolve'
  | 'tls'
  | 'server'
  | 'throttled'
  | 'refused'
  | 'endpoint';

/**
 * What an answer means for the block that was sent.
 * accepted: it is there. retry: the same block later. refused: this receiver will never take it. wrong: the endpoint is at fault, not the block:
 * it is held, and the endpoint asked again slowly.
 */
export type Answer =
  | { kind: 'accepted' }
  | { kind: 'retry'; reason: FailureReason; words: string; retryAfterMs: number | undefined }
  | { kind: 'refused'; reason: 'refused'; words: string }
  | { kind: 'wrong'; reason: 'endpoint'; words: string; advice: string };

/** Of a body; more than is ever shown, so that no secret is cut in half before it is taken out. */
const MAX_WORDS_BYTES = 4096;
/** A receiver that asks for more than this has made a mistake, and would stop delivery for days. */
const MAX_RETRY_AFTER_MS = 3_600_000;
/** 408 and 425 say "again", though they are no 5xx. */
const AGAIN = new Set([408, 425]);
const REFUSED = new Set([400, 409, 413, 422]);

const ADVICE: Readonly<Record<number, string>> = {
  401: 'set basic_auth or authorization of this destination to credentials that the receiver knows',
  403: 'the receiver knows the credentials, or none were sent, but they may not write: check basic_auth or authorization of this destination, and the rights behind them',
  404: 'check the path of `url`: VictoriaMetrics and Prometheus take remote write at /api/v1/write',
  405: 'check the path of `url`: nothing there takes a POST; VictoriaMetrics and Prometheus take remote write at /api/v1/write',
  415: 'the receiver does not take remote write 1.0 with snappy at this `url`; check the path',
};
const PAGE_ADVICE =
  'a web page answers, not a receiver of remote write: check host and path of `url`, and whether a portal or login stands in between';
const ADVICE_ELSE = 'the receiver does not take remote write at this `url`; check host, port and path';
/** Prometheus up to 2.4x names an option that has gone meanwhile; the flag below works in every version since 2.33. */
const RECEIVER_OFF =
  'this is a Prometheus whose remote write receiver is off: start it with --web.enable-remote-write-receiver';

/** Judges a whole answer. `nowMs` is the wall clock, for a Retry-After that is a date. */
export function judgeResponse(response: HttpResponse, nowMs: number): Answer {
  const { status } = response;
  const page = isPage(response);
  const words = wordsOf(response, page);
  if (status >= 200 && status < 300) return page ? wrong(words, PAGE_ADVICE) : { kind: 'accepted' };
  if (status === 429 || status >= 500 || AGAIN.has(status)) {
    const header = status === 429 || status === 503 ? response.headers['retry-after'] : undefined;
    const reason = status === 429 ? 'throttled' : 'server';
    return { kind: 'retry', reason, words, retryAfterMs: parseRetryAfter(header, nowMs) };
  }
  // A proxy that limits sizes says so with a page of its own.
  if (page && status !== 413) return wrong(words, adviceFor(response));
  if (REFUSED.has(status) && !isUnknownPath(response)) return { kind: 'refused', reason: 'refused', words };
  return wrong(words, adviceFor(response));
}

/** Judges what a request threw: no answer is never the block's fault. */
export function judgeError(error: unknown): Answer {
  const words = errorLine(error);
  const code = error instanceof SentinelError ? error.code : undefined;
  if (code === 'SEN_LIMIT') return wrong(words, PAGE_ADVICE);
  const reasons: Partial<Record<ErrorCode, FailureReason>> = { SEN_RESOLVE: 'resolve', SEN_TLS: 'tls' };
  const reason =
    (code !== undefined && reasons[code]) || (error instanceof TimeoutError ? 'timeout' : 'network');
  return { kind: 'retry', reason, words, retryAfterMs: undefined };
}

/** The reason with which a request is aborted that took too long. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}

/** Milliseconds of a Retry-After header, seconds or an HTTP date (RFC 9110, 10.2.3); `undefined` when it is neither, or past. */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  const isDate = /^[A-Za-z]+,? .*\d/.test(text);
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : isDate ? Date.parse(text) - nowMs : Number.NaN;
  return ms > 0 ? Math.min(ms, MAX_RETRY_AFTER_MS) : undefined;
}

function wrong(words: string, advice: string): Answer {
  return { kind: 'wrong', reason: 'endpoint', words, advice };
}

function adviceFor(response: HttpResponse): string {
  const { status, headers, body } = response;
  if (status === 404 && body.includes('remote write receiver')) return RECEIVER_OFF;
  if (status >= 300 && status < 400) {
    const to = headers.location;
    return to === undefined
      ? ADVICE_ELSE
      : `the receiver sends us elsewhere; if ${redactUrl(to)} is the right place, set it as \`url\``;
  }
  if (isUnknownPath(response)) return ADVICE[404]!;
  return ADVICE[status] ?? (REFUSED.has(status) ? PAGE_ADVICE : ADVICE_ELSE);
}

/** VictoriaMetrics answers 400 on a path that it does not know. The data is not at fault, so it must not be dropped. */
function isUnknownPath({ status, body }: HttpResponse): boolean {
  return status === 400 && body.includes('unsupported path requested');
}

function isPage({ headers, body }: HttpResponse): boolean {
  if (/^\s*text\/html\b/i.test(headers['content-type'] ?? '')) return body.length > 0;
  return /^\s*<(!doctype\s+html|html)\b/i.test(body.subarray(0, 256).toString('latin1'));
}

/** The status and the start of the body on one line. Of a page only its title says anything. */
function wordsOf({ status, statusText, body }: HttpResponse, page: boolean): string {
  const text = body.subarray(0, MAX_WORDS_BYTES).toString('utf8');
  const said = page ? (/<title>([^<]*)/i.exec(text)?.[1] ?? 'a web page') : text;
  const line = said.replace(/[\p{Cc}\s]+/gu, ' ').trim();
  return `${status} ${statusText}${line === '' ? '' : `: ${line}`}`;
}
