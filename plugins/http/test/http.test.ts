import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, createServer as createTcpServer } from 'node:net';
import type { Duplex } from 'node:stream';
import test, { type TestContext } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { parseDocument } from 'yaml';
import type { Result } from '../../../src/sdk/index.js';
import { until } from '../../../test/until.js';
import { addressHash } from '../address.js';
import {
  certificate,
  definition,
  lines,
  listen,
  readConfig,
  runOnce,
  temporaryFolder,
  testResolver,
  value,
} from './testing.js';

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listen(t, createServer(listener))}`;
}

/** `ok`, or the reason and the evidence. */
function verdict(result: Result): string {
  return result.ok ? 'ok' : `${result.reason}: ${result.evidence}`;
}

test('http: every metric is declared, and all phases are there from the start', async (t) => {
  assert(definition.metrics !== 'dynamic');
  const declared = definition.metrics.map((metric) => metric.name);
  const url = await serve(t, (_, response) =>
    response.setHeader('last-modified', 'Tue, 15 Nov 1994 12:45:26 GMT').end('hello'),
  );
  const result = await runOnce({ url });
  assert.deepEqual(
    result.samples.filter((sample) => !declared.includes(sample.name)),
    [],
  );
  assert.equal(result.evidence, 'HTTP 200 OK, 5 bytes');
  assert.deepEqual(
    lines(result).filter((line) => !/duration|lookup/.test(line)),
    [
      'probe_failed_due_to_regex 0',
      'probe_http_content_length 5',
      'probe_http_last_modified_timestamp_seconds 784903526',
      'probe_http_redirects 0',
      'probe_http_ssl 0',
      'probe_http_status_code 200',
      'probe_http_uncompressed_body_length 5',
      'probe_http_version 1.1',
      'probe_ip_addr_hash 3668918509',
      'probe_ip_protocol 4',
    ],
  );
  const failed = await runOnce({ url: 'http://nowhere.example/' });
  assert.equal(verdict(failed), 'resolve: cannot resolve "nowhere.example": no such name');
  const phases = failed.samples.filter((sample) => sample.name === 'probe_http_duration_seconds');
  assert.deepEqual(
    phases.map((sample) => sample.labels!.phase),
    ['resolve', 'connect', 'tls', 'processing', 'transfer'],
  );
  assert.equal(value(failed, 'probe_ip_protocol'), 0);
});

test('http: address hash is FNV-1a over the bytes of the address', () => {
  // 127.0.0.1 and ::1 as blackbox_exporter 0.23 gives them
  assert.equal(addressHash('127.0.0.1'), 3668918509);
  assert.equal(addressHash('::1'), 1751717746);
  assert.equal(addressHash('0:0:0:0:0:0:0:1'), 1751717746);
  assert.equal(addressHash('fe80::1%eth0'), addressHash('fe80::1'));
});

test('http: what was sent', async (t) => {
  const url = await serve(t, async (message, response) => {
    let body = '';
    for await (const chunk of message) body += chunk;
    const {
      host,
      authorization,
      'x-a': a,
      'user-agent': agent,
      connection,
      'accept-encoding': accept,
    } = message.headers;
    const seen = [message.method, message.url, host, authorization, a, agent, connection, accept, body];
    response.end(seen.map(String).join('|'));
  });
  const authority = url.replace('http://', '');
  const f = async (options: Record<string, unknown>, want: string) => {
    const must = `^${want.replace(/[.*+?^$()[\]{}|\\/]/g, '\\$&')}$`;
    const result = await runOnce({ url, ...options, fail_if_body_not_matches_regexp: [must] });
    assert.equal(verdict(result), 'ok', want);
  };
  const rest = 'Sentinel|close|undefined|';
  await f({}, `GET|/|${authority}|undefined|undefined|${rest}`);
  // without a scheme it is http
  await f({ url: `${authority}/p?q=1` }, `GET|/p?q=1|${authority}|undefined|undefined|${rest}`);
  await f(
    { method: 'POST', body: 'b', headers: { 'X-A': '1', Host: 'h.example' } },
    `POST|/|h.example|undefined|1|${rest}b`,
  );
  await f(
    { basic_auth: { username: 'u', password: 'p' } },
    `GET|/|${authority}|Basic dTpw|undefined|${rest}`,
  );
  await f({ url: `http://u:p@${authority}` }, `GET|/|${authority}|Basic dTpw|undefined|${rest}`);
  await f({ bearer_token: 't' }, `GET|/|${authority}|Bearer t|undefined|${rest}`);
  await f(
    { authorization: { type: 'Token', credentials: 't' } },
    `GET|/|${authority}|Token t|undefined|${rest}`,
  );
});

test('http: status, version, header and body assertions', async (t) => {
  const url = await serve(t, (message, response) => {
    response.statusCode = Number(message.url!.slice(1)) || 200;
    response.setHeader('X-Kind', ['red', 'blue']).end('Hello World\nversion: 12');
  });
  const f = async (options: Record<string, unknown>, want: RegExp, regex = 0) => {
    const result = await runOnce({ url, ...options });
    assert.match(verdict(result), want);
    assert.equal(value(result, 'probe_failed_due_to_regex'), regex);
  };
  await f({ url: `${url}/204` }, /^ok$/);
  await f({ url: `${url}/404` }, /^status: HTTP 404 Not Found$/);
  await f({ url: `${url}/404`, valid_status_codes: [404] }, /^ok$/);
  await f({ valid_status_codes: [201] }, /^status: HTTP 200 OK$/);
  await f({ valid_http_versions: ['HTTP/1.1', 'HTTP/2.0'] }, /^ok$/);
  await f({ valid_http_versions: ['HTTP/1.0'] }, /^mismatch: .*the version is HTTP\/1.1$/);
  await f({ fail_if_body_matches_regexp: ['nothing', 'W.rld'] }, /^mismatch: .*the body matches "W.rld"$/, 1);
  await f({ fail_if_body_matches_regexp: ['^World'] }, /^ok$/);
  await f({ fail_if_body_not_matches_regexp: ['(?i)hello', '\\d+$'] }, /^ok$/);
  await f({ fail_if_body_not_matches_regexp: ['hello'] }, /^mismatch: .*the body does not match "hello"$/, 1);
  const header = (regexp: string, more = {}) => [{ header: 'x-kind', regexp, ...more }];
  await f({ fail_if_header_matches: header('^blue$') }, /^mismatch: .*header x-kind matches/, 1);
  await f({ fail_if_header_matches: header('^green$') }, /^ok$/);
  await f({ fail_if_header_not_matches: header('^blue$') }, /^ok$/);
  await f({ fail_if_header_not_matches: header('^green$') }, /^mismatch: .*does not match/, 1);
  const absent = (allow_missing: boolean) => [{ header: 'X-Other', regexp: 'x', allow_missing }];
  await f({ fail_if_header_matches: absent(false) }, /^mismatch: .*no header x-other/, 1);
  await f({ fail_if_header_not_matches: absent(false) }, /^mismatch: .*no header x-other/, 1);
  await f({ fail_if_header_matches: absent(true), fail_if_header_not_matches: absent(true) }, /^ok$/);
  await f({ fail_if_not_ssl: true }, /^mismatch: .*without TLS$/);
  await f({ fail_if_ssl: true }, /^ok$/);
  // the first fault is the reason
  await f({ url: `${url}/500`, fail_if_body_matches_regexp: ['World'] }, /^status: /);
});

test('http: bodies', async (t) => {
  const text = 'hello '.repeat(1000);
  const bodies: Record<string, Buffer> = {
    '/gzip': gzipSync(text),
    '/br': brotliCompressSync(text),
    '/deflate': deflateSync(text),
    '/raw': deflateRawSync(text),
    '/plain': Buffer.from(text),
    '/empty': Buffer.alloc(0),
    '/bomb': gzipSync(Buffer.alloc(50 << 20)),
  };
  const url = await serve(t, (message, response) => {
    if (message.url === '/cut') {
      response.writeHead(200, { 'content-length': '100' }).write('half', () => response.destroy());
    } else if (message.url === '/cut0') {
      response.writeHead(200, { 'content-length': '100' }).flushHeaders();
      setImmediate(() => response.destroy());
    } else if (message.url === '/slow') {
      setTimeout(() => response.setHeader('content-length', 0).end(), 200);
    } else if (message.url === '/chunked') {
      response.write('a');
      response.end('b');
    } else response.setHeader('content-length', bodies[message.url!]!.length).end(bodies[message.url!]);
  });
  const f = async (
    path: string,
    options: Record<string, unknown>,
    want: RegExp,
    lengths: [number, number],
  ) => {
    const result = await runOnce({ url: url + path, ...options });
    assert.match(verdict(result), want, path);
    const seen = [
      value(result, 'probe_http_content_length'),
      value(result, 'probe_http_uncompressed_body_length'),
    ];
    assert.deepEqual(seen, lengths, path);
  };
  const size = (path: string) => bodies[path]!.length;
  await f('/plain', {}, /^ok$/, [6000, 6000]);
  await f('/gzip', {}, /^ok$/, [size('/gzip'), size('/gzip')]);
  await f('/gzip', { compression: 'gzip' }, /^ok$/, [size('/gzip'), 6000]);
  await f('/br', { compression: 'br' }, /^ok$/, [size('/br'), 6000]);
  await f('/deflate', { compression: 'deflate' }, /^ok$/, [size('/deflate'), 6000]);
  await f('/raw', { compression: 'deflate' }, /^ok$/, [size('/raw'), 6000]);
  await f('/plain', { compression: 'identity' }, /^ok$/, [6000, 6000]);
  for (const compression of ['gzip', 'br', 'deflate']) {
    await f('/empty', { compression }, /^ok$/, [0, 0]);
    await f('/gzip', { compression, method: 'HEAD' }, /^ok$/, [size('/gzip'), 0]);
  }
  await f('/cut0', { compression: 'gzip' }, /^reset: body: closed before its end$/, [100, 0]);
  await f('/plain', { compression: 'gzip' }, /^parse: body: incorrect header check$/, [6000, 0]);
  await f('/chunked', {}, /^ok$/, [-1, 2]);
  await f('/plain', { method: 'HEAD' }, /^ok$/, [6000, 0]);
  await f('/plain', { body_size_limit: '6000B' }, /^ok$/, [6000, 6000]);
  await f('/plain', { body_size_limit: '5999B' }, /^too_large: .*longer than 5999 bytes$/, [6000, 5999]);
  await f('/cut', {}, /^reset: body: /, [100, 4]);
  // 50 MB that travel as 50 KB, held for a pattern: not beyond the limit
  const options = { compression: 'gzip', fail_if_body_matches_regexp: ['x'] };
  await f('/bomb', options, /^too_large: .*longer than 10485760 bytes$/, [size('/bomb'), 10485760]);
  // and nothing goes on behind it: while the next probe waits, so does the process
  const before = process.cpuUsage();
  await f('/slow', {}, /^ok$/, [0, 0]);
  const { user, system } = process.cpuUsage(before);
  assert((user + system) / 1000 < 100, `${(user + system) / 1000} ms of 200 ms`);
});

test('http: redirects', async (t) => {
  const log: string[] = [];
  const listener: RequestListener = async (message, response) => {
    let body = '';
    for await (const chunk of message) body += chunk;
    const { authorization, 'x-a': a } = message.headers;
    log.push(
      [message.method, message.url!.split('?')[0], authorization, a, body].filter((part) => part).join(' '),
    );
    const [, status, to] = /^\/(\d+)\?(.*)$/.exec(message.url!) ?? [];
    if (status === undefined) response.end('done');
    else response.writeHead(Number(status), { location: to, 'content-length': '0' }).end();
  };
  const here = await serve(t, listener);
  const elsewhere = await serve(t, listener);
  const secrets = { bearer_token: 's', headers: { 'X-A': 'a' } };
  const f = async (
    options: Record<string, unknown>,
    want: { redirects: number; log: string[]; verdict?: RegExp },
  ) => {
    const result = await runOnce({ ...secrets, ...options });
    assert.match(verdict(result), want.verdict ?? /^ok$/);
    assert.equal(value(result, 'probe_http_redirects'), want.redirects);
    assert.deepEqual(log.splice(0), want.log);
    return result;
  };
  const post = { method: 'POST', body: 'b' };
  await f({ url: `${here}/302?/end` }, { redirects: 1, log: ['GET /302 Bearer s a', 'GET /end Bearer s a'] });
  // as a browser does: 301-303 make a GET of a POST, 307 and 308 keep it
  await f(
    { url: `${here}/303?/end`, ...post },
    { redirects: 1, log: ['POST /303 Bearer s a b', 'GET /end Bearer s a'] },
  );
  await f(
    { url: `${here}/308?/end`, ...post },
    { redirects: 1, log: ['POST /308 Bearer s a b', 'POST /end Bearer s a b'] },
  );
  await f(
    { url: `${here}/301?/end`, method: 'HEAD' },
    { redirects: 1, log: ['HEAD /301 Bearer s a', 'HEAD /end Bearer s a'] },
  );
  // nothing of ours goes to another host, nor to the first one when it comes back
  await f(
    { url: `${here}/302?${elsewhere}/307?${here}/end` },
    { redirects: 2, log: ['GET /302 Bearer s a', 'GET /307', 'GET /end'] },
  );
  const unfollowed = { url: `${here}/302?/end`, follow_redirects: false };
  await f(unfollowed, { redirects: 1, log: ['GET /302 Bearer s a'], verdict: /^status: HTTP 302 Found$/ });
  await f({ ...unfollowed, valid_status_codes: [302] }, { redirects: 1, log: ['GET /302 Bearer s a'] });
  const loop = await serve(t, (_, response) => response.writeHead(302, { location: '/' }).end());
  await f({ url: loop }, { redirects: 11, log: [], verdict: /^status: HTTP 302 Found$/ });
  await f(
    { url: `${here}/302?mailto:x` },
    { redirects: 0, log: ['GET /302 Bearer s a'], verdict: /^parse: / },
  );
  // the place it leads to does not answer: no status, as nothing was answered
  const lost = await f(
    { url: `${here}/302?http://nowhere.example/` },
    { redirects: 1, log: ['GET /302 Bearer s a'], verdict: /^resolve: / },
  );
  assert.equal(value(lost, 'probe_http_status_code'), 0);
});

test('http: what is compressed on this host is asked for so on the next one, too', async (t) => {
  const asked: (string | undefined)[] = [];
  const elsewhere = await serve(t, (message, response) => {
    asked.push(message.headers['accept-encoding'], message.headers['x-a'] as string | undefined);
    if (message.headers['accept-encoding'] === 'gzip') response.end(gzipSync('packed'));
    else response.end('plain');
  });
  const here = await serve(t, (_, response) => response.writeHead(302, { location: elsewhere }).end());
  const result = await runOnce({ url: here, compression: 'gzip', headers: { 'X-A': 'a' } });
  assert.equal(verdict(result), 'ok');
  assert.deepEqual(asked, ['gzip', undefined]);
});

test('http: cookies go back to the host that set them', async (t) => {
  const seen: string[] = [];
  const listener: RequestListener = (message, response) => {
    seen.push(`${message.url!.split('?')[0]} ${message.headers.cookie ?? '-'}`);
    const steps: Record<string, [string[], string]> = {
      '/a': [['id=1; Path=/; HttpOnly', 'old=2', 'safe=3; Secure', 'broken'], '/b'],
      '/b': [['old=; Max-Age=0'], `http://localhost:${new URL(url).port}/c`],
      '/c': [[], `${url}/d`],
    };
    const [set, location] = steps[message.url!] ?? [];
    if (location === undefined) response.end();
    else response.writeHead(302, { 'set-cookie': set!, location }).end();
  };
  const url: string = await serve(t, listener);
  assert.equal(verdict(await runOnce({ url: `${url}/a`, headers: { Cookie: 'own=0' } })), 'ok');
  assert.deepEqual(seen, ['/a own=0', '/b own=0; id=1; old=2', '/c -', '/d id=1']);
});

test('http: nothing stays behind a run', async (t) => {
  const folder = temporaryFolder(t);
  const pair = certificate(folder, 'good', { names: 'DNS:good.example' });
  const answer: RequestListener = (message, response) => {
    if (message.url === '/r') response.writeHead(302, { location: '/' }).end('x'.repeat(100_000));
    else if (message.url === '/hang') response.write('x');
    else response.end('ok');
  };
  const plain = await serve(t, answer);
  const secure = `https://good.example:${await listen(t, createHttpsServer(pair, answer))}`;
  const trusted = { tls_config: { ca_file: pair.certFile } };
  for (const options of [
    { url: `${plain}/r` },
    { url: `${plain}/hang` },
    { url: `${plain}/hang`, body_size_limit: '1B' },
    { url: `${secure}/r`, ...trusted },
    { url: `${secure}/hang`, ...trusted },
    { url: secure },
  ]) {
    const controller = new AbortController();
    const task = definition.prepare(readConfig(options), testResolver, { timeoutMs: 100 });
    const timer = setTimeout(() => controller.abort(new Error('deadline')), 100);
    await definition.collect(task, { signal: controller.signal, timeoutMs: 100, plannedMs: 0 });
    clearTimeout(timer);
    // the sockets say so when they are closed
    await until('their end', () => getEventListeners(controller.signal, 'abort').length === 0);
  }
});

test('http: failures by reason', async (t) => {
  const closed = createTcpServer();
  const port = await listen(t, closed);
  await new Promise((resolve) => closed.close(resolve));
  const f = async (options: Record<string, unknown>, want: RegExp, timeoutMs = 5000) => {
    const result = await runOnce(options, timeoutMs);
    assert.match(verdict(result), want);
    return result;
  };
  await f({ url: `http://127.0.0.1:${port}` }, /^refused: connect to 127.0.0.1:\d+: .*ECONNREFUSED/);
  const ssh = await listen(
    t,
    createTcpServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n')),
  );
  await f({ url: `http://127.0.0.1:${ssh}` }, /^parse: no answer: Parse Error/);
  await f({ url: `https://127.0.0.1:${ssh}` }, /^tls: TLS with 127.0.0.1: /);
  const slam = await listen(
    t,
    createTcpServer((socket) => socket.once('data', () => socket.resetAndDestroy())),
  );
  await f({ url: `http://127.0.0.1:${slam}` }, /^reset: no answer: /);
  await f({ url: `https://127.0.0.1:${slam}` }, /^reset: TLS with 127.0.0.1: /);
  const hangUp = await listen(
    t,
    createTcpServer((socket) => socket.once('data', () => socket.end())),
  );
  await f({ url: `https://127.0.0.1:${hangUp}` }, /^tls: .*closed by the peer/);
  // one deadline for all phases
  const silent = await listen(
    t,
    createTcpServer(() => undefined),
  );
  await f(
    { url: `http://127.0.0.1:${silent}` },
    /^timeout: no answer in time; the last phase that ended was connect$/,
    500,
  );
  const slow = await serve(t, (_, response) => {
    response.writeHead(200).write('begun');
  });
  const result = await f({ url: slow }, /^timeout: HTTP 200, not read to its end in time$/, 500);
  assert.equal(value(result, 'probe_http_status_code'), 200);
  assert(value(result, 'probe_http_duration_seconds', 'transfer')! >= 0.25);
});

test('http: phases are honest', async (t) => {
  const url = await serve(t, (_, response) => {
    setTimeout(() => {
      response.write('first');
      setTimeout(() => response.end('last'), 300);
    }, 60);
  });
  const startedMs = performance.now();
  const result = await runOnce({ url });
  const tookMs = performance.now() - startedMs;
  assert.equal(verdict(result), 'ok');
  const phase = (name: string) => value(result, 'probe_http_duration_seconds', name)! * 1000;
  // The timers of the server run in this process too, so that the border between the two may move a little.
  assert(phase('processing') >= 59, `processing ${phase('processing')}`);
  assert(phase('transfer') >= 150, `transfer ${phase('transfer')}`);
  assert(phase('processing') + phase('transfer') >= 359);
  assert(phase('connect') > 0);
  // None of it counts twice: what the server waited for is in no other phase.
  const sum = ['resolve', 'connect', 'processing', 'transfer'].reduce((ms, name) => ms + phase(name), 0);
  assert(sum <= tookMs, `${sum} ms of ${tookMs}`);
  assert.equal(phase('tls'), 0);
});

test('http: certificates are shown and judged before anything is written', async (t) => {
  const folder = temporaryFolder(t);
  const good = certificate(folder, 'good', { names: 'DNS:good.example,DNS:other.example,IP:127.0.0.1' });
  const expired = certificate(folder, 'expired', { names: 'DNS:good.example', days: -1 });
  let requests = 0;
  const answer: RequestListener = (message, response) => {
    requests++;
    if (message.url === '/away')
      response.writeHead(302, { location: `https://other.example:${port}/` }).end();
    else response.end('ok');
  };
  const port = await listen(t, createHttpsServer(good, answer));
  const expiredPort = await listen(t, createHttpsServer(expired, answer));
  const trusted = { tls_config: { ca_file: good.certFile } };
  const url = `https://good.example:${port}/`;

  const ok = await runOnce({ url, ...trusted, fail_if_not_ssl: true });
  assert.equal(verdict(ok), 'ok');
  assert.equal(value(ok, 'probe_http_ssl'), 1);
  assert.deepEqual(ok.samples.find((sample) => sample.name === 'probe_tls_version_info')?.labels, {
    version: 'TLS 1.3',
  });
  assert.equal(
    value(ok, 'probe_ssl_last_chain_expiry_timestamp_seconds'),
    value(ok, 'probe_ssl_earliest_cert_expiry'),
  );
  assert(Math.abs(value(ok, 'probe_ssl_earliest_cert_expiry')! - Date.now() / 1000 - 10 * 86_400) < 300);
  assert(value(ok, 'probe_http_duration_seconds', 'tls')! > 0);
  assert.equal(
    verdict(await runOnce({ url, ...trusted, fail_if_ssl: true })),
    'mismatch: HTTP 200 OK; it came over TLS',
  );
  assert.equal(verdict(await runOnce({ url: `https://127.0.0.1:${port}/`, ...trusted })), 'ok');
  const byName = { tls_config: { ca_file: good.certFile, server_name: 'other.example' } };
  assert.equal(verdict(await runOnce({ url: `https://bad.example:${port}/`, ...byName })), 'ok');
  assert.equal(
    verdict(
      await runOnce({ url: `https://bad.example:${port}/`, ...trusted, headers: { Host: 'good.example' } }),
    ),
    'ok',
  );
  assert.equal(verdict(await runOnce({ url: `${url}away`, ...byName })), 'ok');

  const refused = async (options: Record<string, unknown>, why: RegExp, expiry: number) => {
    requests = 0;
    const result = await runOnce({ bearer_token: 'secret', ...options });
    assert.match(verdict(result), why);
    assert.equal(requests, 0);
    // known all the same
    assert(Math.abs(value(result, 'probe_ssl_earliest_cert_expiry')! - Date.now() / 1000 - expiry) < 300);
    assert.equal(value(result, 'probe_ssl_last_chain_info'), 1);
    assert.equal(value(result, 'probe_ssl_last_chain_expiry_timestamp_seconds'), undefined);
  };
  await refused(
    { url },
    /^certificate: certificate of good.example not accepted: DEPTH_ZERO_SELF_SIGNED_CERT \(valid from .* to .* GMT\)$/,
    864_000,
  );
  const expiredUrl = `https://good.example:${expiredPort}/`;
  await refused(
    { url: expiredUrl, tls_config: { ca_file: expired.certFile } },
    /^certificate: .*CERT_HAS_EXPIRED/,
    -86_400,
  );
  assert.equal(verdict(await runOnce({ url: expiredUrl, tls_config: { insecure_skip_verify: true } })), 'ok');
  // a chain that is good, for another name: no chain expiry either, as nothing was verified for this one
  requests = 0;
  const wrongName = await runOnce({ url: `https://bad.example:${port}/`, ...trusted });
  assert.match(verdict(wrongName), /^certificate: .*ERR_TLS_CERT_ALTNAME_INVALID/);
  assert.equal(value(wrongName, 'probe_ssl_last_chain_expiry_timestamp_seconds'), undefined);
  assert.equal(requests, 0);
  // a file that is not there
  const absent = await runOnce({ url, tls_config: { ca_file: `${folder}/absent.pem` } });
  assert.match(verdict(absent), /^tls: cannot read ".*absent.pem": ENOENT/);
  // versions that do not meet
  const old = await listen(t, createTlsServer({ ...good, maxVersion: 'TLSv1.2' }));
  const modern = { tls_config: { ca_file: good.certFile, min_version: 'TLS13' } };
  assert.match(verdict(await runOnce({ url: `https://good.example:${old}/`, ...modern })), /^tls: /);
});

test('http: proxies', async (t) => {
  const folder = temporaryFolder(t);
  const pair = certificate(folder, 'server', { names: 'DNS:good.example,DNS:proxy.example' });
  const target = await listen(
    t,
    createHttpsServer(pair, (_, response) => response.end('secure')),
  );
  const asked: string[] = [];
  const answer: RequestListener = (message, response) => {
    asked.push(
      `${message.method} ${message.url} ${message.headers.host} ${message.headers['proxy-authorization']}`,
    );
    response.end();
  };
  const tunnel = (message: IncomingMessage, socket: Duplex) => {
    asked.push(`CONNECT ${message.url} ${message.headers['proxy-authorization']}`);
    if (message.url!.startsWith('denied')) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const upstream = connect(target, '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
    upstream.pipe(socket).pipe(upstream);
  };
  const plain = await listen(t, createServer(answer).on('connect', tunnel));
  const secure = await listen(t, createHttpsServer(pair, answer).on('connect', tunnel));
  for (const proxy_url of [`http://u:p@proxy.example:${plain}`, `https://u:p@proxy.example:${secure}`]) {
    const options = { proxy_url, tls_config: { ca_file: pair.certFile } };
    const http = await runOnce({ url: 'http://nowhere.example/x', ...options });
    assert.equal(verdict(http), 'ok');
    assert.equal(value(http, 'probe_ip_protocol'), undefined);
    assert.equal(asked.pop(), 'GET http://nowhere.example/x nowhere.example Basic dTpw');
    const https = await runOnce({
      url: `https://good.example/`,
      ...options,
      fail_if_body_not_matches_regexp: ['secure'],
    });
    assert.equal(verdict(https), 'ok');
    assert.equal(asked.pop(), 'CONNECT good.example:443 Basic dTpw');
    assert.match(verdict(await runOnce({ url: 'https://bad.example/', ...options })), /^certificate: /);
    assert.match(
      verdict(await runOnce({ url: 'https://denied.example/', ...options })),
      /^refused: .*HTTP 407$/,
    );
    asked.length = 0;
  }
});

test('http: options', () => {
  const url = 'http://h';
  const f = (options: Record<string, unknown>, want: RegExp) =>
    assert.throws(() => readConfig({ url, ...options }), want);
  assert.throws(() => readConfig({}), /^Error: url: missing/);
  f({ url: 'ftp://h' }, /url: expected a URL such as https:\/\/host\/path/);
  f({ url: 'http://' }, /url: expected a URL/);
  f({ url: 'http:///path' }, /url: expected a URL/);
  f({ fail_if_body_matches_regexp: ['ok', '('] }, /fail_if_body_matches_regexp.1: .*missing closing \)/);
  f(
    { fail_if_header_matches: [{ header: 'a', regexp: '(?=x)' }] },
    /fail_if_header_matches.0.regexp: .*invalid/,
  );
  f(
    { basic_auth: { username: 'u' }, bearer_token: 't' },
    /at most one of basic_auth, authorization and bearer_token/,
  );
  f({ authorization: { type: 'basic', credentials: 'x' } }, /authorization.type: use basic_auth/);
  f({ fail_if_ssl: true, fail_if_not_ssl: true }, /fail_if_ssl: cannot hold together/);
  f({ valid_http_versions: ['HTTP/2.0'] }, /valid_http_versions: the request is HTTP\/1.1/);
  f({ valid_status_codes: [99] }, /valid_status_codes.0: must be at least 100/);
  f({ tls_config: { ca_file: 'ca.pem' } }, /tls_config.ca_file: expected an absolute path/);
  f({ tls_config: { cert_file: '/c.pem' } }, /tls_config: give both cert_file and key_file/);
  f({ methdo: 'GET' }, /did you mean "method"/);
  f({ headers: { 'a b': 'x' } }, /name of a header/);
  // two tasks of the same options share nothing that changes; secrets do not print
  const config = readConfig({ url, headers: { 'X-Key': 'hush' }, bearer_token: 'hush' });
  assert(!JSON.stringify(config).includes('hush'));
});

test('http: sample.yaml holds the schema keys and their defaults', () => {
  const text = readFileSync('plugins/http/sample.yaml', 'utf8');
  const written = parseDocument(text.replace(/^# (?=\S+:| {2})/gm, '')).toJS() as Record<string, unknown>;
  const { url } = written;
  const minimal = parseDocument(text).toJS() as Record<string, unknown>;
  assert.deepEqual(minimal, { url });
  const optional = ['proxy_url', 'basic_auth', 'authorization', 'bearer_token'];
  const defaults = Object.fromEntries(Object.entries(written).filter(([key]) => !optional.includes(key)));
  assert.deepEqual(readConfig(defaults), readConfig(minimal));
  const keys = Object.keys(readConfig({ url: 'http://h', proxy_url: 'http://p', bearer_token: 't' }));
  assert.deepEqual(Object.keys(written).sort(), [...new Set([...keys, ...optional])].sort());
});
