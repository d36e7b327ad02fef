import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, statSync, utimesSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server as TcpServer,
} from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type ErrorCode, errorLine, Secret, SentinelError } from '../../src/lib/index.js';
import {
  createHttpClient,
  type HttpClientOptions,
  type HttpRequest,
  type Resolver,
} from '../../src/net/index.js';
import { turnsUntil } from '../loop-turns.js';
import { until } from '../until.js';
import { Authority } from './certificates.js';

/** Every name is this host, `nowhere` excepted. */
const resolver: Resolver = {
  resolve(name) {
    if (name !== 'nowhere') return Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
    return Promise.reject(new SentinelError('SEN_RESOLVE', 'cannot resolve "nowhere": no such name'));
  },
  close: () => undefined,
};

async function listen(t: TestContext, server: Server | TcpServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listen(t, createServer({ keepAlive: true }, listener))}`;
}

function client(t: TestContext, options: Partial<HttpClientOptions> = {}) {
  const made = createHttpClient({ keepAlive: true, ...options }, resolver);
  t.after(() => made.close());
  return made;
}

function get(url: string, more: Partial<HttpRequest> = {}): HttpRequest {
  return { method: 'GET', url, signal: AbortSignal.timeout(10_000), maxBodyBytes: 1 << 20, ...more };
}

async function fails(promise: Promise<unknown>, code: ErrorCode, pattern: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert(error instanceof SentinelError, String(error));
    assert.match(errorLine(error), pattern);
    assert.equal(error.code, code);
    return true;
  });
}

async function bodyOf(message: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of message) text += chunk;
  return text;
}

test('http client: an answer, whatever its status; names by the resolver; headers', async (t) => {
  const url = await serve(t, async (message, response) => {
    const body = await bodyOf(message);
    response.writeHead(503, 'Busy', { 'retry-after': '7' });
    response.end(JSON.stringify({ method: message.method, headers: message.headers, body }));
  });
  const { port } = new URL(url);
  const http = client(t, {
    authorization: { type: 'Bearer', credentials: new Secret('token') },
    headers: { 'X-Scope-OrgID': 'blue', 'X-Key': new Secret('key') },
  });
  const request = { method: 'POST', body: Buffer.from('abc'), headers: { 'Content-Type': 'application/x' } };
  const response = await http.request(get(`http://receiver.example:${port}/write?a=1`, request));
  assert.equal(response.status, 503);
  assert.equal(response.statusText, 'Busy');
  assert.equal(response.headers['retry-after'], '7');
  const seen = JSON.parse(response.body.toString());
  assert.equal(seen.body, 'abc');
  assert.equal(seen.headers.host, `receiver.example:${port}`);
  assert.equal(seen.headers.authorization, 'Bearer token');
  assert.equal(seen.headers['x-scope-orgid'], 'blue');
  assert.equal(seen.headers['x-key'], 'key');
  assert.equal(seen.headers['content-type'], 'application/x');
  assert.equal(seen.headers['content-length'], '3');
  assert.match(seen.headers['user-agent'], /^Sentinel\//);
});

test('http client: credentials by basic_auth and by the URL', async (t) => {
  const url = await serve(t, (message, response) => response.end(message.headers.authorization));
  const f = async (options: Partial<HttpClientOptions>, target: string, want: string) =>
    assert.equal((await client(t, options).request(get(target))).body.toString(), `Basic ${btoa(want)}`);
  await f({ basicAuth: { username: 'me', password: new Secret('pw') } }, url, 'me:pw');
  await f({ basicAuth: { username: 'me', password: undefined } }, url, 'me:');
  await f({}, url.replace('//', '//a%40b:c@'), 'a@b:c');
});

test('http client: bodies are decompressed, within the limit', async (t) => {
  const bomb = gzipSync(Buffer.alloc(50 << 20));
  const url = await serve(t, (message, response) => {
    const [, encoding] = /encoding=(\w+)/.exec(message.url!) ?? [];
    if (encoding !== undefined) response.setHeader('content-encoding', encoding);
    if (message.url!.startsWith('/bomb')) response.end(bomb);
    else if (message.url!.startsWith('/cut')) response.end(gzipSync('hello').subarray(0, 12));
    else if (message.url!.startsWith('/endless'))
      setImmediate(function more() {
        if (response.write(Buffer.alloc(65_536))) setImmediate(more);
        else response.once('drain', more);
      });
    else response.end(encoding === undefined ? '0123456789' : gzipSync('0123456789'));
  });
  const http = client(t);
  const text = async (path: string, maxBodyBytes: number) =>
    (await http.request(get(url + path, { maxBodyBytes }))).body.toString();
  assert.equal(await text('/?encoding=gzip', 100), '0123456789');
  assert.equal(await text('/', 10), '0123456789');
  await fails(text('/', 9), 'SEN_LIMIT', /the body is longer than 9B/);
  await fails(text('/endless', 100_000), 'SEN_LIMIT', /longer than/);
  // 50 MB that travel as 50 KB: decompressing stops at the limit
  assert(bomb.length < 100_000);
  const before = process.memoryUsage().rss;
  await fails(text('/bomb?encoding=gzip', 1 << 20), 'SEN_LIMIT', /longer than 1MiB/);
  assert(process.memoryUsage().rss - before < 25 << 20);
  await fails(
    text('/cut?encoding=gzip', 100),
    'SEN_NET',
    /cannot decompress the body \(gzip\): unexpected end/,
  );
  await fails(text('/?encoding=br', 100), 'SEN_NET', /encoded as "br"/);
});

test('http client: redirects', async (t) => {
  const log: string[] = [];
  const listener: RequestListener = async (message, response) => {
    const { authorization, 'x-key': key, 'content-type': type } = message.headers;
    const body = await bodyOf(message);
    log.push([message.method, message.url, authorization, key, type, body].filter((part) => part).join(' '));
    const [, status, to] = /^\/(\d+)\??(.*)$/.exec(message.url!) ?? [];
    if (status === undefined) response.end('done');
    else response.writeHead(Number(status), to === '' ? {} : { location: to }).end();
  };
  const here = await serve(t, listener);
  const elsewhere = await serve(t, listener);
  const options = {
    authorization: { type: 'Bearer', credentials: new Secret('s') },
    headers: { 'X-Key': 'k' },
  };
  const f = async (method: string, path: string, want: { status: number; log: string[] }, more = {}) => {
    const body = method === 'POST' ? { body: Buffer.from('b'), headers: { 'content-type': 'c' } } : {};
    const response = await client(t, { ...options, ...more }).request(get(here + path, { method, ...body }));
    assert.equal(response.status, want.status, path);
    assert.deepEqual(log.splice(0), want.log);
  };

  // GET follows all of them
  for (const status of [301, 302, 303, 307, 308])
    await f('GET', `/${status}?/end`, {
      status: 200,
      log: [`GET /${status}?/end Bearer s k`, 'GET /end Bearer s k'],
    });
  // without a place to go it is the answer
  await f('GET', '/302', { status: 302, log: ['GET /302 Bearer s k'] });
  await f('GET', '/302?/end', { status: 302, log: ['GET /302?/end Bearer s k'] }, { followRedirects: false });
  // POST is never turned into a GET
  for (const status of [301, 302, 303])
    await f('POST', `/${status}?/end`, { status, log: [`POST /${status}?/end Bearer s k c b`] });
  await f('POST', '/307?/end', {
    status: 200,
    log: ['POST /307?/end Bearer s k c b', 'POST /end Bearer s k c b'],
  });
  // another host gets neither credentials nor configured headers, nor does the first one when it comes back
  await f('POST', `/308?${elsewhere}/end`, {
    status: 200,
    log: [`POST /308?${elsewhere}/end Bearer s k c b`, 'POST /end c b'],
  });
  await f('GET', `/302?${elsewhere}/302?${here}/end`, {
    status: 200,
    log: [`GET /302?${elsewhere}/302?${here}/end Bearer s k`, `GET /302?${here}/end`, 'GET /end'],
  });
  // not for ever, and not to anything
  const http = client(t);
  const loop = await serve(t, (_, response) => response.writeHead(302, { location: '/' }).end());
  await fails(http.request(get(`${loop}/`)), 'SEN_NET', /stopped after 10 redirects/);
  await fails(
    http.request(get(`${here}/302?ftp://x/y`)),
    'SEN_NET',
    /cannot follow the redirect to "ftp:\/\/x\/y"/,
  );
});

test('http client: errors keep their cause', async (t) => {
  const http = client(t);
  await fails(
    http.request(get('http://nowhere/')),
    'SEN_RESOLVE',
    /cannot GET "http:\/\/nowhere\/": .*no such name/,
  );
  const refused = createTcpServer();
  const port = await listen(t, refused);
  await new Promise((resolve) => refused.close(resolve));
  await fails(
    http.request(get(`http://u:pw@127.0.0.1:${port}/?q=secret`)),
    'SEN_NET',
    /^(?!.*(secret"|pw)).*ECONNREFUSED/,
  );
  await assert.rejects(http.request(get(`http://127.0.0.1:${port}/`)), (error: Error) => {
    assert.equal((error.cause as NodeJS.ErrnoException).code, 'ECONNREFUSED');
    return true;
  });
  const broken = await listen(
    t,
    createTcpServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n')),
  );
  await fails(http.request(get(`http://127.0.0.1:${broken}/`)), 'SEN_NET', /Parse Error/);
  const cut = await serve(t, (_, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('half');
    setImmediate(() => response.destroy());
  });
  await fails(http.request(get(cut)), 'SEN_NET', /aborted|closed before the end/);
});

test('http client: an aborted signal ends every phase, with its reason', async (t) => {
  const http = client(t);
  const silent = await listen(
    t,
    createTcpServer(() => undefined),
  );
  const slow = await serve(t, (_, response) => {
    response.write('begun');
  });
  for (const url of [`http://127.0.0.1:${silent}/`, `https://127.0.0.1:${silent}/`, slow]) {
    const controller = new AbortController();
    const reason = new Error('deadline');
    const ended = assert.rejects(
      http.request(get(url, { signal: controller.signal })),
      (error) => error === reason,
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    controller.abort(reason);
    const turns = await turnsUntil(ended, 1000);
    assert(turns < 1000, `${turns} turns of the loop`);
    await ended;
  }
  const controller = new AbortController();
  controller.abort(new Error('before'));
  await assert.rejects(http.request(get(slow, { signal: controller.signal })), /before/);
});

test('http client: connections are kept, and one closed under us is replaced', async (t) => {
  let connections = 0;
  let requests = 0;
  /** Requests that are cut. */
  let abrupt = 0;
  const server = createTcpServer((socket) => {
    connections++;
    socket.on('error', () => undefined);
    socket.on('data', () => {
      requests++;
      // As a server that closes an idle connection just when the next request arrives.
      if (abrupt-- > 0) socket.resetAndDestroy();
      else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  });
  const url = `http://127.0.0.1:${await listen(t, server)}/`;
  const http = client(t);
  const post = () => http.request(get(url, { method: 'POST', body: Buffer.from('x') }));
  await post();
  await post();
  assert.equal(connections, 1);
  abrupt = 1;
  assert.equal((await post()).body.toString(), 'ok');
  assert.equal(connections, 2);
  // a new connection that is reset is an error, not a reason to try for ever
  abrupt = Infinity;
  const before = requests;
  await fails(client(t).request(get(url)), 'SEN_NET', /ECONNRESET/);
  assert.equal(requests, before + 1);
  // without keepAlive each request has its own
  abrupt = 0;
  const single = client(t, { keepAlive: false });
  const start = connections;
  await single.request(get(url, { signal: AbortSignal.timeout(10_000) }));
  await single.request(get(url));
  assert.equal(connections - start, 2);
});

test('http client: an answer that broke off is not asked for again', async (t) => {
  let requests = 0;
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => {
      requests++;
      if (requests === 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      else socket.write('HTTP/1.1 200 OK\r\nConte', () => setImmediate(() => socket.resetAndDestroy()));
    });
  });
  const url = `http://127.0.0.1:${await listen(t, server)}/`;
  const http = client(t);
  await http.request(get(url));
  await assert.rejects(http.request(get(url)));
  assert.equal(requests, 2);
});

test('http client: TLS', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sentinel-tls-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const authority = new Authority(directory);
  const { cert, key, certFile, keyFile } = authority.issue('server', 'DNS:good.example,IP:127.0.0.1');
  let requests = 0;
  const listener: RequestListener = (_, response) => {
    requests++;
    response.end('ok');
  };
  const port = await listen(t, createHttpsServer({ cert, key }, listener));
  const secret = { authorization: { type: 'Bearer', credentials: new Secret('s') } };
  const f = async (name: string, tls: HttpClientOptions['tls']) =>
    (await client(t, { ...secret, tls }).request(get(`https://${name}:${port}/`))).body.toString();

  assert.equal(await f('good.example', { caFile: authority.caFile }), 'ok');
  assert.equal(await f('127.0.0.1', { caFile: authority.caFile }), 'ok');
  assert.equal(await f('bad.example', { caFile: authority.caFile, serverName: 'good.example' }), 'ok');
  assert.equal(await f('bad.example', { insecureSkipVerify: true }), 'ok');
  // not verified: not one request was written
  requests = 0;
  await fails(f('bad.example', { caFile: authority.caFile }), 'SEN_TLS', /bad.example. is not in the cert/);
  await fails(f('good.example', {}), 'SEN_TLS', /unable to (verify|get)/);
  await fails(
    f('good.example', { caFile: join(directory, 'absent.pem') }),
    'SEN_TLS',
    /cannot read ".*absent.pem": ENOENT/,
  );
  await fails(
    f('good.example', { caFile: keyFile, certFile: keyFile }),
    'SEN_TLS',
    /cannot use the certificates of/,
  );
  assert.equal(requests, 0);
  // versions
  const old = await listen(t, createHttpsServer({ cert, key, maxVersion: 'TLSv1.2' }, listener));
  const modern = client(t, { tls: { caFile: authority.caFile, minVersion: 'TLS13' } });
  await fails(modern.request(get(`https://good.example:${old}/`)), 'SEN_TLS', /version/i);
  const ancient = await listen(
    t,
    createHttpsServer(
      { cert, key, minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' },
      listener,
    ),
  );
  const lenient = client(t, { tls: { caFile: authority.caFile, minVersion: 'TLS10' } });
  assert.equal((await lenient.request(get(`https://good.example:${ancient}/`))).status, 200);
  // a client certificate
  const mutual = createHttpsServer({ cert, key, ca: [authority.caText], requestCert: true }, listener);
  const mutualPort = await listen(t, mutual);
  const own = client(t, { tls: { caFile: authority.caFile, certFile, keyFile } });
  assert.equal((await own.request(get(`https://good.example:${mutualPort}/`))).status, 200);
  await fails(
    client(t, { tls: { caFile: authority.caFile } }).request(get(`https://good.example:${mutualPort}/`)),
    'SEN_TLS',
    /certificate required/i,
  );
});

test('http client: changed certificate files are used without a restart', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sentinel-tls-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const authority = new Authority(directory);
  const other = mkdtempSync(join(tmpdir(), 'sentinel-tls-'));
  t.after(() => rmSync(other, { recursive: true }));
  const stranger = new Authority(other, 'Another CA');
  const { cert, key } = authority.issue('server', 'DNS:good.example');
  const port = await listen(
    t,
    createHttpsServer({ cert, key }, (_, response) => response.end('ok')),
  );
  const caFile = join(directory, 'trusted.pem');
  copyFileSync(stranger.caFile, caFile);
  const http = client(t, { tls: { caFile } });
  const url = `https://good.example:${port}/`;
  await fails(http.request(get(url)), 'SEN_TLS', /unable to/);
  copyFileSync(authority.caFile, caFile);
  utimesSync(caFile, new Date(), new Date(statSync(caFile).mtimeMs + 5000));
  // looked at once a second
  await until('the new file to count', () =>
    http.request(get(url)).then(
      ({ status }) => status === 200,
      () => false,
    ),
  );
});

test('http client: proxies', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sentinel-tls-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const authority = new Authority(directory);
  const { cert, key } = authority.issue('server', 'DNS:good.example,DNS:proxy.example');
  const tls = { caFile: authority.caFile };
  const securePort = await listen(
    t,
    createHttpsServer({ cert, key }, (_, response) => response.end('secret ok')),
  );
  const asked: string[] = [];
  const answer: RequestListener = (message, response) => {
    asked.push(`${message.method} ${message.url} ${message.headers['proxy-authorization']}`);
    response.end(`host ${message.headers.host}`);
  };
  const tunnel = (message: IncomingMessage, socket: import('node:stream').Duplex) => {
    asked.push(`CONNECT ${message.url} ${message.headers['proxy-authorization']}`);
    if (message.url!.startsWith('denied')) {
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      return;
    }
    const upstream = connect(securePort, '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
    upstream.pipe(socket).pipe(upstream);
  };
  const plain = await listen(t, createServer(answer).on('connect', tunnel));
  const secure = await listen(t, createHttpsServer({ cert, key }, answer).on('connect', tunnel));
  const auth = `Basic ${btoa('me:pw')}`;

  for (const url of [`http://me:pw@proxy.example:${plain}`, `https://me:pw@proxy.example:${secure}`]) {
    const http = client(t, { proxy: { url }, tls });
    const direct = await http.request(get('http://target.example:81/x?y=1'));
    assert.equal(direct.body.toString(), 'host target.example:81');
    assert.equal(asked.pop(), `GET http://target.example:81/x?y=1 ${auth}`);
    const through = await http.request(get('https://good.example:4443/'));
    assert.equal(through.body.toString(), 'secret ok');
    assert.equal(asked.pop(), `CONNECT good.example:4443 ${auth}`);
    // kept: no second CONNECT
    await http.request(get('https://good.example:4443/'));
    assert.equal(asked.length, 0);
    // the target's certificate is judged behind the proxy too
    await fails(http.request(get('https://bad.example/')), 'SEN_TLS', /is not in the cert/);
    await fails(http.request(get('https://denied.example/')), 'SEN_NET', /Bad response: 403/);
    asked.length = 0;
  }
});

test('http client: only gzip, and no body but that of one status, where a scrape asks for that', async (t) => {
  const page = Buffer.from('0123456789');
  const url = await serve(t, (message, response) => {
    const { searchParams } = new URL(message.url!, 'http://x');
    response.writeHead(Number(searchParams.get('status') ?? 200), {
      'content-encoding': searchParams.get('encoding') ?? 'identity',
    });
    if (searchParams.has('raw')) response.end(page);
    else if (searchParams.has('empty')) response.end();
    else response.end(gzipSync(page));
  });
  const http = client(t);
  const ask = (query: string, maxBodyBytes = 100) =>
    http.request(get(`${url}/?${query}`, { maxBodyBytes, bodyOfStatus: 200, onlyGzip: true }));
  const text = async (query: string, maxBodyBytes?: number) =>
    (await ask(query, maxBodyBytes)).body.toString();

  assert.equal(await text('encoding=gzip'), '0123456789');
  // what is encoded otherwise comes as it is
  assert.equal(await text('encoding=br&raw'), '0123456789');
  assert.equal(await text('encoding=GZIP&raw'), '0123456789');
  // a page that grew by compression is within its limit all the same
  assert.equal(await text('encoding=gzip', 10), '0123456789');
  await fails(ask('encoding=gzip', 9), 'SEN_LIMIT', /longer than 9B/);
  await fails(ask('encoding=gzip&raw'), 'SEN_NET', /cannot decompress/);
  await fails(ask('encoding=gzip&empty'), 'SEN_NET', /cannot decompress/);
  // no body, and so no fault of it
  const refused = await ask('status=404&encoding=gzip&raw', 1);
  assert.deepEqual([refused.status, refused.body.length], [404, 0]);
});

test('http client: as many connections at once as asked for', async (t) => {
  const waiting: (() => void)[] = [];
  const url = await serve(t, (_, response) => waiting.push(() => response.end('ok')));
  const many = client(t, { maxConnections: 40 });
  const answers = Array.from({ length: 40 }, () => many.request(get(url)));
  await until('all of them', () => waiting.length === 40);
  for (const answer of waiting) answer();
  assert.equal((await Promise.all(answers)).length, 40);
});

test('http client: several values of a header, and a Unix socket', async (t) => {
  const seen: IncomingMessage[] = [];
  const server = createServer((message, response) => {
    seen.push(message);
    response.end('ok');
  });
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-net-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const socketPath = join(folder, 'target.sock');
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  t.after(() => server.close());
  const http = client(t, { keepAlive: false, headers: { 'X-Many': [new Secret('one'), new Secret('two')] } });
  const { body } = await http.request(get('http://nowhere:9/metrics', { socketPath }));
  assert.equal(body.toString(), 'ok');
  assert.equal(seen[0]!.headers['x-many'], 'one, two');
  assert.equal(seen[0]!.headers.host, 'nowhere:9');
  assert.equal(seen[0]!.url, '/metrics');
});

test('http client: a request that is aborted before it is sent ends too', async (t) => {
  let requests = 0;
  const url = await serve(t, () => requests++);
  const abort = new AbortController();
  const asked = client(t).request(get(url, { signal: abort.signal }));
  abort.abort(new Error('enough'));
  const ended = asked.then(
    () => 'answered',
    (error: Error) => error.message,
  );
  const patience = new Promise((resolve) => setTimeout(resolve, 30_000, 'waits still').unref());
  assert.equal(await Promise.race([ended, patience]), 'enough');
  assert.equal(requests, 0);
});
