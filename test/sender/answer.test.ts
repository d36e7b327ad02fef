import assert from 'node:assert/strict';
import test from 'node:test';
import { SentinelError } from '../../src/lib/index.js';
import type { HttpResponse } from '../../src/net/index.js';
import { judgeError, judgeResponse, parseRetryAfter, TimeoutError } from '../../src/sender/answer.js';

const NOW = Date.UTC(2026, 0, 1);

function responseOf(status: number, body = '', headers: Record<string, string> = {}): HttpResponse {
  return { status, statusText: 'Text', headers, body: Buffer.from(body), url: 'http://r/' };
}

test('answer: every status means what the table of the design says', () => {
  const f = (status: number, want: string, body = '', headers: Record<string, string> = {}) => {
    const answer = judgeResponse(responseOf(status, body, headers), NOW);
    assert.equal(
      answer.kind === 'accepted' ? 'accepted' : `${answer.kind} ${answer.reason}`,
      want,
      `${status} ${body}`,
    );
  };
  const html = { 'content-type': 'text/html; charset=utf-8' };
  // done
  for (const status of [200, 202, 204]) f(status, 'accepted');
  f(200, 'accepted', '', html);
  f(200, 'accepted', '{"status":"success"}', { 'content-type': 'application/json' });
  // a page is no success
  f(200, 'wrong endpoint', '<p>hello</p>', html);
  f(200, 'wrong endpoint', '  <!DOCTYPE html><p>hello</p>');
  f(204, 'wrong endpoint', '<HTML>', { 'content-type': 'text/plain' });
  // again later
  for (const status of [500, 502, 503, 504, 408, 425]) f(status, 'retry server');
  f(502, 'retry server', '<html>bad gateway</html>', html);
  f(429, 'retry throttled');
  // never
  for (const status of [400, 409, 413, 422]) f(status, 'refused refused', 'out of bounds');
  f(413, 'refused refused', '<html>413 Request Entity Too Large</html>', html);
  // the endpoint
  for (const status of [401, 403, 404, 405, 301, 302, 303, 304, 402, 410, 415, 421])
    f(status, 'wrong endpoint');
  f(400, 'wrong endpoint', '<html>The plain HTTP request was sent to HTTPS port</html>', html);
  f(400, 'wrong endpoint', 'remoteAddr: "1.2.3.4"; requestURI: /x; unsupported path requested: "/x"');
});

test('answer: a wrong endpoint comes with what to set', () => {
  const f = (response: HttpResponse, want: RegExp) => {
    const answer = judgeResponse(response, NOW);
    assert.equal(answer.kind, 'wrong');
    assert.match((answer as { advice: string }).advice, want);
  };
  // Prometheus 2.42 names an option that is gone; later ones name the flag
  f(
    responseOf(404, 'remote write receiver needs to be enabled with --enable-feature=remote-write-receiver'),
    /receiver is off.*--web\.enable-remote-write-receiver/,
  );
  f(
    responseOf(404, 'remote write receiver needs to be enabled with --web.enable-remote-write-receiver'),
    /receiver is off.*--web\.enable-remote-write-receiver/,
  );
  f(responseOf(404, '404 page not found'), /\/api\/v1\/write/);
  f(responseOf(400, 'unsupported path requested: "/"'), /\/api\/v1\/write/);
  f(responseOf(401), /basic_auth or authorization/);
  f(responseOf(403), /may not write/);
  f(responseOf(405), /path/);
  f(responseOf(302, '', { location: 'https://other/x' }), /https:\/\/other\/x.*set it as `url`/);
  f(responseOf(302, '', { location: '/login?token=t0ken' }), /^(?!.*t0ken).*\/login\?.*set it as `url`/);
  f(responseOf(200, '<html>'), /web page/);
});

test('answer: the words are the status and the start of the body, on one line', () => {
  const f = (response: HttpResponse, want: string) => {
    const answer = judgeResponse(response, NOW);
    assert.equal((answer as { words: string }).words, want);
  };
  f(responseOf(400, ''), '400 Text');
  f(responseOf(400, ' out of\n\tbounds\u001b[31m\r\n'), '400 Text: out of bounds [31m');
  f(responseOf(400, 'x'.repeat(5000)), `400 Text: ${'x'.repeat(4096)}`);
  f(responseOf(404, '<html><head><title>Not here</title></head>'), '404 Text: Not here');
  f(responseOf(404, '<html>'), '404 Text: a web page');
});

test('answer: Retry-After counts for 429 and 503 alone', () => {
  const f = (status: number, header: string | undefined, want: number | undefined) => {
    const answer = judgeResponse(
      responseOf(status, '', header === undefined ? {} : { 'retry-after': header }),
      NOW,
    );
    assert.equal((answer as { retryAfterMs: number | undefined }).retryAfterMs, want, `${status} ${header}`);
  };
  f(429, '7', 7000);
  f(503, '7', 7000);
  f(500, '7', undefined);
  f(503, undefined, undefined);
});

test('answer: Retry-After is seconds or a date', () => {
  const f = (header: string | undefined, want: number | undefined) =>
    assert.equal(parseRetryAfter(header, NOW), want, header);
  f('30', 30_000);
  f(' 1 ', 1000);
  f('Thu, 01 Jan 2026 00:00:20 GMT', 20_000);
  f('Thursday, 01-Jan-26 00:00:20 GMT', 20_000);
  // longer than an hour
  f('999999999', 3_600_000);
  // past, or nothing that the RFC knows
  for (const header of [
    undefined,
    '',
    '0',
    '-5',
    '1.5',
    'soon',
    'Wed, 31 Dec 2025 23:59:59 GMT',
    '2026-01-02',
  ])
    f(header, undefined);
});

test('answer: no answer is tried again, except where a page was too long', () => {
  const f = (error: unknown, want: string) => {
    const answer = judgeError(error);
    assert.equal(`${answer.kind} ${(answer as { reason: string }).reason}`, want);
  };
  f(new SentinelError('SEN_NET', 'x'), 'retry network');
  f(new SentinelError('SEN_RESOLVE', 'x'), 'retry resolve');
  f(new SentinelError('SEN_TLS', 'x'), 'retry tls');
  f(new TimeoutError('x'), 'retry timeout');
  f(new Error('x'), 'retry network');
  f(new SentinelError('SEN_LIMIT', 'x'), 'wrong endpoint');
});
