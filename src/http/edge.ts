import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import {
  type Clock,
  errorLine,
  type Logger,
  type Metrics,
  SentinelError,
  systemClock,
  Throttle,
  type Timer,
} from '../lib/index.js';
import { Certificates } from './certificates.js';
import { isLocal, type ListenAddress, tryParseListen } from './listen.js';
import type { HttpOptions } from './options.js';
import { createHandler, type RequestHandler } from './routes.js';
import { BoundedServer } from './server.js';
import { makeRoomFor, tryRemove } from './socket-file.js';
import type { HttpView } from './view.js';

const RETRY_MS = 10_000;
const LOG_PERIOD_MS = 60_000;
/** How long the end of the control socket waits for the disk that it is on. */
const REMOVE_MS = 1000;

/** What the edge is made of. */
export interface HttpEdgeOptions extends Partial<Omit<HttpOptions, 'listen'>> {
  /** `host:port`, `[::1]:port`, `:port` or `unix:/path`; port 0 takes a free one. */
  listen: string;
  view: HttpView;
  log: Logger;
  metrics: Metrics;
  /** `http.listen`, or the socket in the data directory. */
  listener?: 'http' | 'control';
  /** Names that the Host header may have beside addresses, localhost, this host's name and those of the certificate. */
  extraHosts?: readonly string[];
  clock?: Clock;
}

/** An HTTP server of the agent: the pages, or the control socket. */
export interface HttpEdge {
  /** Where it really listens (`http://127.0.0.1:9872`, `https://...`, `unix:/path`); `undefined` while it cannot. */
  readonly address: string | undefined;
  /** Settles after the first attempt. When the address is taken it says so in the log, and tries again every 10 s until `close`. */
  start(): Promise<void>;
  /** Stops listening at once; cuts open connections, after `graceMs` when it is given. */
  close(graceMs?: number): Promise<void>;
}

/** Makes the HTTP edge; nothing listens before `start`. Throws SEN_CONFIG_INVALID for a `listen` that cannot be used. */
export function createHttpEdge(options: HttpEdgeOptions): HttpEdge {
  const { listen, basicAuth, tls } = options;
  const place = tryParseListen(listen);
  if (place === undefined)
    throw invalid(listen, 'expected host:port, [::1]:port or unix:/path with an absolute path');
  if (!isLocal(place) && basicAuth === undefined && tls?.clientCaFile === undefined)
    throw invalid(listen, 'beyond loopback only with http.basic_auth or http.tls.client_ca_file');
  return new Edge(options, place);
}

function invalid(listen: string, cause: string): SentinelError {
  return new SentinelError('SEN_CONFIG_INVALID', `cannot use http.listen "${listen}": ${cause}`);
}

class Edge implements HttpEdge {
  readonly #options: HttpEdgeOptions;
  readonly #place: ListenAddress;
  readonly #clock: Clock;
  readonly #certificates: Certificates | undefined;
  readonly #handler: RequestHandler;
  readonly #throttle: Throttle;
  #server: BoundedServer | undefined;
  #address: string | undefined;
  #retry: Timer | undefined;
  #lastFault: string | undefined;
  #closed = false;

  constructor(options: HttpEdgeOptions, place: ListenAddress) {
    const { metrics, tls, listener = 'http' } = options;
    const clock = options.clock ?? systemClock;
    this.#options = options;
    this.#place = place;
    this.#clock = clock;
    this.#throttle = new Throttle(LOG_PERIOD_MS, () => clock.monotonic());
    this.#certificates = tls === undefined ? undefined : new Certificates(tls, clock);
    this.#handler = this.#createHandler();
    metrics
      .family('gauge', 'sentinel_http_listening', '1 while the HTTP server listens, else 0.')
      .read({ listener }, () => (this.#address === undefined ? 0 : 1));
  }

  get address(): string | undefined {
    return this.#address;
  }

  async start(): Promise<void> {
    const { log, listen } = this.#options;
    try {
      this.#server = await this.#listen();
    } catch (error) {
      this.#report(error);
      if (!this.#closed) this.#retry = this.#clock.after(RETRY_MS, () => void this.start());
      return;
    }
    if (this.#closed) return this.close();
    const { server } = this.#server;
    server.on('error', (error) => log.error({ err: errorLine(error) }, 'HTTP server failed'));
    this.#address = 'path' in this.#place ? listen : this.#urlOf(server.address() as AddressInfo);
    this.#lastFault = undefined;
    log.info({ address: this.#address }, 'HTTP server listens');
  }

  async close(graceMs = 0): Promise<void> {
    this.#closed = true;
    this.#retry?.cancel();
    this.#address = undefined;
    const server = this.#server;
    this.#server = undefined;
    if (server !== undefined && (await this.#mayClose())) await server.close(graceMs);
    else server?.abandon();
  }

  /** Closing a socket file removes it, in the thread of the event loop; on a disk that stalls, which the data directory may be on, that would hold up the rest of a stop. */
  async #mayClose(): Promise<boolean> {
    const { listener, log } = this.#options;
    const place = this.#place;
    if (listener !== 'control' || !('path' in place)) return true;
    const isRemoved = await tryRemove(place.path, REMOVE_MS, this.#clock);
    if (!isRemoved) log.warn({ path: place.path }, 'The disk does not answer: the control socket stays');
    return isRemoved;
  }

  #createHandler(): RequestHandler {
    const { view, log, metrics, basicAuth, tls, extraHosts = [] } = this.#options;
    const own = 'path' in this.#place ? [] : [this.#place.host ?? ''];
    const names = new Set([...extraHosts, ...own, hostname()].map((name) => name.toLowerCase()));
    return createHandler({
      view,
      log,
      metrics,
      clock: this.#clock,
      guards: {
        isOurName: (name) => names.has(name) || this.#certificates?.isFor(name) === true,
        basicAuth,
        scheme: tls === undefined ? 'http' : 'https',
      },
    });
  }

  /** Gives a server that listens, or throws the system's error. */
  async #listen(): Promise<BoundedServer> {
    const bounded = new BoundedServer({
      handler: this.#handler.answer,
      onUnreadable: this.#handler.countUnreadable,
      tls: this.#certificates?.current(),
    });
    const { server } = bounded;
    const place = this.#place;
    // Before the handshake of the connection: it gets the certificate that is there now.
    if (this.#certificates !== undefined) server.prependListener('connection', () => this.#renew(bounded));
    if ('path' in place) await makeRoomFor(place.path);
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
    return bounded;
  }

  /** Takes certificates that changed; with those that cannot be used it goes on with the ones before. */
  #renew(bounded: BoundedServer): void {
    const { log } = this.#options;
    try {
      if (this.#certificates?.haveChanged() === true) bounded.setCertificates(this.#certificates.current());
    } catch (error) {
      const suppressed = this.#throttle.pass('renew');
      if (suppressed !== undefined)
        log.error(
          { err: errorLine(error), suppressed },
          'cannot use the new files of http.tls; the old ones stay',
        );
    }
  }

  /** Says it once for a row of equal faults. */
  #report(error: unknown): void {
    const { log, listen, listener } = this.#options;
    const fault = faultOf(error, listen, listener === 'control' ? 'sentinel.data_dir' : 'http.listen');
    if (fault === this.#lastFault) return;
    this.#lastFault = fault;
    log.error({ retry_seconds: RETRY_MS / 1000 }, fault);
  }

  #urlOf({ address, port, family }: AddressInfo): string {
    const scheme = this.#certificates === undefined ? 'http' : 'https';
    return family === 'IPv6' ? `${scheme}://[${address}]:${port}` : `${scheme}://${address}:${port}`;
  }
}

/** One sentence: what cannot be done, why, and what to do. */
function faultOf(error: unknown, listen: string, key: string): string {
  const code = (error as NodeJS.ErrnoException).code;
  const cause =
    code === 'EADDRINUSE'
      ? `it is in use; stop the program that listens there (ss -ltnp, ss -lxp), or change ${key}`
      : code === 'EACCES'
        ? `not permitted; use a port above 1023 or a folder that the agent may write, in ${key}`
        : `${errorLine(error)}; change ${key}`;
  return `cannot listen on "${listen}": ${cause}; the agent goes on without this HTTP server and tries again`;
}
