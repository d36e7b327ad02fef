import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { createHttpEdge } from '../../src/http/index.js';
import { Metrics, Secret, SentinelError } from '../../src/lib/index.js';
import { Authority } from '../net/certificates.js';
import { until } from '../until.js';
import { ask, logLines, viewWith, withEdge } from './kit.js';

const basicAuth = { username: 'op', password: new Secret('päss:word') };
const basic = (text: string) => ({
  headers: { authorization: `Basic ${Buffer.from(text).toString('base64')}` },
});

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-http-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('basic_auth: everything but /-/healthy', async () => {
  const { lines, log } = logLines();
  const metrics = new Metrics();
  await withEdge({ basicAuth, log, metrics }, async (edge) => {
    const f = async (path: string, extra: Parameters<typeof ask>[3], want: number) =>
      assert.equal((await ask(edge, path, 'GET', extra)).status, want, `${path} ${JSON.stringify(extra)}`);
    await f('/-/healthy', {}, 200);
    // nobody, in every place; a page that there is not is not told from one that there is
    for (const path of ['/', '/-/ready', '/metrics', '/api/v1/tasks', '/api/v1/status/config', '/nothing'])
      await f(path, {}, 401);
    await f('/-/healthy/', {}, 401);
    await f('/-/healthy?x', {}, 200);
    await f('/%2d/healthy', {}, 401);
    await f('/x/../-/healthy', {}, 401);
    // somebody else
    await f('/metrics', basic('op:'), 401);
    await f('/metrics', basic('op'), 401);
    await f('/metrics', basic(':päss:word'), 401);
    await f('/metrics', basic('op:päss:word '), 401);
    await f('/metrics', basic('op:Päss:word'), 401);
    await f('/metrics', basic(`op:${'x'.repeat(3000)}`), 401);
    await f('/metrics', { headers: { authorization: 'Bearer op:päss:word' } }, 401);
    await f('/metrics', { headers: { authorization: 'Basic' } }, 401);
    // the right one
    await f('/metrics', basic('op:päss:word'), 200);
    await f(
      '/',
      { headers: { authorization: basic('op:päss:word').headers.authorization.replace('Basic', 'bASIC') } },
      200,
    );
    await f('/nothing', basic('op:päss:word'), 404);

    const reply = await ask(edge, '/');
    assert.equal(reply.headers['www-authenticate'], 'Basic realm="Sentinel", charset="UTF-8"');
    assert.match(reply.body, /http\.basic_auth/);
    // the guards before it hold too
    await f('/metrics', { headers: { ...basic('op:päss:word').headers, host: 'evil.example' } }, 421);
    assert.equal((await ask(edge, '/metrics', 'POST', basic('op:päss:word'))).status, 405);
    assert.equal(
      (await ask(edge, '/', 'POST', { headers: { ...basic('op:päss:word').headers, origin: 'http://x' } }))
        .status,
      403,
    );
  });
  assert.match(metrics.render(), /^sentinel_http_requests_total\{path="refused",code="401"\} 1\d$/m);
  const warnings = lines.filter(({ level }) => level === 40);
  assert.equal(warnings.length, 1, 'one line for all wrong credentials');
  assert.match(String(warnings[0]!.msg), /wrong credentials/);
  assert.doesNotMatch(JSON.stringify(lines), /päss/);
});

test('beyond loopback only for somebody', () => {
  const f = (options: object, refused: boolean) => {
    const make = () =>
      createHttpEdge({
        view: viewWith(),
        log: logLines().log,
        metrics: new Metrics(),
        listen: ':0',
        ...options,
      });
    if (!refused) return void make();
    assert.throws(
      make,
      (error) => error instanceof SentinelError && /beyond loopback only with/.test(error.message),
    );
  };
  const tls = { certFile: '/c', keyFile: '/k', clientCaFile: undefined };
  f({}, true);
  f({ tls }, true);
  f({ basicAuth }, false);
  f({ tls: { ...tls, clientCaFile: '/ca' } }, false);
});

test('tls: the certificate is shown, its names are ours, and Origin means https', async (t) => {
  const authority = new Authority(temporaryFolder(t));
  const { certFile, keyFile } = authority.issue('server', 'DNS:probe.example.com,IP:127.0.0.1');
  const tls = { certFile, keyFile, clientCaFile: undefined };
  await withEdge({ tls, basicAuth }, async (edge) => {
    assert.match(edge.address!, /^https:\/\/127\.0\.0\.1:\d+$/);
    const trusting = (headers: Record<string, string> = {}) => ({
      headers: { ...basic('op:päss:word').headers, ...headers },
      tls: { ca: authority.caText },
    });
    assert.equal((await ask(edge, '/metrics', 'GET', trusting())).status, 200);
    assert.equal((await ask(edge, '/metrics', 'GET', { tls: { ca: authority.caText } })).status, 401);
    const named = trusting({ host: 'probe.example.com:9872' });
    assert.equal((await ask(edge, '/metrics', 'GET', named)).status, 200);
    assert.equal((await ask(edge, '/metrics', 'GET', trusting({ host: 'other.example.com' }))).status, 421);
    const origin = (scheme: string) => trusting({ origin: edge.address!.replace('https', scheme) });
    assert.equal((await ask(edge, '/metrics', 'POST', origin('http'))).status, 403);
    assert.equal((await ask(edge, '/metrics', 'POST', origin('https'))).status, 405);
    await assert.rejects(ask(edge, '/metrics'), /certificate/);
    // plain HTTP is cut, not answered with something that looks like a page
    const plain = { ...edge, address: edge.address!.replace('https', 'http') };
    await assert.rejects(ask(plain, '/-/healthy'));
  });
});

test('tls: a client CA asks every client for a certificate', async (t) => {
  const authority = new Authority(temporaryFolder(t));
  const stranger = new Authority(temporaryFolder(t), 'Stranger').issue('client', 'DNS:x');
  const { certFile, keyFile } = authority.issue('server', 'IP:127.0.0.1');
  const { cert, key } = authority.issue('client', 'DNS:client');
  await withEdge({ tls: { certFile, keyFile, clientCaFile: authority.caFile } }, async (edge) => {
    const f = (own: object) => ask(edge, '/-/healthy', 'GET', { tls: { ca: authority.caText, ...own } });
    assert.equal((await f({ cert, key })).status, 200);
    await assert.rejects(f({}));
    await assert.rejects(f({ cert: stranger.cert, key: stranger.key }));
  });
});

test('tls: new files are taken without a restart, and broken ones are not', async (t) => {
  const folder = temporaryFolder(t);
  const authority = new Authority(folder);
  const first = authority.issue('first', 'IP:127.0.0.1');
  const second = authority.issue('second', 'IP:127.0.0.1,DNS:renewed.example');
  const [certFile, keyFile] = [join(folder, 'now.pem'), join(folder, 'now.key')];
  const use = ({ certFile: cert, keyFile: key }: typeof first) => {
    copyFileSync(cert, certFile);
    copyFileSync(key, keyFile);
  };
  use(first);
  const { lines, log } = logLines();
  await withEdge({ tls: { certFile, keyFile, clientCaFile: undefined }, log }, async (edge) => {
    const asked = async () =>
      (
        await ask(edge, '/-/healthy', 'GET', {
          headers: { host: 'renewed.example' },
          tls: { ca: authority.caText },
        })
      ).status;
    assert.equal(await asked(), 421);
    writeFileSync(keyFile, 'half a key');
    await until('the line about the broken file', async () => {
      assert.equal(await asked(), 421);
      return lines.some(({ msg }) => /cannot use the new files of http\.tls/.test(String(msg)));
    });
    use(second);
    await until('the new certificate', async () => (await asked()) === 200);
  });
});
