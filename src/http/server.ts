import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';

/** Connections at once; the oldest makes room for the next. */
const MAX_CONNECTIONS = 64;

/** A connection on which nothing moves for so many milliseconds is cut: a reader that stalls holds its answer in our memory. */
export const IDLE_MS = 20_000;

/** Milliseconds. */
const TIMES = {
  idleTimeout: IDLE_MS,
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  connectionsCheckingInterval: 1000,
  keepAliveTimeout: 5000,
};

/** What is said to a request that could not be read; nothing where the connection itself failed. */
function whyUnreadable({ code = '' }: NodeJS.ErrnoException): readonly [string, string] | undefined {
  if (code === 'HPE_HEADER_OVERFLOW')
    return ['431 Request Header Fields Too Large', 'the headers are longer than 8 KiB'];
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return ['408 Request Timeout', 'the request did not arrive in time'];
  return code.startsWith('HPE_') ? ['400 Bad Request', 'this is no HTTP request'] : undefined;
}

/** What a server is made of. */
interface ServerParts {
  handler: RequestListener;
  /** HTTPS with these options, else plain HTTP. */
  tls: ServerOptions | undefined;
  /** Told of every request that could not be read, with the status of its answer. */
  onUnreadable: (status: number) => void;
  /** Tests wait less. */
  times?: { [K in keyof typeof TIMES]?: number };
}

/** A server that no client can hold up: every wait is bounded, and so is the number of connections. */
export class BoundedServer {
  readonly server: Server;
  readonly #sockets = new Set<Socket>();
  /** Answers that are not given yet. */
  readonly #open = new Set<ServerResponse>();
  #isClosing = false;
  #isAbandoned = false;

  constructor({ handler, tls, onUnreadable, times: ownTimes }: ServerParts) {
    const times = { ...TIMES, ...ownTimes };
    const options = { maxHeaderSize: 8192, ...times };
    const server =
      tls === undefined
        ? createServer(options, handler)
        : (createTlsServer(
            { ...options, handshakeTimeout: times.headersTimeout, ...tls },
            handler,
          ) as unknown as Server);
    server.maxHeadersCount = 64;
    server.timeout = times.idleTimeout;
    // Who has said all, and closes its side (`socat`, `nc -N`), waits for an answer that is still made. Node's types lack this property.
    Object.assign(server, { httpAllowHalfOpen: true });
    server.prependListener('request', (_, response) => this.#note(response));
    server.on('connection', (socket: Socket) => this.#admit(socket));
    server.on('checkContinue', handler); // Nobody is asked to go on with a body that is refused.
    server.on('clientError', (error: Error, stream) => {
      const socket = stream as Socket;
      const why = whyUnreadable(error);
      if (why === undefined || !socket.writable) return void socket.destroy();
      // Behind an answer to an earlier request, or to the head of this one, a second one would be taken for a part of it.
      if (socket.bytesWritten === 0) {
        onUnreadable(Number(why[0].slice(0, 3)));
        socket.write(answerOf(...why));
      }
      socket.destroySoon(); // A peer that reads nothing is cut by the idle timeout.
    });
    this.server = server;
  }

  /** Connections from now on get these certificates; for a server that was made with some. Throws what OpenSSL says of them. */
  setCertificates(tls: ServerOptions): void {
    (this.server as unknown as TlsServer).setSecureContext(tls);
  }

  /** Stops listening, and cuts every connection that is still there after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    for (const response of this.#open) lastOf(response);
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    const cut = () => {
      for (const socket of this.#sockets) socket.destroy();
    };
    const late = graceMs === 0 ? cut() : setTimeout(cut, graceMs);
    await closed;
    clearTimeout(late ?? undefined);
  }

  /** Cuts every connection, and each that still comes, but keeps the server open: closing it removes its socket file in this thread. */
  abandon(): void {
    this.#isAbandoned = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  #note(response: ServerResponse): void {
    if (this.#isClosing) lastOf(response);
    this.#open.add(response);
    response.on('close', () => this.#open.delete(response));
  }

  /** Answers take little time here, so a connection that is old is one that idles or is slow: it goes, and never the newcomer. */
  #admit(socket: Socket): void {
    if (this.#isAbandoned) return void socket.destroy();
    if (this.#sockets.size >= MAX_CONNECTIONS) {
      const [oldest] = this.#sockets;
      oldest?.destroy();
      if (oldest !== undefined) this.#sockets.delete(oldest);
    }
    this.#sockets.add(socket);
    socket.setMaxListeners(0); // Each answer listens for its end, and many may stand behind one another.
    socket.on('close', () => {
      this.#sockets.delete(socket);
      // An answer behind another one on the connection hears nothing of the end itself.
      for (const response of this.#open) if (response.req.socket === socket) this.#open.delete(response);
    });
  }
}

/** Tells the client that the connection ends with this answer: one that it kept would be cut under its next request. */
function lastOf(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}

function answerOf(status: string, text: string): string {
  const head = [
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${text.length + 1}`,
    'Connection: close',
  ];
  return `HTTP/1.1 ${status}\r\n${head.join('\r\n')}\r\n\r\n${text}\n`;
}
