import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { HttpDiscovery } from '../../src/discovery/index.js';

/** A service discovery that answers as the test says. */
export class DiscoveryServer {
  readonly requests: IncomingMessage[] = [];
  answer: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
  url = '';

  static async start(t: TestContext): Promise<DiscoveryServer> {
    const own = new DiscoveryServer();
    const server = createServer((request, response) => {
      own.requests.push(request);
      own.answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    own.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/targets`;
    own.targets([]);
    return own;
  }

  /** Answers with a body. */
  body(body: string | Buffer, headers: Record<string, string> = {}, status = 200): void {
    this.answer = (_, response) =>
      void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
  }

  targets(targets: readonly string[]): void {
    this.body(JSON.stringify([{ targets }]));
  }

  config(refreshMs = 50): HttpDiscovery {
    return { kind: 'http', url: this.url, refreshMs, http: { keepAlive: true } };
  }
}
