import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { Resolver } from '../../src/net/index.js';

/** Starts an HTTP server that goes with the test; gives its `host:port`. */
export async function exporter(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer({ keepAlive: true }, answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Every name is this host. */
export const resolver: Resolver = {
  resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
  close: () => undefined,
};
