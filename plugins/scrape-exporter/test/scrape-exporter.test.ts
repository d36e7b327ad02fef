import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { parse } from 'yaml';
import { createHttpClient, createResolver } from '../../../src/net/index.js';
import { DeadlineError, type PluginHost, type Result, sdk } from '../../../src/sdk/index.js';
import type { Config } from '../config.js';
import create from '../index.js';
import { reasonOf } from '../reason.js';

const plugin = create(sdk);
const TEXT = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' };
const resolver = createResolver();
const host = { createHttpClient: (options) => createHttpClient(options, resolver) } as PluginHost;
after(() => resolver.close());

/** The options as the host reads them from a task's `config:`. */
function options(written: Record<string, unknown>): Config {
  const checked = sdk.field.check(plugin.config, written);
  assert.equal(checked.issues, undefined);
  return checked.value!;
}

/** Starts a server on a free port for the time of `use`. */
async function withServer(listener: RequestListener, use: (url: string) => Promise<void>): Promise<void> {
  const server: Server = createServer(listener);
  await new Promise<void>((resume) => server.listen(0, '127.0.0.1', resume));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`);
  } finally {
    server.closeAllConnections();
    await new Promise((resume) => server.close(resume));
  }
}

/** One run of a task against a server. */
async function collect(listener: RequestListener, written: object = {}, timeoutMs = 10_000): Promise<Result> {
  let result: Result | undefined;
  await withServer(listener, async (url) => {
    const prepared = plugin.prepare(options({ url, ...written }), host, { timeoutMs });
    result = await plugin.collect(prepared, run(timeoutMs));
    plugin.release!(prepared);
  });
  return result!;
}

function run(timeoutMs: number) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new DeadlineError(timeoutMs)), timeoutMs);
  timer.unref();
  return { signal: controller.signal, timeoutMs, plannedMs: 0 };
}

const page =
  (body: string | Buffer, headers: Record<string, string> = TEXT, status = 200): RequestListener =>
  (_request, response) =>
    response.writeHead(status, headers).end(body);

function asText(result: Result): string {
  const samples = result.samples.map(({ name, labels = {}, value, timestampMs }) => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${text}"`);
    const stamp = timestampMs === undefined ? '' : ` ${timestampMs}`;
    return `${name}${pairs.length === 0 ? '' : `{${pairs}}`} ${value}${stamp}`;
  });
  return [result.ok ? 'ok' : result.reason, ...samples].join('; ');
}

test('scrape-exporter: pages', async () => {
  const f = async (
    body: string,
    want: string,
    written: object = {},
    headers: Record<string, string> = TEXT,
  ) => {
    const result = await collect(page(body, headers), written);
    assert.equal(asText(result), want.replace('BYTES', String(body.length)));
  };
  const facts = (scraped: number) => `scrape_samples_scraped ${scraped}; scrape_response_size_bytes BYTES`;
  const openmetrics = { 'content-type': 'application/openmetrics-text; version=1.0.0' };

  await f('a 1\nb{c="d"} 2\n', `ok; a 1; b{c="d"} 2; ${facts(2)}`);
  await f('a 1 2000\n', `ok; a 1 2000; ${facts(1)}`);
  await f('a 1 2000\n', `ok; a 1; ${facts(1)}`, { honor_timestamps: false });
  await f('a 1 2\n# EOF\n', `ok; a 1 2000; ${facts(1)}`, {}, openmetrics);
  await f('', `ok; ${facts(0)}`, {}, {});
  await f('a 1\na 2\n', `ok; a 1; ${facts(2)}`);
  await f(
    'probe_success 0\nscrape_samples_scraped 7\n',
    `ok; exported_probe_success 0; exported_scrape_samples_scraped 7; ${facts(2)}`,
  );

  // failures of the page
  await f('a 1\nb', `parse; ${facts(0)}`);
  await f('a 1\n', `parse; ${facts(0)}`, {}, {});
  await f('a 1\n', `parse; ${facts(0)}`, {}, { 'content-type': 'text/html' });
  await f(
    'a 1\n',
    `ok; a 1; ${facts(1)}`,
    { fallback_scrape_protocol: 'PrometheusText0.0.4' },
    { 'content-type': 'text/html' },
  );
  await f('a 1\n', `parse; ${facts(0)}`, { fallback_scrape_protocol: 'OpenMetricsText1.0.0' }, {});
  await f('a 1\nb 2\n', `too_large; ${facts(0)}`, { sample_limit: 1 });
  await f('a 1\nb 2\n', `ok; a 1; b 2; ${facts(2)}`, { sample_limit: 2 });
  await f('a 1\nb 2\n', 'too_large; scrape_samples_scraped 0', { body_size_limit: '7B' });
});

test('scrape-exporter: evidence says what was seen', async () => {
  const f = async (listener: RequestListener, want: string, written: object = {}) =>
    assert.equal((await collect(listener, written)).evidence, want);

  await f(page('a 1\nb 2\n'), '2 samples in 8 bytes');
  await f(page('a 1\na 2\n'), '2 samples in 8 bytes, 1 repeated and left out');
  await f(page('a 1\nb\n'), 'line 2: expected a number as value, near "b"');
  await f(page('', {}, 404), 'server returned HTTP status 404 Not Found');
  await f(
    page('a 1\n', {}),
    'non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target',
  );
});

test('scrape-exporter: only status 200 is a page', async () => {
  for (const status of [204, 206, 302, 403, 500])
    assert.equal((await collect(page('', TEXT, status))).reason, 'status', String(status));
});

test('scrape-exporter: a target that does not answer is a result', async () => {
  const silent = await collect(() => undefined, {}, 50);
  assert.equal(asText(silent), 'timeout; scrape_samples_scraped 0');
  assert.equal(silent.evidence, 'no page within 50ms');
  const reset = await collect((request) => request.socket.destroy());
  assert.equal(asText(reset), 'reset; scrape_samples_scraped 0');
  let closed = '';
  await withServer(page(''), async (url) => {
    closed = url;
  });
  const prepared = plugin.prepare(options({ url: closed }), host, { timeoutMs: 1000 });
  assert.equal(asText(await plugin.collect(prepared, run(1000))), 'refused; scrape_samples_scraped 0');
});

test('scrape-exporter: what is sent', async () => {
  const f = async (written: object, want: Record<string, string | undefined>, timeoutMs = 1500) => {
    let seen: Record<string, unknown> = {};
    await collect(
      (request, response) => {
        seen = { ...request.headers, method: request.method };
        response.writeHead(200, TEXT).end();
      },
      written,
      timeoutMs,
    );
    for (const [name, value] of Object.entries(want)) assert.equal(seen[name], value, name);
  };

  await f(
    {},
    {
      method: 'GET',
      accept:
        'application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,' +
        'text/plain;version=1.0.0;escaping=underscores;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
      'x-prometheus-scrape-timeout-seconds': '1.5',
      authorization: undefined,
    },
  );
  await f({}, { 'x-prometheus-scrape-timeout-seconds': '10' }, 10_000);
  await f({ basic_auth: { username: 'u', password: 'p' } }, { authorization: 'Basic dTpw' });
  await f({ bearer_token: 't' }, { authorization: 'Bearer t' });
  await f({ authorization: { type: 'Key', credentials: 'c' } }, { authorization: 'Key c' });
  await f({ headers: { 'X-Tenant': 'a', Accept: 'text/plain' } }, { 'x-tenant': 'a', accept: 'text/plain' });
});

test('scrape-exporter: options that do not go together are refused', () => {
  const f = (written: object, want: RegExp) =>
    assert.throws(
      () => plugin.prepare(options({ url: 'http://127.0.0.1/', ...written }), host, { timeoutMs: 1000 }),
      (error: Error) => error instanceof sdk.OptionError && want.test(error.message),
    );

  f({ bearer_token: 't', basic_auth: { username: 'u' } }, /at most one .* basic_auth and bearer_token/);
  f({ bearer_token: 't', authorization: { credentials: 'c' } }, /at most one/);
  f({ authorization: { type: 'BASIC', credentials: 'c' } }, /use basic_auth/);
  f({ tls_config: { cert_file: '/c' } }, /go together/);
});

test('scrape-exporter: options that are no options are refused by the schema', () => {
  const f = (written: object, want: RegExp) => {
    const checked = sdk.field.check(plugin.config, written);
    assert.match(JSON.stringify(checked.issues), want);
  };

  f({}, /url/);
  f({ url: 'ftp://host/' }, /URL/);
  f({ url: 'http://host/', body_size_limit: 5 }, /size/);
  f({ url: 'http://host/', tls_config: { ca_file: 'relative' } }, /absolute path/);
  f({ url: 'http://host/', fallback_scrape_protocol: 'PrometheusProto' }, /one of/);
  f({ url: 'http://host/', headers: { 'a b': 'c' } }, /header name/);
});

test('scrape-exporter: errors of the client and their reasons', () => {
  const f = (code: string, cause: unknown, want: string | undefined) =>
    assert.equal(reasonOf(Object.assign(new Error('x', { cause }), { code })), want);
  const system = (code: string) => Object.assign(new Error(code), { code });

  f('SEN_RESOLVE', undefined, 'resolve');
  f('SEN_LIMIT', undefined, 'too_large');
  f('SEN_NET', system('ECONNREFUSED'), 'refused');
  f('SEN_NET', system('EHOSTUNREACH'), 'unreachable');
  f('SEN_NET', new Error('outer', { cause: system('ENETUNREACH') }), 'unreachable');
  f('SEN_NET', new AggregateError([system('ECONNREFUSED'), system('ENETUNREACH')]), 'refused');
  f('SEN_NET', system('ETIMEDOUT'), 'timeout');
  f('SEN_NET', system('EADDRNOTAVAIL'), 'bind');
  f('SEN_NET', system('EACCES'), 'permission');
  f('SEN_NET', system('ECONNRESET'), 'reset');
  f('SEN_NET', undefined, 'reset');
  f('SEN_TLS', system('CERT_HAS_EXPIRED'), 'certificate');
  f('SEN_TLS', system('DEPTH_ZERO_SELF_SIGNED_CERT'), 'certificate');
  f('SEN_TLS', system('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'certificate');
  f('SEN_TLS', system('ERR_TLS_CERT_ALTNAME_INVALID'), 'certificate');
  f('SEN_TLS', system('EPROTO'), 'tls');
  f('SEN_BUG', undefined, undefined);
});

test('scrape-exporter: redirects, compression and TLS are the client of the host', async () => {
  const moved: RequestListener = (request, response) => {
    if (request.url === '/metrics') response.writeHead(302, { location: '/there' }).end();
    else response.writeHead(200, TEXT).end('a 1\n');
  };
  assert.equal((await collect(moved)).ok, true);
  assert.equal((await collect(moved, { follow_redirects: false })).reason, 'status');

  const packed = page(gzipSync('a 1\n'.repeat(1000)), { ...TEXT, 'content-encoding': 'gzip' });
  assert.equal((await collect(packed)).samples.at(-1)!.value, 4000);
  assert.equal((await collect(packed, { body_size_limit: '1000B' })).reason, 'too_large');

  const directory = mkdtempSync(join(tmpdir(), 'sentinel-scrape-'));
  const file = (name: string) => join(directory, name);
  const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const command = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
  ];
  const program: string = 'openssl';
  execFileSync(program, [...command, ...names, '-keyout', file('key'), '-out', file('cert')], {
    stdio: 'pipe',
  });
  const server = createTlsServer(
    { key: readFileSync(file('key')), cert: readFileSync(file('cert')) },
    page('a 1\n'),
  );
  await new Promise<void>((resume) => server.listen(0, '127.0.0.1', resume));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const scrape = async (written: object) => {
    const prepared = plugin.prepare(options({ url, ...written }), host, { timeoutMs: 5000 });
    const result = await plugin.collect(prepared, run(5000));
    plugin.release!(prepared);
    return result.reason ?? 'ok';
  };
  try {
    assert.equal(await scrape({}), 'certificate');
    assert.equal(await scrape({ tls_config: { ca_file: file('cert') } }), 'ok');
    assert.equal(await scrape({ tls_config: { insecure_skip_verify: true } }), 'ok');
    assert.equal(
      await scrape({ tls_config: { ca_file: file('cert'), server_name: 'other.example' } }),
      'certificate',
    );
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(directory, { recursive: true });
  }
});

test('scrape-exporter: two tasks know nothing of each other', async () => {
  await withServer(page('a{b="c"} 1\n'), async (url) => {
    const tasks = [0, 1].map(() => plugin.prepare(options({ url }), host, { timeoutMs: 1000 }));
    const results = await Promise.all(tasks.map((task) => plugin.collect(task, run(1000))));
    assert.notEqual(results[0]!.samples[0]!.labels, results[1]!.samples[0]!.labels);
    for (const task of tasks) plugin.release!(task);
  });
});

test('scrape-exporter: the sample shows every option, and the README shows the sample', () => {
  const read = (name: string) => readFileSync(fileURLToPath(new URL(`../${name}`, import.meta.url)), 'utf8');
  const sample = read('sample.yaml');
  const shown = parse(sample.replace(/^# (?=[a-z_]+:)/gm, '')) as Record<string, unknown>;
  const entries = sdk.field.metadataOf(plugin.config).entries!;
  assert.deepEqual(
    Object.keys(shown),
    Object.keys(entries).filter((key) => !key.endsWith('_file')),
  );
  assert.equal(sdk.field.check(plugin.config, shown).issues, undefined);
  assert.deepEqual(Object.keys(parse(sample) as object), ['url']);
  for (const [key, value] of Object.entries(shown)) {
    const absence = sdk.field.absenceOf(entries[key]!);
    if (absence.default !== undefined) assert.deepEqual(value, absence.default, key);
  }
  assert.ok(read('README.md').includes(`\`\`\`yaml\n${sample}\`\`\`\n`));
});
