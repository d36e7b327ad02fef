import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type TestContext } from 'node:test';
import { errorLine, Secret } from '../../src/lib/index.js';
import { createHttpClient, createResolver, type HttpClient } from '../../src/net/index.js';
import { TokenSource } from '../../src/net/oauth2.js';

interface Asked {
  authorization: string | undefined;
  form: Readonly<Record<string, string>>;
}

/** A token server and a target, in one. */
class Servers {
  readonly asked: Asked[] = [];
  readonly seen: (string | undefined)[] = [];
  answer: (asked: Asked) => { status: number; body: string; location?: string } = () => ({
    status: 200,
    body: JSON.stringify({ access_token: `t${this.asked.length}`, token_type: 'bearer', expires_in: 3600 }),
  });
  url = '';
  readonly #server = createServer((request, response) => void this.#serve(request, response));

  async listen(t: TestContext): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    t.after(() => {
      this.#server.close();
      this.#server.closeAllConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { authorization } = request.headers;
    if (request.url === '/other/token') {
      response.end(JSON.stringify({ access_token: 'other' }));
      return;
    }
    if (request.url !== '/token') {
      this.seen.push(authorization);
      response.end('ok');
      return;
    }
    let body = '';
    for await (const chunk of request) body += chunk;
    const asked = { authorization, form: Object.fromEntries(new URLSearchParams(body)) };
    this.asked.push(asked);
    const { status, body: text, location } = this.answer(asked);
    if (status === 0) response.socket?.resetAndDestroy();
    else response.writeHead(status, location === undefined ? {} : { location }).end(text);
  }
}

async function setUp(
  t: TestContext,
): Promise<{ servers: Servers; client: HttpClient; get: () => Promise<unknown> }> {
  const servers = new Servers();
  await servers.listen(t);
  const resolver = createResolver();
  const client = createHttpClient(
    {
      keepAlive: false,
      oauth2: {
        clientId: 'me',
        clientSecret: new Secret('hidden word'),
        tokenUrl: `${servers.url}/token`,
        scopes: ['a', 'b'],
        endpointParams: { audience: 'x' },
      },
    },
    resolver,
  );
  t.after(() => {
    client.close();
    resolver.close();
  });
  const get = () =>
    client.request({
      method: 'GET',
      url: servers.url,
      signal: AbortSignal.timeout(10_000),
      maxBodyBytes: 1000,
    });
  return { servers, client, get };
}

const BASIC = `Basic ${btoa('me:hidden%20word')}`;
const FORM = { grant_type: 'client_credentials', scope: 'a b', audience: 'x' };

test('oauth2: one token for all requests, by basic auth', async (t) => {
  const { servers, get } = await setUp(t);
  await Promise.all([get(), get()]);
  await get();
  assert.deepEqual(servers.seen, ['Bearer t1', 'Bearer t1', 'Bearer t1']);
  assert.deepEqual(servers.asked, [{ authorization: BASIC, form: FORM }]);
});

test('oauth2: a token that ends is asked for again', async (t) => {
  const { servers, get } = await setUp(t);
  servers.answer = () => ({
    status: 200,
    body: JSON.stringify({ access_token: `t${servers.asked.length}`, expires_in: 5 }),
  });
  await get();
  await get();
  assert.deepEqual(servers.seen, ['Bearer t1', 'Bearer t2']);
});

test('oauth2: a server that wants the secret in the body gets it there, and from then on at once', async (t) => {
  const { servers, get } = await setUp(t);
  servers.answer = ({ form }) =>
    form.client_secret === 'hidden word'
      ? { status: 200, body: JSON.stringify({ access_token: 'good', expires_in: 5 }) }
      : { status: 401, body: '{}' };
  await get();
  await get();
  assert.deepEqual(servers.seen, ['Bearer good', 'Bearer good']);
  assert.deepEqual(
    servers.asked.map(({ authorization }) => authorization),
    [BASIC, undefined, undefined],
  );
});

test('oauth2: what goes wrong is told without a secret, and asked again', async (t) => {
  const { servers, get } = await setUp(t);
  const good = servers.answer;
  for (const [status, body, want] of [
    [500, 'hidden', /HTTP status 500/],
    [200, 'hidden', /no JSON/],
    [200, '{"access_token": 5}', /no access_token/],
    [200, 'null', /no access_token/],
  ] as const) {
    servers.answer = () => ({ status, body });
    await assert.rejects(get(), (error) => {
      assert.match(errorLine(error), want);
      assert.doesNotMatch(errorLine(error), /hidden/);
      return true;
    });
  }
  servers.answer = good;
  await get();
  assert.equal(servers.seen.length, 1);
});

test('oauth2: the secret goes to no other host, wherever a token server sends us', async (t) => {
  const { servers, get } = await setUp(t);
  const foreign = new Servers();
  await foreign.listen(t);
  for (const status of [307, 308]) {
    servers.answer = () => ({ status, body: '', location: `${foreign.url}/token` });
    await assert.rejects(get(), (error) => errorLine(error).includes(`HTTP status ${status}`));
  }
  assert.deepEqual(foreign.asked, []);
  servers.answer = () => ({ status: 307, body: '', location: `${servers.url}/other/token` });
  await get();
  assert.deepEqual(servers.seen, ['Bearer other']);
});

test('oauth2: a second try that gets no answer does not decide how the client says who it is', async (t) => {
  const { servers, get } = await setUp(t);
  const good = servers.answer;
  servers.answer = ({ authorization }) => ({ status: authorization === undefined ? 0 : 429, body: '' });
  await assert.rejects(get());
  servers.answer = (asked) => (asked.authorization === undefined ? { status: 401, body: '' } : good(asked));
  await get();
  assert.equal(servers.seen.length, 1);
});

test('oauth2: nobody asks for a token for a request that is over', async () => {
  const asked: unknown[] = [];
  const client: HttpClient = {
    request: (request) => {
      asked.push(request);
      return Promise.reject(new Error('no answer'));
    },
    close: () => undefined,
  };
  const source = new TokenSource(
    {
      clientId: 'me',
      clientSecret: new Secret('x'),
      tokenUrl: 'http://127.0.0.1/token',
      scopes: [],
      endpointParams: {},
    },
    client,
  );
  await assert.rejects(source.header(AbortSignal.abort(new Error('over'))), /over/);
  // Asked for, it would be a rejection that nobody handles: the end of the agent.
  assert.deepEqual(asked, []);
});
