import assert from 'node:assert/strict';
import test from 'node:test';
import { type Logger, Metrics } from '../../src/lib/index.js';
import type { HttpClient } from '../../src/net/index.js';
import { Scrapes } from '../../src/scrape/index.js';
import { ManualClock } from '../manual-clock.js';
import { until } from '../until.js';
import { FakeDiscovery } from './fake-discovery.js';
import { INTERVAL_MS, job } from './job.js';

const TARGETS = 300;
const ignore = () => undefined;
const log: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore, child: () => log };

test('scrapes that are due at the same time begin in many turns of the loop', async (t) => {
  let [asked, inTurn, most] = [0, 0, 0];
  const turn = () => {
    inTurn = 0;
    timer = setImmediate(turn);
  };
  let timer = setImmediate(turn);
  t.after(() => clearImmediate(timer));
  const client: HttpClient = {
    request({ url }) {
      const endMs = performance.now() + 0.5;
      while (performance.now() < endMs);
      asked++;
      most = Math.max(most, ++inTurn);
      return Promise.resolve({ status: 404, statusText: '', headers: {}, body: Buffer.alloc(0), url });
    },
    close: ignore,
  };
  const clock = new ManualClock();
  const scrapes = new Scrapes({
    clock,
    log,
    metrics: new Metrics(),
    createHttpClient: () => client,
    createDiscoveries: (onGroups) => new FakeDiscovery(onGroups),
    next: () => 'taken',
  });
  t.after(() => scrapes.stop());
  const addresses = Array.from({ length: TARGETS }, (_, i) => `host-${i}:1`);
  const cluster = { members: 1, member: 0, replicationFactor: 1 };
  await scrapes.apply({ configs: [job(addresses, { offsetMs: 0 })], cluster, externalLabels: {} });
  await clock.advance(INTERVAL_MS);
  await until('all of them', () => asked === TARGETS);
  // Each holds the loop for half a millisecond: eight of them are a portion.
  assert.ok(most <= TARGETS / 10, `${most} in a turn`);
});
