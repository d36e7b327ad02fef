import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { gzipSync } from 'node:zlib';

// Targets that mean no good, in a process of their own: prints the ports of http, of one that never ends a TLS handshake, of one with endless headers, and of
// another host, of a receiver. `/churn?series=N` gives N series that were never seen before, `/seen` the credentials that the other host was sent.

const MIB = 2 ** 20;
const TEXT = { 'content-type': 'text/plain; version=0.0.4' };
const GZIP = { ...TEXT, 'content-encoding': 'gzip' };

/** 10 GiB of zeros in about 10 MiB: a hundred gzip members behind each other are one file. */
const bomb = Buffer.concat(Array<Buffer>(100).fill(gzipSync(Buffer.alloc(100 * MIB))));
const nested = gzipSync(bomb);
const page = gzipSync(lines(5000));

function lines(count: number): string {
  return Array.from({ length: count }, (_, i) => `hostile_value{n="${i}"} ${i}\n`).join('');
}

function labels(count: number): string {
  return `hostile_labels{${Array.from({ length: count }, (_, i) => `a${i}="1"`).join(',')}} 1\n`;
}

/** Sends a piece again and again, as fast as it is taken. */
function endless(response: ServerResponse, piece: Buffer): void {
  const more = () => {
    while (!response.destroyed && response.write(piece));
  };
  response.on('drain', more);
  more();
}

function trickle(response: ServerResponse): void {
  const timer = setInterval(() => response.write('#'), 1000);
  response.on('close', () => clearInterval(timer));
}

const seen: string[] = [];
const other = createServer((request, response) => {
  seen.push(`${request.headers.authorization ?? ''}${request.headers['x-secret'] ?? ''}`);
  response.writeHead(200, TEXT).end('hostile_other 1\n');
});

let churned = 0;

const ANSWERS: Readonly<Record<string, (response: ServerResponse, request: IncomingMessage) => void>> = {
  '/bomb': (response) => response.writeHead(200, GZIP).end(bomb),
  '/nested': (response) => response.writeHead(200, GZIP).end(nested),
  '/endless': (response) =>
    endless(response.writeHead(200, TEXT), Buffer.alloc(65_536, 'hostile_endless 1\n')),
  '/trickle': (response) => trickle(response.writeHead(200, TEXT)),
  '/line': (response) => response.writeHead(200, TEXT).end(Buffer.alloc(10 * MIB, 'x')),
  '/labels': (response) => response.writeHead(200, TEXT).end(labels(1_000_000)),
  '/name': (response) => response.writeHead(200, TEXT).end(`hostile{${'a'.repeat(MIB)}="1"} 1\n`),
  '/utf8': (response) =>
    response.writeHead(200, TEXT).end(Buffer.from('hostile{a="\xff\xfe"} 1\n', 'latin1')),
  '/help': (response) =>
    response
      .writeHead(200, TEXT)
      .end(Array.from({ length: 100_000 }, (_, i) => `# HELP hostile_${i} Family ${i}.\n`).join('')),
  '/loop': (response) => response.writeHead(302, { location: '/loop' }).end(),
  '/file': (response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
  '/other': (response) =>
    response.writeHead(302, { location: `http://localhost:${portOf(other)}/metrics` }).end(),
  '/cut': (response) => {
    response.writeHead(200, GZIP).write(page.subarray(0, page.length / 2), () => response.destroy());
  },
  '/half': (response) => response.writeHead(200, GZIP).end(page.subarray(0, page.length / 2)),
  '/long': (response) => {
    response
      .writeHead(200, { ...TEXT, 'content-length': 1000 })
      .write('hostile_long 1\n', () => response.destroy());
  },
  '/short': (response) => {
    response.socket?.end(
      'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 20\r\n\r\nhostile_short{a="bcdefghij"} 1\n',
    );
  },
  '/churn': (response, request) => {
    const count = Number(new URL(request.url!, 'http://x').searchParams.get('series'));
    const from = churned;
    churned += count;
    const text = Array.from({ length: count }, (_, i) => `hostile_churn{series="${from + i}"} 1\n`);
    response.writeHead(200, TEXT).end(text.join(''));
  },
  '/seen': (response) => response.end(JSON.stringify(seen)),
};

const portOf = (server: Server) => (server.address() as AddressInfo).port;

const http = createServer((request, response) => {
  response.on('error', () => undefined);
  ANSWERS[new URL(request.url!, 'http://x').pathname]!(response, request);
});
const silent = createTcpServer((socket) => socket.on('error', () => undefined).resume());
const headers = createTcpServer((socket) => {
  socket.on('error', () => undefined).resume();
  socket.write('HTTP/1.1 200 OK\r\n');
  const more = () => {
    while (!socket.destroyed && socket.write(`x-${'h'.repeat(1000)}: ${'v'.repeat(1000)}\r\n`));
  };
  socket.on('drain', more);
  more();
});

/** A receiver that takes everything and looks at nothing. */
const sink = createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(204).end());
});

const servers = [http, silent, headers, other, sink];
let listening = 0;
for (const server of servers)
  server.listen(0, '127.0.0.1', () => {
    if (++listening === servers.length) process.stdout.write(`${servers.map(portOf).join(' ')}\n`);
  });
