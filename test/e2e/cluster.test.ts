import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type TestContext } from 'node:test';
import { FakeReceiver } from '../receiver.js';
import { until } from '../until.js';
import { AgentProcess, freePort, temporaryFolder } from './sentinel.js';

const MEMBERS = 3;
const REPLICAS = 2;
const TARGETS = 60;

async function pageServer(t: TestContext): Promise<string> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/plain');
    response.end('a 1\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a cluster: three agents with one configuration scrape each target twice', {
  timeout: 90_000,
}, async (t) => {
  const address = await pageServer(t);
  const receiver = await FakeReceiver.start();
  t.after(() => receiver.close());
  const targets = Array.from(
    { length: TARGETS },
    (_, i) => `{targets: ["${address}"], labels: {__metrics_path__: "/${i}", instance: t${i}}}`,
  );
  const start = async (member: number) =>
    new AgentProcess(t, {
      folder: temporaryFolder(t),
      config: `
http: {listen: "127.0.0.1:${await freePort()}"}
global: {scrape_interval: 1s, external_labels: {member: "${member}"}}
cluster: {members: ${MEMBERS}, member: ${member}, replication_factor: ${REPLICAS}}
scrape_configs: [{job_name: shared, static_configs: [${targets.join(', ')}]}]
remote_write: [{url: "${receiver.url}", queue_config: {batch_send_deadline: 200ms}}]
`,
    });
  const agents = await Promise.all(Array.from({ length: MEMBERS }, (_, member) => start(member)));
  const scrapers = () => {
    const by = new Map<string, Set<string>>();
    for (const { labels } of receiver.samples)
      if (labels.__name__ === 'up')
        by.set(labels.instance!, (by.get(labels.instance!) ?? new Set()).add(labels.member!));
    return by;
  };
  const rounds = (member: number) =>
    Math.min(
      ...[...scrapers()]
        .filter(([, by]) => by.has(`${member}`))
        .map(
          ([instance]) =>
            receiver.samples.filter(
              ({ labels }) =>
                labels.__name__ === 'up' && labels.instance === instance && labels.member === `${member}`,
            ).length,
        ),
    );
  await until(
    'every member to have scraped all its targets twice',
    () =>
      scrapers().size === TARGETS &&
      Array.from({ length: MEMBERS }, (_, member) => rounds(member)).every((n) => n >= 2 && n < Infinity),
    60_000,
  );
  for (const [instance, by] of scrapers())
    assert.equal(by.size, REPLICAS, `${instance} is scraped by ${[...by]}`);
  const shares = Array.from(
    { length: MEMBERS },
    (_, member) => [...scrapers().values()].filter((by) => by.has(`${member}`)).length,
  );
  const fair = (TARGETS * REPLICAS) / MEMBERS;
  for (const share of shares) assert.ok(share > fair / 2 && share < fair * 1.5, `the shares are ${shares}`);
  for (const agent of agents) assert.equal((await agent.stop()).code, 0);
});
