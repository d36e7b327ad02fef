// The pages of the soak's targets, in a process of their own: the receiver reads whole backlogs at a time, and a page that waits for that comes after its deadline.
import { fork } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

/** The process that gives pages for probes and scrapes: one whose series are others every ten seconds, and those with a number that is never given twice. */
export interface Pages {
  url: string;
  /** The numbers that were given, without the last of each target: its scrape may have been cut short. */
  counted(): Promise<string[]>;
  end(): void;
}

/** Starts it. */
export async function startPages(): Promise<Pages> {
  const child = fork(fileURLToPath(import.meta.url), ['serve']);
  const next = <T>() =>
    new Promise<T>((resolve) => child.once('message', (message) => resolve(message as T)));
  return {
    url: `http://127.0.0.1:${await next<number>()}`,
    async counted() {
      child.send('counted');
      const given = await next<[string, number][]>();
      return given.flatMap(([target, last]) =>
        Array.from({ length: last - 1 }, (_, i) => `${target} ${i + 1}`),
      );
    },
    end: () => void child.kill(),
  };
}

function serve(): void {
  const given = new Map<string, number>();
  const server = createServer((request, response) => {
    response.setHeader('Content-Type', 'text/plain');
    response.end(pageOf(request.url ?? '', given));
  });
  process.on('message', () => process.send!([...given]));
  process.on('disconnect', () => process.exit());
  server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port));
}

function pageOf(url: string, given: Map<string, number>): string {
  const target = /^\/counted\/(.*)$/.exec(url)?.[1];
  if (target !== undefined) {
    const number = (given.get(target) ?? 0) + 1;
    given.set(target, number);
    return `counted_value ${number}\n`;
  }
  if (url !== '/metrics' && url !== '/churn') return 'ok';
  const age = url === '/churn' ? Math.floor(performance.now() / 10_000) : 0;
  return Array.from({ length: 2000 }, (_, i) => `soak_metric{i="${i}",age="${age}"} ${i}\n`).join('');
}

if (process.argv[2] === 'serve') serve();
