import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { FakeReceiver } from '../receiver.js';
import { until } from '../until.js';
import { growth, heldBy, metricsOf } from './held.js';
import { ScrapeEdits } from './scrape-reload-edits.js';
import { AgentProcess, freePort, temporaryFolder } from './sentinel.js';

const RELOADS = 100;
/** Reloads after which everything has been used once: growth is measured from there. */
const WARM = 30;

/** Targets on one port whose pages are numbered; it is a list of them too. */
class Targets {
  address = '';
  /** Pages of `/metrics` that were given, by the address they were asked at. */
  readonly served = new Map<string, number>();
  others: readonly string[] = [];
  readonly #server = createServer(({ url = '', headers }, response) => {
    if (url.startsWith('/sd')) {
      const groups = [{ targets: this.others, labels: { found: String(Date.now() >> 10) } }];
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(groups));
      return;
    }
    const host = headers.host!;
    const number = (this.served.get(host) ?? 0) + (url === '/metrics' ? 1 : 0);
    this.served.set(host, number);
    const type = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
    response.writeHead(200, { 'content-type': type }).end(`# TYPE numbered gauge
numbered ${number}
# TYPE dropped_kept gauge
dropped_kept 1
# TYPE requests counter
requests_total 5 # {trace_id="abc"} 0.5
# TYPE many gauge
${Array.from({ length: 50 }, (_, i) => `many{i="${i}"} ${number}\n`).join('')}# EOF
`);
  });

  async listen(t: TestContext): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '0.0.0.0', resolve));
    t.after(() => {
      this.#server.close();
      this.#server.closeAllConnections();
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
}

/** Of what a stage counts (`samples`, `exemplars`) under these labels: in = out + dropped + pending. */
function assertSums(metrics: ReadonlyMap<string, number>, what: string, labels: string): void {
  const of = (metric: string) => metrics.get(`${what}_${metric}${labels === '' ? '' : `{${labels}}`}`) ?? 0;
  let dropped = 0;
  for (const [key, value] of metrics) if (key.startsWith(`${what}_dropped_total{${labels}`)) dropped += value;
  const sums = `in ${of('in_total')} out ${of('out_total')} dropped ${dropped} pending ${of('pending')}`;
  assert.equal(of('in_total'), of('out_total') + dropped + of('pending'), `${what} ${labels}: ${sums}`);
}

function assertAllSums(metrics: ReadonlyMap<string, number>): void {
  assertSums(metrics, 'sentinel_scrape_samples', '');
  for (const key of metrics.keys()) {
    const [, what, labels] =
      /^(sentinel_(?:block|buffer)_(?:samples|exemplars))_in_total\{(.*)\}$/.exec(key) ?? [];
    if (what !== undefined) assertSums(metrics, what, labels!);
  }
}

/** Scrapes of the steady job that failed, by target: a page that came too late on a busy machine was given, and is told as `up 0` in place of its number. */
function failuresOf(receiver: FakeReceiver): ReadonlyMap<string, number> {
  const failed = new Map<string, Set<number>>();
  for (const { labels, value, timestampMs } of receiver.samples) {
    if (labels.__name__ !== 'up' || labels.job !== 'steady' || value !== 0) continue;
    failed.set(labels.instance!, (failed.get(labels.instance!) ?? new Set()).add(timestampMs));
  }
  return new Map([...failed].map(([target, times]) => [target, times.size]));
}

test('a hundred reloads of scraping from anything to anything, with a receiver that fails: each page that was given arrives once, sums hold, nothing grows', {
  timeout: 600_000,
}, async (t) => {
  const folder = temporaryFolder(t);
  const targets = new Targets();
  await targets.listen(t);
  const addresses = (from: number) =>
    Array.from({ length: 5 }, (_, i) => `127.0.1.${from + i}:${targets.port}`);
  const [steady, others] = [addresses(1), addresses(101)];
  targets.others = others;
  const [kept, flaky] = [await FakeReceiver.start(), await FakeReceiver.start()];
  t.after(() => Promise.all([kept.close(), flaky.close()]));
  const listen = `127.0.0.1:${await freePort()}`;
  const api = `http://${listen}`;
  const seed = Date.now() % 1_000_000;
  t.diagnostic(`seed ${seed}`);
  const discovery = `http://127.0.0.1:${targets.port}/sd`;
  const edits = new ScrapeEdits(seed, {
    folder,
    listen,
    steady,
    others,
    discovery,
    kept: kept.url,
    flaky: flaky.url,
  });
  const agent = new AgentProcess(t, { folder, config: edits.next(true) });
  await until('the first samples', () => kept.samples.length > 50, 30_000);
  const reload = async (text: string) => {
    writeFileSync(join(folder, 'config.yaml'), text);
    const response = await fetch(`${api}/-/reload`, { method: 'POST' });
    assert.equal(response.status, 200, `${await response.text()}\n${text}`);
  };
  const hold = async () => {
    await reload(edits.calm());
    return heldBy(agent.child.pid!, api);
  };
  /** Edits at random. */
  const edit = async () => {
    flaky.behaviour = edits.chance(0.4) ? { kind: 'status', status: 503 } : { kind: 'ok' };
    await reload(edits.next());
    assertAllSums(await metricsOf(api));
  };
  for (let i = 0; i < WARM; i++) await edit();
  const before = await hold();
  for (let i = WARM; i < RELOADS; i++) await edit();
  const after = await hold();
  t.diagnostic(
    `descriptors ${before.descriptors} -> ${after.descriptors}, timers ${before.timers} -> ${after.timers}, series ${before.series.size} -> ${after.series.size}`,
  );
  assert.deepEqual(growth(before, after), []);
  flaky.behaviour = { kind: 'ok' };
  await reload(edits.next(true));
  await until('the flaky one to have it all', async () => {
    const metrics = await metricsOf(api);
    return metrics.get('sentinel_buffer_samples_pending{destination="flaky"}')! < 500;
  });
  const metrics = await metricsOf(api);
  assertAllSums(metrics);
  const ended = await agent.stop();
  assert.equal(ended.code, 0, ended.stdout.slice(-2000));
  assert.match(ended.stdout, /"failed_count":0,"pending_count":0,"msg":"Sender stopped"/);

  const arrived = new Map<string, number>();
  for (const { labels, value } of kept.samples) {
    if (labels.__name__ !== 'numbered' || labels.job !== 'steady' || Number.isNaN(value)) continue;
    const key = `${labels.instance} ${value}`;
    arrived.set(key, (arrived.get(key) ?? 0) + 1);
  }
  const twice = [...arrived].filter(([, times]) => times !== 1);
  assert.deepEqual(twice, [], 'sent twice');
  let produced = 0;
  let unexplained = 0;
  const lost: string[] = [];
  const failures = failuresOf(kept);
  for (const address of steady) {
    const pages = targets.served.get(address) ?? 0;
    const before = lost.length;
    produced += pages;
    for (let number = 1; number <= pages; number++)
      if (!arrived.has(`${address} ${number}`)) lost.push(`${address} ${number} of ${pages}`);
    unexplained += Math.max(0, lost.length - before - (failures.get(address) ?? 0));
  }
  t.diagnostic(`${produced} pages, lost ${lost.join()}, failed ${JSON.stringify([...failures])}`);
  assert.ok(produced > RELOADS, `only ${produced} pages`);
  // Cut short and counted: scrapes of targets that another member of the cluster has taken over, and of each target the one that ran at the stop.
  const cut = metrics.get('sentinel_scrape_aborted_total')!;
  assert.ok(unexplained <= cut + steady.length, `lost ${lost.join()}; ${cut} were cut short`);
});
