import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'node:test';
import { Discoveries } from '../../src/discovery/index.js';
import { systemClock } from '../../src/lib/index.js';
import { createHttpClient, createResolver } from '../../src/net/index.js';
import { until } from '../until.js';
import { exporter } from './exporter.js';
import { scrapeConfig } from './scrape-config.js';
import { Scraping } from './scraping.js';

test('targets that an HTTP server adds, changes and takes away', async (t) => {
  const resolver = createResolver();
  t.after(() => resolver.close());
  const address = await exporter(t, (_, response) =>
    response.setHeader('content-type', 'text/plain').end('a 1\n'),
  );
  let groups: object[] = [];
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(groups));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/targets`;

  const scraping = new Scraping(t, systemClock, (onGroups, { log, metrics }) => {
    return new Discoveries({
      clock: systemClock,
      log,
      metrics,
      createHttpClient: (options) => createHttpClient(options, resolver),
      resolver,
      onGroups,
    });
  });
  const http = { keepAlive: true };
  const discovery = [{ kind: 'http' as const, url, refreshMs: 200, http }];
  await scraping.apply([scrapeConfig({ intervalMs: 500, timeoutMs: 500, discovery })]);
  assert.deepEqual(scraping.active(), []);

  groups = [{ targets: [address], labels: { site: 'a' } }];
  await until('a sample', () => scraping.of('a').some(({ value }) => value === 1));
  assert.equal(scraping.of('a')[0]!.labels.site, 'a');
  groups = [{ targets: [address], labels: { site: 'b' } }];
  await until('the other label', () => scraping.of('a').some(({ labels }) => labels.site === 'b'));
  const ended = (site: string) => () =>
    scraping.of('up').some(({ labels, value }) => labels.site === site && value === undefined);
  await until('the end of the first target', ended('a'));
  groups = [];
  await until('no target', () => scraping.active().length === 0);
  await until('the end of the second target', ended('b'));
  const [pool] = scraping.scrapes.pools();
  assert.equal(pool!.discovery()[0]!.kind, 'http');
});
