import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { type Logger, Metrics, systemClock } from '../../src/lib/index.js';
import { loadPlugins, Probes, type Task } from '../../src/probe/index.js';
import { until } from '../until.js';

const line = (): void => {};
const silent: Logger = { debug: line, info: line, warn: line, error: line, child: () => silent };

test('a token in a file that is rotated is sent with the next run, by http and scrape-exporter', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-token-'));
  const asked = new Map<string, Set<string>>();
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.set(path, (asked.get(path) ?? new Set()).add(request.headers.authorization ?? 'none'));
    response.setHeader('content-type', 'text/plain; version=0.0.4').end('up 1\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const probes = new Probes({
    clock: systemClock,
    log: silent,
    metrics: new Metrics(),
    catalog: await loadPlugins([]),
    agent: { name: 'a', region: '', labels: {} },
    hostConfig: {},
    next: () => 'taken',
  });
  t.after(async () => {
    await probes.stop();
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });
  const token = join(folder, 'token');
  writeFileSync(token, 'one\n');
  const plugins = ['http', 'scrape-exporter'];
  const tasks = plugins.map(
    (plugin): Task => ({
      id: plugin,
      deviceId: 'd',
      target: url,
      plugin,
      lane: 'probe',
      intervalMs: 200,
      timeoutMs: 200,
      labels: {},
      config: { url: `${url}/${plugin}`, bearer_token_file: 'token' },
      baseDirectory: folder,
    }),
  );
  await probes.apply(tasks);
  const sees = (text: string) => () => plugins.every((plugin) => asked.get(`/${plugin}`)?.has(text));
  await until('the first token', sees('Bearer one'));
  writeFileSync(`${token}.new`, 'two\n');
  renameSync(`${token}.new`, token);
  await until('the second token', sees('Bearer two'));
  for (const texts of asked.values()) assert.deepEqual([...texts], ['Bearer one', 'Bearer two']);
});
