import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { createServer } from 'node:https';
import test from 'node:test';
import { until } from '../../../test/until.js';
import {
  certificate,
  definition,
  lines,
  listen,
  readConfig,
  temporaryFolder,
  testResolver,
} from './testing.js';

test('http: a task that met certificates before sees those of the present handshake', async (t) => {
  const folder = temporaryFolder(t);
  const root = certificate(folder, 'root', { names: 'DNS:root.example', days: 90 });
  const stranger = certificate(folder, 'stranger', { names: 'DNS:root.example', days: 90 });
  const middle = certificate(folder, 'middle', { names: 'DNS:middle.example', days: 60, issuer: root });
  const leafOf = (name: string, names: string, days: number) =>
    certificate(folder, name, { names: `DNS:${names}`, days, issuer: middle });
  const first = leafOf('first', 'good.example', 40);
  const renewed = leafOf('renewed', 'good.example', 50);
  const foreign = leafOf('foreign', 'bad.example', 50);
  const trust = `${folder}/trust.pem`;
  copyFileSync(root.certFile, trust);

  const server = createServer((_, response) => response.end('ok'));
  const port = await listen(t, server);
  const serve = ({ cert, key }: typeof first, ...behind: string[]) =>
    server.setSecureContext({ cert: [cert, ...behind].join('\n'), key });
  const config = readConfig({ url: `https://good.example:${port}/`, tls_config: { ca_file: trust } });
  const newTask = () => definition.prepare(config, testResolver, { timeoutMs: 5000 });
  const run = async (task: ReturnType<typeof newTask>) => {
    const { signal } = new AbortController();
    const result = await definition.collect(task, { signal, timeoutMs: 5000, plannedMs: Date.now() });
    return [
      result.ok ? 'ok' : result.reason,
      ...lines(result).filter((line) => line.startsWith('probe_ssl_')),
    ];
  };
  const known = newTask();
  /** What a task sees that met no certificates before; the known one sees the same, twice. */
  const seen = async () => {
    const fresh = await run(newTask());
    assert.deepEqual(await run(known), fresh);
    assert.deepEqual(await run(known), fresh, 'the second time');
    return fresh;
  };

  serve(first, middle.cert);
  const before = await seen();
  assert.equal(before[0], 'ok');
  assert.equal(before.length, 4);
  serve(renewed, middle.cert);
  const after = await seen();
  assert.equal(after[0], 'ok');
  assert.notDeepEqual(after, before);
  serve(foreign, middle.cert);
  assert.equal((await seen())[0], 'certificate', 'another name');
  serve(renewed);
  assert.equal((await seen())[0], 'certificate', 'its issuer is not sent any more');
  serve(first, middle.cert);
  assert.deepEqual(await seen(), before);

  // The same certificate with others behind it: when the verified chain expires is not known in this one run.
  serve(first, middle.cert, root.cert);
  const isChainExpiry = (line: string | undefined) =>
    line?.startsWith('probe_ssl_last_chain_expiry') === true;
  assert.deepEqual(
    await run(known),
    before.filter((line) => !isChainExpiry(line)),
  );
  assert.deepEqual(await seen(), before);

  copyFileSync(stranger.certFile, trust);
  await until('the new trust', async () => (await run(known))[0] === 'certificate');
  copyFileSync(root.certFile, trust);
  await until('the old trust', async () => (await run(known))[0] === 'ok');
  assert.deepEqual(await seen(), before);
});
