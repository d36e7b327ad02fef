import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import test, { type TestContext } from 'node:test';
import type { HttpEdge } from '../../src/http/index.js';
import { BoundedServer } from '../../src/http/server.js';
import { Metrics } from '../../src/lib/index.js';
import { until } from '../until.js';
import { ask, viewWith, withEdge } from './kit.js';

const HOST = 'Host: 127.0.0.1\r\n';

/** A connection that a test writes to byte by byte; `text` is all that came back, `ended` whether it was closed. */
class Peer {
  readonly socket: Socket;
  text = '';
  ended = false;

  constructor(port: number, bytes = '') {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1');
    });
    this.socket.on('error', () => {}); // Being cut is what is tested.
    this.socket.on('close', () => {
      this.ended = true;
    });
    this.socket.write(bytes);
  }

  get status(): number {
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(this.text)?.[1]);
  }

  /** Waits until the other side closes. */
  async end(): Promise<this> {
    await until(`the end of the connection after ${JSON.stringify(this.text)}`, () => this.ended);
    return this;
  }
}

const portOf = (edge: HttpEdge) => Number(new URL(edge.address!).port);

test('what is no request is answered clearly, counted, and cut', async () => {
  const metrics = new Metrics();
  await withEdge({ metrics }, async (edge) => {
    const f = async (bytes: string, status: number, want: RegExp) => {
      const peer = await new Peer(portOf(edge), bytes).end();
      assert.equal(peer.status, status, JSON.stringify(bytes.slice(0, 60)));
      assert.match(peer.text, want);
      assert.match(peer.text, /\r\nConnection: close\r\n/i);
      assert.equal((await ask(edge, '/-/healthy')).status, 200);
    };
    await f('hello\r\n\r\n', 400, /this is no HTTP request/);
    await f('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, /this is no HTTP request/);
    await f(`GET / HTTP/9.9\r\n${HOST}\r\n`, 400, /no HTTP request/);
    await f(`GET / HTTP/1.1\r\n${HOST}bad header\r\n\r\n`, 400, /no HTTP request/);
    await f(
      `GET / HTTP/1.1\r\n${HOST}Content-Length: 5\r\nContent-Length: 6\r\n\r\n`,
      400,
      /no HTTP request/,
    );
    await f('GET / HTTP/1.1\r\n\r\n', 400, /^HTTP\/1\.1 400/); // no Host
    await f(`GET / HTTP/1.1\r\n${HOST}Long: ${'x'.repeat(10_000)}\r\n\r\n`, 431, /longer than 8 KiB/);
    await f(`GET /${'x'.repeat(10_000)} HTTP/1.1\r\n${HOST}\r\n`, 431, /longer than 8 KiB/);
    // bodies: refused before a byte of them is read, also when their chunks are no chunks
    const chunked = `POST /metrics HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`;
    await f(`${chunked}5\r\nhello\r\n0\r\n\r\n`, 413, /no endpoint here takes a body/);
    await f(`${chunked}zz\r\nhello`, 413, /no endpoint here takes a body/);
    await f(`${chunked}ffffffffffffffffff\r\n`, 413, /no endpoint here takes a body/);
    await f(
      `POST / HTTP/1.1\r\n${HOST}Content-Length: 99999999999\r\n\r\nx`,
      413,
      /no endpoint here takes a body/,
    );
    await f(
      `POST / HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`,
      413,
      /^HTTP\/1\.1 413/,
    );
  });
  assert.match(metrics.render(), /^sentinel_http_requests_total\{path="unreadable",code="400"\} 5$/m);
  assert.match(metrics.render(), /^sentinel_http_requests_total\{path="unreadable",code="431"\} 2$/m);
});

/** A server with short waits, as the edge has it with long ones. */
async function impatient(
  t: TestContext,
  handler: RequestListener,
): Promise<{ port: number; statuses: number[] }> {
  const statuses: number[] = [];
  const bounded = new BoundedServer({
    handler,
    tls: undefined,
    onUnreadable: (status) => void statuses.push(status),
    times: { headersTimeout: 300, requestTimeout: 300, connectionsCheckingInterval: 50, idleTimeout: 600 },
  });
  await new Promise<void>((resolve) => bounded.server.listen(0, '127.0.0.1', resolve));
  t.after(() => bounded.close(0));
  return { port: (bounded.server.address() as AddressInfo).port, statuses };
}

test('slow requests: cut with 408, whatever trickles in', async (t) => {
  const { port, statuses } = await impatient(t, (_request, response) => void response.end('ok'));
  const peers = [
    new Peer(port), // says nothing
    new Peer(port, 'GET / HT'),
    new Peer(port, `GET / HTTP/1.1\r\n${HOST}X: `),
  ];
  const trickle = new Peer(port, `GET / HTTP/1.1\r\n${HOST}`);
  await until('the trickling peer to be cut', () => {
    if (!trickle.ended) trickle.socket.write('X: y\r\n');
    return trickle.ended;
  });
  for (const peer of peers) await peer.end();
  assert.equal(peers[2]!.status, 408);
  assert.match(peers[2]!.text, /did not arrive in time/);
  assert.ok(statuses.length >= 3 && statuses.every((status) => status === 408));
});

test('a reader that stalls is cut, and what was held for it is let go', async (t) => {
  const big = 'x'.repeat(2 ** 23);
  let closed = false;
  const { port } = await impatient(t, (_request, response) => {
    response.on('close', () => {
      closed = true;
    });
    response.end(big);
  });
  const peer = new Peer(port, `GET / HTTP/1.1\r\n${HOST}\r\n`);
  peer.socket.pause();
  await until('the answer to be given up', () => closed);
});

test('64 connections that idle or dawdle do not keep a newcomer out', async () => {
  await withEdge({}, async (edge) => {
    const peers = Array.from({ length: 150 }, (_, i) =>
      i % 2 === 0 ? new Peer(portOf(edge)) : new Peer(portOf(edge), `GET / HTTP/1.1\r\n${HOST}X: `),
    );
    await until('the oldest to be cut', () => peers.filter(({ ended }) => ended).length >= 80);
    for (let i = 0; i < 5; i++) assert.equal((await ask(edge, '/-/healthy')).status, 200);
    for (const { socket } of peers) socket.destroy();
  });
});

test('answers that nobody reads are bounded: beyond 16 MiB the next ones are put off', async () => {
  const config = 'x'.repeat(2 ** 23);
  await withEdge({ view: viewWith({ config: () => config }) }, async (edge) => {
    const greedy: Peer[] = [];
    await until('an answer to be put off', async () => {
      const peer = new Peer(portOf(edge), `GET /api/v1/status/config HTTP/1.1\r\n${HOST}\r\n`);
      peer.socket.pause();
      greedy.push(peer);
      return (await ask(edge, '/metrics')).status === 503;
    });
    assert.ok(greedy.length <= 20, `${greedy.length} answers of 8 MiB were made`);
    const reply = await ask(edge, '/metrics');
    assert.equal(reply.headers['retry-after'], '1');
    for (const { socket } of greedy) socket.destroy();
    await until('room again', async () => (await ask(edge, '/metrics')).status === 200);
  });
});

test('closing does not wait for slow clients', async () => {
  await withEdge({}, async (edge) => {
    const peer = new Peer(portOf(edge), `GET / HTTP/1.1\r\n${HOST}X: `);
    await until('the connection', () => !peer.socket.connecting);
    await edge.close();
    await peer.end();
  });
});
