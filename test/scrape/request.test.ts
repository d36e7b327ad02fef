import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type Clock, systemClock } from '../../src/lib/index.js';
import { createHttpClient, type HttpClient } from '../../src/net/index.js';
import type { ScrapeConfig } from '../../src/scrape/index.js';
import { PageMemory } from '../../src/scrape/page-memory.js';
import { acceptHeader, fetchPage } from '../../src/scrape/request.js';
import { ManualClock } from '../manual-clock.js';
import { until } from '../until.js';
import { exporter, resolver } from './exporter.js';
import { scrapeConfig } from './scrape-config.js';

interface Options {
  config?: Partial<ScrapeConfig>;
  clock?: Clock;
  signal?: AbortSignal;
  socketPath?: string;
}

/** Fetches /metrics of a server that answers so. */
async function fetchFrom(t: TestContext, answer: RequestListener, options: Options = {}) {
  const url = `http://${await exporter(t, answer)}/metrics`;
  return fetchUrl(t, url, options);
}

function fetchUrl(t: TestContext, url: string, options: Options = {}) {
  const { config, clock = systemClock, signal, socketPath } = options;
  const whole = scrapeConfig({ intervalMs: 15_000, timeoutMs: 10_000, ...config });
  const client = createHttpClient(whole.http, resolver);
  t.after(() => client.close());
  return fetchPage({
    memory: new PageMemory().share(),
    client,
    clock,
    url,
    socketPath,
    config: whole,
    signal: signal ?? new AbortController().signal,
  });
}

/** What went wrong, or the page. */
const result = (fetched: Awaited<ReturnType<typeof fetchPage>>) =>
  fetched.page === undefined ? `${fetched.reason}: ${fetched.error}` : fetched.page.toString();

const limits = (more: Partial<ScrapeConfig['limits']>) => ({
  limits: { ...scrapeConfig().limits, ...more },
});

test('the Accept header', () => {
  const { protocols } = scrapeConfig();
  assert.equal(
    acceptHeader({ protocols, escapingScheme: 'allow-utf-8' }),
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,' +
      'text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
  );
  assert.equal(
    acceptHeader({ protocols: ['PrometheusProto', ...protocols], escapingScheme: 'dots' }),
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,' +
      'application/openmetrics-text;version=1.0.0;escaping=dots;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,' +
      'text/plain;version=1.0.0;escaping=dots;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
  );
  assert.equal(
    acceptHeader({ protocols: ['PrometheusText0.0.4'], escapingScheme: 'values' }),
    'text/plain;version=0.0.4;q=0.6,*/*;q=0.5',
  );
});

test('what is sent', async (t) => {
  const seen: Record<string, unknown>[] = [];
  const answer: RequestListener = ({ method, url, headers }, response) => {
    seen.push({ method, url, ...headers });
    response.end('a 1\n');
  };
  await fetchFrom(t, answer, { config: { timeoutMs: 1500 } });
  const { method, url, accept } = seen[0]!;
  assert.deepEqual([method, url], ['GET', '/metrics']);
  assert.equal(accept, acceptHeader(scrapeConfig()));
  assert.equal(seen[0]!['accept-encoding'], 'gzip');
  assert.equal(seen[0]!['x-prometheus-scrape-timeout-seconds'], '1.5');
  assert.match(String(seen[0]!['user-agent']), /^Sentinel\//);

  const http = { keepAlive: true, headers: { Accept: 'text/plain', 'X-Own': 'x' } };
  await fetchFrom(t, answer, { config: { compression: false, http } });
  assert.equal(seen[1]!['accept-encoding'], 'identity');
  assert.equal(seen[1]!.accept, 'text/plain');
  assert.equal(seen[1]!['x-own'], 'x');
});

test('only a status of 200 is a page', async (t) => {
  const f = async (status: number, phrase: string | undefined, want: string) =>
    assert.equal(
      result(
        await fetchFrom(t, (_, response) => {
          if (phrase === undefined) response.writeHead(status);
          else response.writeHead(status, phrase);
          response.end(status === 204 ? undefined : 'a 1\n');
        }),
      ),
      want,
    );
  await f(200, undefined, 'a 1\n');
  await f(404, undefined, 'status: server returned HTTP status 404 Not Found');
  await f(503, 'Busy now', 'status: server returned HTTP status 503 Busy now');
  await f(204, undefined, 'status: server returned HTTP status 204 No Content');
  await f(206, undefined, 'status: server returned HTTP status 206 Partial Content');
});

test('a failed status is told also where its body is endless', async (t) => {
  const fetched = await fetchFrom(t, (_, response) => {
    response.writeHead(500);
    const timer = setInterval(() => response.write('x'.repeat(1000)), 1);
    response.on('close', () => clearInterval(timer));
  });
  assert.equal(result(fetched), 'status: server returned HTTP status 500 Internal Server Error');
});

test('redirects are followed, unless they are not to be', async (t) => {
  const answer: RequestListener = ({ url }, response) => {
    if (url === '/there') response.end('there 1\n');
    else response.writeHead(302, { location: '/there' }).end('gone');
  };
  assert.equal(result(await fetchFrom(t, answer)), 'there 1\n');
  const config = { http: { keepAlive: true, followRedirects: false } };
  assert.equal(
    result(await fetchFrom(t, answer, { config })),
    'status: server returned HTTP status 302 Found',
  );
});

test('the body: gzip, its type, and its limits', async (t) => {
  const page = 'a 1\n';
  const gzipped: RequestListener = (_, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'text/plain; version=0.0.4' });
    response.end(gzipSync(page));
  };
  const fetched = await fetchFrom(t, gzipped);
  assert.equal(result(fetched), page);
  assert.equal(fetched.page && fetched.contentType, 'text/plain; version=0.0.4');
  const plain: RequestListener = (_, response) => response.end(page);
  const f = async (bytes: Partial<ScrapeConfig['limits']>, want: string) => {
    assert.equal(result(await fetchFrom(t, plain, { config: limits(bytes) })), want);
    assert.equal(result(await fetchFrom(t, gzipped, { config: limits(bytes) })), want);
  };
  await f({ bodySizeBytes: 5 }, page);
  await f({ bodySizeBytes: 4 }, 'body_size: body size limit exceeded');
  await f({ bodySizeBytes: 1 }, 'body_size: body size limit exceeded');
  await f({ maxScrapeBytes: 4 }, page);
  await f({ maxScrapeBytes: 3 }, 'max_scrape_size: the page is longer than 3B (max_scrape_size)');
  await f({ maxScrapeBytes: 3, bodySizeBytes: 4 }, 'body_size: body size limit exceeded');
});

test('gzip of any size and kind is the page that it was made of, and a bomb ends at the limit', async (t) => {
  const pageOf = (bytes: number) => Buffer.alloc(bytes, 'a 1\n');
  const f = async (gzip: Buffer, want: Buffer | string, config = {}) => {
    const answer: RequestListener = (_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzip);
    const fetched = await fetchFrom(t, answer, config);
    if (typeof want === 'string') assert.match(result(fetched), new RegExp(want));
    else assert.ok(fetched.page?.equals(want), `${fetched.page?.length} of ${want.length} bytes`);
  };
  for (const bytes of [1, 65_535, 65_536, 2 ** 20 - 1, 2 ** 20, 2 ** 20 + 1, 5_000_000])
    await f(gzipSync(pageOf(bytes)), pageOf(bytes));
  // Several members are one file, and the length at its end is that of the last.
  const members = [pageOf(2 ** 20), pageOf(2 ** 20), Buffer.from('b 1\n')];
  await f(Buffer.concat(members.map((member) => gzipSync(member))), Buffer.concat(members));
  await f(gzipSync(Buffer.alloc(17 * 2 ** 20)), 'max_scrape_size: the page is longer than 16MiB');
  await f(gzipSync(pageOf(1000)).subarray(0, -9), 'unexpected end of file');
  const wrong = gzipSync(pageOf(1000));
  wrong.writeUInt32LE(7, wrong.length - 4);
  await f(wrong, 'cannot decompress the body \\(gzip\\): incorrect length check');
});

test('a page may be as large as body_size_limit says', async (t) => {
  const page = Buffer.alloc(17 * 2 ** 20, 'a 1\n');
  const answer: RequestListener = (_, response) => response.end(page);
  const refused = await fetchFrom(t, answer);
  assert.equal(result(refused), 'max_scrape_size: the page is longer than 16MiB (max_scrape_size)');
  const taken = await fetchFrom(t, answer, { config: limits({ bodySizeBytes: 20 * 2 ** 20 }) });
  assert.equal(taken.page?.length, page.length);
});

test('a page without a body and without a type', async (t) => {
  const fetched = await fetchFrom(t, (_, response) => response.end());
  assert(fetched.page !== undefined);
  assert.deepEqual([fetched.page.length, fetched.contentType], [0, '']);
});

test('one deadline for headers and body together', async (t) => {
  for (const sends of ['nothing', 'headers', 'a part']) {
    const clock = new ManualClock();
    let asked = false;
    const fetching = fetchFrom(
      t,
      (_, response) => {
        if (sends === 'headers') response.flushHeaders();
        if (sends === 'a part') response.write('a 1\n');
        asked = true;
      },
      { clock, config: { timeoutMs: 5000 } },
    );
    await until('the request', () => asked);
    await clock.advance(4999);
    const early = await Promise.race([fetching.then(() => 'ended'), Promise.resolve('going on')]);
    assert.equal(early, 'going on');
    await clock.advance(1);
    assert.equal(result(await fetching), 'timeout: context deadline exceeded', sends);
  }
});

test('time that our own process took from the target is given back to it: what lies unread in the socket is a page', async (t) => {
  for (const answers of [true, false]) {
    const clock = new ManualClock();
    let answer: (() => void) | undefined;
    const fetching = fetchFrom(
      t,
      (_, response) => {
        answer = () => response.end('a 1\n');
      },
      { clock, config: { timeoutMs: 5000 } },
    );
    const answerNow = await until('the request', () => answer);
    // The loop stands still over the deadline, and the timer is the first to hear of that.
    clock.jump(6000);
    await clock.advance(0);
    if (answers) answerNow();
    else await clock.advance(1000);
    assert.equal(result(await fetching), answers ? 'a 1\n' : 'timeout: context deadline exceeded');
  }
});

test('the deadline is over with the last byte: what is done with the page after it is no fault of the target', async () => {
  const clock = new ManualClock();
  const client: HttpClient = {
    async request({ onReceived, signal, url }) {
      onReceived!();
      await clock.advance(20_000);
      signal.throwIfAborted();
      return { status: 200, statusText: 'OK', headers: {}, body: Buffer.from('a 1\n'), url };
    },
    close() {},
  };
  const config = scrapeConfig({ intervalMs: 15_000, timeoutMs: 10_000 });
  const { signal } = new AbortController();
  const memory = new PageMemory().share();
  assert.equal(result(await fetchPage({ memory, client, clock, url: 'http://h/', config, signal })), 'a 1\n');
});

test('a page over a Unix socket', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sentinel-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const socketPath = join(directory, 'x.sock');
  const server = createServer(({ url, headers }, response) => response.end(`${headers.host}${url} 1\n`));
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  t.after(() => server.close());
  const fetched = await fetchUrl(t, 'http://name:9100/metrics', { socketPath });
  assert.equal(result(fetched), 'name:9100/metrics 1\n');
});

test('an aborted fetch gives no result', async (t) => {
  const abort = new AbortController();
  const fetching = fetchFrom(t, () => abort.abort(new Error('stopped')), { signal: abort.signal });
  await assert.rejects(fetching, /^Error: stopped$/);
});

test('a target that is not there, and a URL that cannot be asked, are failures', async (t) => {
  const address = await exporter(t, () => undefined);
  const f = async (url: string, want: RegExp) => assert.match(result(await fetchUrl(t, url)), want);
  await f(
    'http://127.0.0.1:1/metrics',
    /^connect: cannot GET "http:\/\/127.0.0.1:1\/metrics": .*ECONNREFUSED/,
  );
  await f(`ftp://${address}/`, /^connect: .*ftp/);
  await f('http://me%40h/', /^connect: .*Invalid URL/);
});
