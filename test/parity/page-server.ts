import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

/** What a target answers to one scrape. A text is a page of the text format. */
export type Answer =
  | string
  | {
      status?: number;
      /** `""` = none. */
      type?: string;
      headers?: Readonly<Record<string, string>>;
      body?: string | Uint8Array;
      gzip?: true;
      /** `hang`: never answers. `stall`: answers, and stops within the body. `cut`: ends the connection there. `reset`: cuts it at once. */
      fault?: 'hang' | 'stall' | 'cut' | 'reset';
    };

const TEXT = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * The targets of all cases: `/NAME` gives the pages of case NAME one after the other, and the last one from then on. Prometheus and Sentinel are told apart by
 * their User-Agent and each get the whole row. `/NAME/...` gives the last page of NAME.
 */
export class PageServer {
  readonly #pages: ReadonlyMap<string, readonly Answer[]>;
  readonly #asked = new Map<string, number>();
  readonly #server = createServer((request, response) => this.#serve(request, response));
  /** Client, case -> what was asked for. */
  readonly #requests = new Map<string, Set<string>>();

  constructor(pages: ReadonlyMap<string, readonly Answer[]>) {
    this.#pages = pages;
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  /** The different requests of a client for the pages of a case. */
  askedBy(client: 'prometheus' | 'sentinel', name: string): string[] {
    return [...(this.#requests.get(`${client} ${name}`) ?? [])].sort();
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const [, name = '', ...below] = (request.url ?? '').split('?')[0]!.split('/');
    const client = /^Prometheus/.test(request.headers['user-agent'] ?? '') ? 'prometheus' : 'sentinel';
    const key = `${client} ${name}`;
    const pages = this.#pages.get(name);
    if (pages === undefined) {
      response.writeHead(404).end();
      return;
    }
    const { host, 'x-prometheus-scrape-timeout-seconds': timeout } = request.headers;
    const requests = this.#requests.get(key) ?? new Set();
    this.#requests.set(key, requests.add(`${request.method} ${host} ${request.url} within ${timeout} s`));
    if (below.length > 0) {
      answer(pages.at(-1)!, response);
      return;
    }
    const turn = this.#asked.get(key) ?? 0;
    this.#asked.set(key, turn + 1);
    answer(pages[Math.min(turn, pages.length - 1)]!, response);
  }
}

function answer(page: Answer, response: ServerResponse): void {
  const {
    status = 200,
    type = TEXT,
    headers = {},
    body = '',
    gzip,
    fault,
  } = typeof page === 'string' ? { body: page } : page;
  if (fault === 'reset') response.socket?.resetAndDestroy();
  if (fault === 'reset' || fault === 'hang') return;
  const bytes = gzip === true ? gzipSync(body) : Buffer.from(body);
  const own = { ...(type !== '' && { 'content-type': type }), ...(gzip && { 'content-encoding': 'gzip' }) };
  if (fault === 'stall' || fault === 'cut') {
    response.writeHead(status, { ...own, ...headers });
    response.write(bytes, () => fault === 'cut' && response.socket?.destroySoon());
    return;
  }
  response.writeHead(status, { ...own, 'content-length': bytes.length, ...headers }).end(bytes);
}
