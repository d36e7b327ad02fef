import { lstatSync, unlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { type Clock, errorLine, type Logger, type Metrics, systemClock, type Timer } from '../lib/index.js';
import { type ListenAddress, parseListen } from './listen.js';
import { createHandler } from './routes.js';
import type { HttpView } from './view.js';

const RETRY_MS = 10_000;

/** What the edge is made of. */
export interface HttpEdgeOptions {
  view: HttpView;
  log: Logger;
  metrics: Metrics;
  /** `host:port` (loopback), `[::1]:port` or `unix:/path`; port 0 takes a free one. */
  listen: string;
  /** Names that the Host header may have beside addresses and localhost. */
  extraHosts?: readonly string[];
  clock?: Clock;
}

/** The agent's HTTP server. */
export interface HttpEdge {
  /** Where it really listens (`http://127.0.0.1:9872`, `unix:/path`); `undefined` while it cannot. */
  readonly address: string | undefined;
  /** Settles after the first attempt. When the address is taken it says so in the log, and tries again every 10 s until `close`. */
  start(): Promise<void>;
  /** Stops listening and cuts open connections. */
  close(): Promise<void>;
}

/** Makes the HTTP edge; nothing listens before `start`. Throws SEN_CONFIG_INVALID for a `listen` that cannot be used. */
export function createHttpEdge(options: HttpEdgeOptions): HttpEdge {
  return new Edge(options, parseListen(options.listen));
}

class Edge implements HttpEdge {
  readonly #options: HttpEdgeOptions;
  readonly #place: ListenAddress;
  readonly #clock: Clock;
  readonly #handler: ReturnType<typeof createHandler>;
  #server: Server | undefined;
  #address: string | undefined;
  #retry: Timer | undefined;
  #lastFault: string | undefined;
  #closed = false;

  constructor(options: HttpEdgeOptions, place: ListenAddress) {
    const { view, log, metrics, extraHosts = [] } = options;
    this.#options = options;
    this.#place = place;
    this.#clock = options.clock ?? systemClock;
    this.#handler = createHandler({
      view,
      log,
      metrics,
      names: new Set(extraHosts.map((name) => name.toLowerCase())),
    });
    metrics.gaugeOf('sentinel_http_listening', '1 while the HTTP server listens, else 0.', () =>
      this.#address === undefined ? 0 : 1,
    );
  }

  get address(): string | undefined {
    return this.#address;
  }

  async start(): Promise<void> {
    const { log, listen } = this.#options;
    try {
      this.#server = await listenOn(this.#place, this.#handler);
    } catch (error) {
      this.#report(error);
      if (!this.#closed) this.#retry = this.#clock.after(RETRY_MS, () => void this.start());
      return;
    }
    if (this.#closed) return this.close();
    this.#server.on('error', (error) => log.error({ err: errorLine(error) }, 'HTTP server failed'));
    this.#address = 'path' in this.#place ? listen : urlOf(this.#server.address() as AddressInfo);
    this.#lastFault = undefined;
    log.info({ address: this.#address }, 'HTTP server listens');
  }

  /** Says it once for a row of equal faults. */
  #report(error: unknown): void {
    const fault = faultOf(error, this.#options.listen);
    if (fault === this.#lastFault) return;
    this.#lastFault = fault;
    this.#options.log.error({ retry_seconds: RETRY_MS / 1000 }, fault);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#retry?.cancel();
    this.#address = undefined;
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }
}

/** Gives a server that listens, or throws the system's error. */
async function listenOn(place: ListenAddress, handler: ReturnType<typeof createHandler>): Promise<Server> {
  const server = createServer(
    {
      maxHeaderSize: 8192,
      headersTimeout: 10_000,
      requestTimeout: 15_000,
      connectionsCheckingInterval: 5000,
      keepAliveTimeout: 5000,
    },
    handler,
  );
  server.maxHeadersCount = 64;
  server.maxConnections = 64;
  if ('path' in place) await removeStaleSocket(place.path);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // Binding is done when `listen` returns, so the mask holds for the socket file alone: 0600 from its first moment.
    const mask = process.umask(0o177);
    server.listen('path' in place ? { path: place.path } : place, () => {
      server.off('error', reject);
      resolve();
    });
    process.umask(mask);
  });
  return server;
}

/** A socket file that nobody listens on is left over from an agent that was killed. Throws EADDRINUSE when somebody answers, or when it is no socket. */
async function removeStaleSocket(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  const inUse = Object.assign(new Error(`${path} is in use`), { code: 'EADDRINUSE' });
  if (!stat.isSocket()) throw inUse;
  const answered = await new Promise<boolean>((resolve) => {
    const socket = connect(path, () => resolve(true));
    socket.on('connect', () => socket.destroy());
    socket.on('error', () => resolve(false));
  });
  if (answered) throw inUse;
  unlinkSync(path);
}

function urlOf({ address, port, family }: AddressInfo): string {
  return family === 'IPv6' ? `http://[${address}]:${port}` : `http://${address}:${port}`;
}

/** One sentence: what cannot be done, why, and what to do. */
function faultOf(error: unknown, listen: string): string {
  const code = (error as NodeJS.ErrnoException).code;
  const cause =
    code === 'EADDRINUSE'
      ? 'it is in use; stop the program that listens there (ss -ltnp, ss -lxp), or change http.listen'
      : code === 'EACCES'
        ? 'not permitted; use a port above 1023 or a folder that the agent may write, in http.listen'
        : `${errorLine(error)}; change http.listen`;
  return `cannot listen on "${listen}": ${cause}; the agent goes on without its HTTP server and tries again`;
}
