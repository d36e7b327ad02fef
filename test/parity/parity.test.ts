import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { AgentProcess, temporaryFolder } from '../e2e/sentinel.js';
import { FakeReceiver } from '../receiver.js';
import { needServer } from '../servers.js';
import { until } from '../until.js';
import { outcomeOf, scrapesOf } from './outcome.js';
import { PAGE_CASES } from './page-cases.js';
import { PageServer } from './page-server.js';
import type { ParityCase } from './parity-case.js';
import { startPrometheus } from './prometheus.js';
import { RELABEL_CASES } from './relabel-cases.js';
import { TARGET_CASES } from './target-cases.js';
import { TRAP_CASES } from './trap-cases.js';

// The same configuration, the same pages: what Debian's Prometheus sends in agent mode is what Sentinel sends.

const CASES: readonly ParityCase[] = [...PAGE_CASES, ...TRAP_CASES, ...RELABEL_CASES, ...TARGET_CASES];
/** Keys that 2.42 does not know; it does there what they ask for. */
const NEW_KEYS =
  /^(fallback_scrape_protocol|scrape_protocols|enable_compression|scrape_native_histograms|metric_name_validation_scheme):.*\n?/gm;

test('what arrives is what Prometheus would have sent', { timeout: 180_000 }, async (t) => {
  if (!needServer('prometheus', t)) return;
  const baseMs = Math.floor(Date.now() / 1000) * 1000 + 120_000;
  const pages = new Map(CASES.map((one) => [one.name, one.pages(baseMs)]));
  const server = new PageServer(pages);
  const port = await server.listen();
  const [theirs, ours] = [await FakeReceiver.start(), await FakeReceiver.start()];
  t.after(() => Promise.all([server.close(), theirs.close(), ours.close()]));
  await startPrometheus(t, configText(port, theirs.url).replace(NEW_KEYS_INDENTED, ''));
  startSentinel(t, configText(port, ours.url));
  for (const receiver of [theirs, ours]) await allScraped(receiver, pages);

  for (const one of CASES) {
    await t.test(one.name, () => {
      const frame = { job: one.name, scrapes: pages.get(one.name)!.length, baseMs };
      const prometheus = outcomeOf(theirs, frame);
      assert.ok(prometheus.length > 0, 'Prometheus sent nothing');
      const expected = one.differs?.edit(prometheus) ?? prometheus;
      if (one.differs !== undefined)
        assert.notDeepEqual(expected, prometheus, 'Prometheus does not differ any more');
      assert.deepEqual(outcomeOf(ours, frame), expected);
      assert.deepEqual(server.askedBy('sentinel', one.name), server.askedBy('prometheus', one.name));
    });
  }
});

const NEW_KEYS_INDENTED = new RegExp(NEW_KEYS.source.replace('^', '^ *'), 'gm');

/** Until every case has had all its pages and one more, so that the last one's samples are there. */
async function allScraped(
  receiver: FakeReceiver,
  pages: ReadonlyMap<string, readonly unknown[]>,
): Promise<void> {
  const missing = () => [...pages].filter(([job, { length }]) => scrapesOf(receiver, job) <= length);
  await until(`every case to be scraped`, () => missing().length === 0, 100_000).catch((error: Error) => {
    throw new Error(`${error.message}; missing: ${missing().map(([job]) => job)}`);
  });
}

function configText(port: number, url: string): string {
  return `global:
  scrape_interval: 2s
  scrape_timeout: 1800ms
  external_labels: {datacenter: fra1, job: never}
scrape_configs:
${CASES.map((one) => jobText(one, port)).join('')}remote_write:
- url: ${url}
  send_exemplars: true
  send_native_histograms: true
  queue_config: {batch_send_deadline: 200ms}
`;
}

function jobText({ name, labels = {}, config = '', targets }: ParityCase, port: number): string {
  const all = JSON.stringify({ parity_case: name, ...labels });
  const addresses = JSON.stringify(targets?.(port) ?? [`127.0.0.1:${port}`]);
  const more = config.replace(/^(?=.)/gm, '  ');
  return `- job_name: ${name}
  metrics_path: /${name}
  params: {a: [one, two]}
  static_configs: [{targets: ${addresses}, labels: ${all}}]
${more}${more === '' ? '' : '\n'}`;
}

function startSentinel(t: TestContext, config: string): void {
  new AgentProcess(t, { folder: temporaryFolder(t), config });
}
