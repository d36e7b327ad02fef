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

/** A target whose page the test changes; with `hold` it does not answer. */
export async function exposing(t: TestContext, page = 'a 1\nb 2\n') {
  const state = { address: '', page, status: 200, asked: 0, hold: false };
  state.address = await exporter(t, (_, response) => {
    state.asked++;
    if (state.hold) return;
    response.writeHead(state.status, { 'content-type': 'text/plain' });
    response.end(state.page);
  });
  return state;
}

/** A target that answers when the test says so: `answer` is there while a request waits. */
export async function holding(t: TestContext) {
  const state = { address: '', answer: undefined as (() => void) | undefined };
  state.address = await exporter(t, (_, response) => {
    state.answer = () => {
      state.answer = undefined;
      response.setHeader('content-type', 'text/plain').end('a 1\n');
    };
  });
  return state;
}

/** Every name is this host. */
export const resolver: Resolver = {
  resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
  close: () => undefined,
};
