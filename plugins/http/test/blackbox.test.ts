import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer, get, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { certificate, lines, listen, runOnce, temporaryFolder } from './testing.js';

// The same targets, asked by this plugin and by the real blackbox_exporter: equal names, labels and values, but for what is listed here.

const PROGRAM = '/usr/bin/prometheus-blackbox-exporter';
const PACKAGE = 'prometheus-blackbox-exporter';

const TIMEOUT_MS = 10_000;

/** The host adds these to every run; blackbox_exporter has them itself. */
const HOST_ADDS = /^probe_(success|duration_seconds)\b/;

/** Times differ from run to run: only the name and labels are compared. */
const TIMES = /^(probe_http_duration_seconds\{.*\}|probe_dns_lookup_time_seconds) .*$/;

/** What 0.23 does not have and later versions do: the cipher, and the serial number of the certificate. */
function withoutNews(line: string): string[] {
  if (line.startsWith('probe_tls_cipher_info')) return [];
  return [line.replace(/serialnumber="[^"]*",/, '')];
}

/**
 * Differences on purpose. Without a verified chain blackbox_exporter gives the year 1 as its expiry, which reads as "expired 2,000 years ago" to
 * every alert; here the series is absent.
 */
const YEAR_ONE = 'probe_ssl_last_chain_expiry_timestamp_seconds -62135596800';

interface Case {
  name: string;
  /** Module of blackbox_exporter and config of the plugin alike. */
  options: Record<string, unknown>;
  path: string;
  /** `plain` when absent. */
  server?: 'plain' | 'secure' | 'chained' | 'closed' | 'nowhere';
  /** Of a case whose target does not answer; the others have more time than any of them needs. */
  timeoutMs?: number;
  /** Lines that only one of the two has, with the reason beside it. */
  only?: { ours?: RegExp; theirs?: RegExp };
}

/** Certificate metrics also when the certificate is refused: they are needed most when it has expired. */
const CERTIFICATE_SHOWN = { ours: /^probe_(ssl|tls)_/ };

/** All phases are there from the start, so that a graph has no holes; 0.23 gives only that of the failed look-up. */
const ALL_PHASES = { ours: /phase="(connect|tls|processing|transfer)"/ };

const CASES: readonly Case[] = [
  { name: 'plain', options: {}, path: '/' },
  { name: 'status', options: {}, path: '/404' },
  { name: 'valid_status', options: { valid_status_codes: [404] }, path: '/404' },
  { name: 'no_content', options: {}, path: '/204' },
  { name: 'chunked', options: {}, path: '/chunked' },
  { name: 'slow', options: {}, path: '/slow' },
  { name: 'head', options: { method: 'HEAD' }, path: '/' },
  { name: 'post', options: { method: 'POST', body: 'abc' }, path: '/' },
  { name: 'redirect', options: {}, path: '/redirect' },
  { name: 'redirect_off', options: { follow_redirects: false }, path: '/redirect' },
  { name: 'redirect_loop', options: {}, path: '/loop' },
  { name: 'gzip_unread', options: {}, path: '/gzip' },
  { name: 'gzip', options: { compression: 'gzip' }, path: '/gzip' },
  { name: 'gzip_not', options: { compression: 'gzip' }, path: '/' },
  { name: 'body_match', options: { fail_if_body_matches_regexp: ['hel+o'] }, path: '/' },
  { name: 'body_no_match', options: { fail_if_body_not_matches_regexp: ['nothing'] }, path: '/' },
  {
    name: 'header_match',
    options: { fail_if_header_matches: [{ header: 'X-Kind', regexp: 'blue' }] },
    path: '/',
  },
  {
    name: 'header_missing',
    options: { fail_if_header_not_matches: [{ header: 'X-No', regexp: '.' }] },
    path: '/',
  },
  { name: 'limit', options: { body_size_limit: '3B' }, path: '/' },
  { name: 'cut', options: {}, path: '/cut' },
  { name: 'version', options: { valid_http_versions: ['HTTP/1.0'] }, path: '/' },
  { name: 'not_ssl', options: { fail_if_not_ssl: true }, path: '/' },
  { name: 'refused', options: {}, path: '/', server: 'closed' },
  { name: 'timeout', options: {}, path: '/hang', timeoutMs: 1500 },
  { name: 'no_name', options: {}, path: '/', server: 'nowhere', only: ALL_PHASES },
  {
    name: 'tls_skip',
    options: { tls_config: { insecure_skip_verify: true } },
    path: '/',
    server: 'secure',
    only: { theirs: new RegExp(`^${YEAR_ONE}$`) },
  },
  { name: 'tls_ca', options: { tls_config: { ca_file: 'CA' } }, path: '/', server: 'secure' },
  { name: 'tls_chain', options: { tls_config: { ca_file: 'ROOT' } }, path: '/', server: 'chained' },
  { name: 'tls_chain_untrusted', options: {}, path: '/', server: 'chained', only: CERTIFICATE_SHOWN },
  { name: 'tls_redirect', options: { tls_config: { ca_file: 'CA' } }, path: '/redirect', server: 'secure' },
  {
    name: 'tls_fail_if_ssl',
    options: { fail_if_ssl: true, tls_config: { ca_file: 'CA' } },
    path: '/',
    server: 'secure',
  },
  { name: 'tls_untrusted', options: {}, path: '/', server: 'secure', only: CERTIFICATE_SHOWN },
  {
    name: 'tls_wrong_name',
    options: { tls_config: { ca_file: 'CA', server_name: 'x.example' } },
    path: '/',
    server: 'secure',
    only: CERTIFICATE_SHOWN,
  },
];

const answer: RequestListener = (message, response) => {
  const paths: Record<string, () => void> = {
    '/404': () => response.writeHead(404).end('no'),
    '/204': () => response.writeHead(204).end(),
    '/chunked': () => {
      response.write('a');
      response.end('b');
    },
    '/slow': () => setTimeout(() => response.end('slow'), 100),
    '/redirect': () => response.writeHead(302, { location: '/' }).end('moved'),
    '/loop': () => response.writeHead(302, { location: '/loop' }).end(),
    '/gzip': () => response.setHeader('content-encoding', 'gzip').end(gzipSync('hello hello hello')),
    '/cut': () =>
      response
        .writeHead(200, { 'content-length': '10' })
        .write('x', () => setTimeout(() => response.destroy(), 20)),
    '/hang': () => undefined,
  };
  const at = paths[message.url!];
  if (at !== undefined) at();
  else {
    message.resume();
    response.setHeader('Last-Modified', 'Tue, 15 Nov 1994 12:45:26 GMT').setHeader('X-Kind', ['red', 'blue']);
    response.setHeader('Content-Length', 5).end('hello');
  }
};

test('http: equal to blackbox_exporter', async (t) => {
  if (!existsSync(PROGRAM)) {
    assert.notEqual(process.env.CI, 'true', `install the package ${PACKAGE}`);
    t.skip(`install the package ${PACKAGE}`);
    return;
  }
  const folder = temporaryFolder(t);
  const subject =
    '/CN=server/serialNumber=7/C=DE/O=Acm\u00e9, Inc+OU=Net/O=Two/OU=b#a + c /OU=#x "q";<>=/L=Ulm/ST=BW/street=S 1/postalCode=89';
  const pair = certificate(folder, 'server', { names: 'DNS:localhost,DNS:b.example,IP:127.0.0.1', subject });
  const plain = await listen(t, createServer(answer));
  const secure = await listen(t, createHttpsServer(pair, answer));
  const closed = await freePort();
  // The root expires first, then the intermediate, then the leaf: each of the two expiries is another one.
  const root = certificate(folder, 'root', { names: 'DNS:root', days: 2 });
  const middle = certificate(folder, 'middle', { names: 'DNS:middle', days: 4, issuer: root });
  const leaf = certificate(folder, 'leaf', { names: 'DNS:localhost', days: 8, issuer: middle });
  const chained = await listen(
    t,
    createHttpsServer({ cert: leaf.cert + middle.cert, key: leaf.key }, answer),
  );
  const ports = { plain, secure, closed, chained };
  const options = (one: Case): Record<string, unknown> =>
    JSON.parse(
      JSON.stringify(one.options)
        .replaceAll('"CA"', JSON.stringify(pair.certFile))
        .replaceAll('"ROOT"', JSON.stringify(root.certFile)),
    );
  const blackbox = await startBlackbox(t, folder, options);
  for (const one of CASES) {
    const server = one.server ?? 'plain';
    const host = server === 'nowhere' ? 'nowhere.example' : `localhost:${ports[server]}`;
    const url = `${server === 'secure' || server === 'chained' ? 'https' : 'http'}://${host}${one.path}`;
    const theirs = (
      await page(`http://127.0.0.1:${blackbox}/probe?module=${one.name}&target=${encodeURIComponent(url)}`)
    )
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    const result = await runOnce({ url, ...options(one) }, one.timeoutMs ?? TIMEOUT_MS);
    assert.equal(
      result.ok,
      theirs.includes('probe_success 1'),
      `${one.name}: ${result.reason} ${result.evidence}`,
    );
    const ours = lines(result)
      .flatMap(withoutNews)
      .filter((line) => one.only?.ours?.test(line) !== true);
    const wanted = theirs
      .map(normalize)
      .filter((line) => !HOST_ADDS.test(line) && one.only?.theirs?.test(line) !== true);
    assert.deepEqual(ours.map(normalize), wanted.sort(), one.name);
  }
});

/** Values as numbers of JavaScript, labels sorted, times left out. */
function normalize(line: string): string {
  const at = line.lastIndexOf(' ');
  return `${line.slice(0, at)} ${Number(line.slice(at + 1))}`.replace(TIMES, '$1');
}

async function startBlackbox(
  t: TestContext,
  folder: string,
  options: (one: Case) => Record<string, unknown>,
): Promise<number> {
  const modules = Object.fromEntries(
    CASES.map((one) => [
      one.name,
      {
        prober: 'http',
        timeout: `${one.timeoutMs ?? TIMEOUT_MS}ms`,
        http: { preferred_ip_protocol: 'ip4', ...options(one) },
      },
    ]),
  );
  const config = join(folder, 'blackbox.yml');
  // JSON is YAML.
  writeFileSync(config, JSON.stringify({ modules }));
  const port = await freePort();
  const child = spawn(PROGRAM, [`--config.file=${config}`, `--web.listen-address=127.0.0.1:${port}`], {
    stdio: 'pipe',
  });
  t.after(() => child.kill('SIGKILL'));
  await ready(child, port);
  return port;
}

/** Polls until it answers; what it wrote is the message when it does not. */
async function ready(child: ChildProcess, port: number): Promise<void> {
  let text = '';
  child.stderr?.on('data', (chunk) => {
    text += chunk;
  });
  const deadline = performance.now() + 60_000;
  for (;;) {
    assert.equal(child.exitCode, null, text);
    assert(performance.now() < deadline, `blackbox_exporter does not answer: ${text}`);
    const answered = await page(`http://127.0.0.1:${port}/-/healthy`).catch(() => undefined);
    if (answered !== undefined) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function page(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
    }).on('error', reject);
  });
}

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
