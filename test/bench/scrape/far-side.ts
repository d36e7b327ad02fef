// What an agent speaks with in the bench, in processes of its own: `far-side.js pages PORTS SERIES` (exporters) and `far-side.js sink` (a receiver).
import { fork } from 'node:child_process';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { pageOf } from './pages.js';

/** Pages with other values than the last ones; so many, then from the first again. */
const PAGES = 64;

/** What was counted, by the path of the requests: each agent has its own. */
export type Counts = Readonly<Record<string, { requests: number; bytes: number }>>;

/** A process of the far side. */
export interface FarSide {
  ports: readonly number[];
  counts(): Promise<Counts>;
  end(): void;
}

/** Starts one. */
export async function startFarSide(...args: readonly string[]): Promise<FarSide> {
  const child = fork(fileURLToPath(import.meta.url), args);
  const next = <T>() =>
    new Promise<T>((resolve) => child.once('message', (message) => resolve(message as T)));
  const ports = await next<number[]>();
  return {
    ports,
    counts: () => {
      child.send('counts');
      return next<Counts>();
    },
    end: () => void child.kill(),
  };
}

async function listen(count: number, handle: RequestListener): Promise<number[]> {
  const ports: number[] = [];
  for (let i = 0; i < count; i++) {
    const server = createServer(handle);
    server.keepAliveTimeout = 120_000;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ports.push((server.address() as AddressInfo).port);
  }
  return ports;
}

async function serve(kind: string, ports: number, series: number): Promise<void> {
  const counts: Record<string, { requests: number; bytes: number }> = {};
  const count = (path: string, bytes: number) => {
    counts[path] ??= { requests: 0, bytes: 0 };
    counts[path].requests++;
    counts[path].bytes += bytes;
  };
  process.on('message', () => process.send!(counts));
  process.on('disconnect', () => process.exit());
  if (kind === 'sink') {
    process.send!(
      await listen(1, (request, response) => {
        let bytes = 0;
        request.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
        });
        request.on('end', () => {
          count(request.url!, bytes);
          response.writeHead(204).end();
        });
      }),
    );
    return;
  }
  const pages = Array.from({ length: PAGES }, (_, round) => gzipSync(pageOf(series, round)));
  const rounds = new Map<string, number>();
  process.send!(
    await listen(ports, (request, response) => {
      if (request.headers['accept-encoding'] !== 'gzip') throw new Error('the agent asked for no gzip');
      const target = `${request.url} ${request.socket.localPort}`;
      const round = rounds.get(target) ?? request.socket.localPort!;
      rounds.set(target, round + 1);
      const page = pages[round % PAGES]!;
      count(request.url!, page.length);
      const headers = {
        'content-type': 'text/plain; version=0.0.4; charset=utf-8',
        'content-encoding': 'gzip',
      };
      response.writeHead(200, { ...headers, 'content-length': page.length }).end(page);
    }),
  );
}

const [kind = '', ports = '1', series = '1'] = process.argv.slice(2);
if (process.argv[1] === fileURLToPath(import.meta.url)) await serve(kind, Number(ports), Number(series));
