import assert from 'node:assert/strict';
import { parse } from 'node:querystring';
import test from 'node:test';
import type { HttpView } from '../../src/http/index.js';
import { labelsOf } from '../../src/model/index.js';
import { compileRelabel, parseSeries, type RelabelRule } from '../../src/relabel/index.js';
import type { PoolStatus } from '../../src/scrape/index.js';
import { ask, viewWith, withEdge } from '../http/kit.js';
import { droppedTarget, pool, target } from '../http/statuses.js';
import { ruleOf } from '../relabel/rule-of.js';
import { needServer } from '../servers.js';
import { EVIL, NOW, pageAt, readAt80Columns, TEXT_BROWSER, textOf } from './page.js';

const withPools = (...pools: PoolStatus[]): Partial<HttpView> => ({ pools: () => pools });

/** Holds the page against texts that must stand in it. */
function holds(page: string, ...wants: string[]): void {
  const text = textOf(page);
  for (const want of wants) assert.ok(text.includes(want), `${want}\nis not in\n${text}`);
}

/** The query of the link with this word. */
function linkOf(page: string, word: string): Record<string, unknown> {
  const match = new RegExp(`href="[^"?]*\\?([^"]*)">${word}<`).exec(page);
  assert.ok(match, `no link "${word}" in ${page}`);
  return { ...parse(match[1]!.replaceAll('&amp;', '&')) };
}

const RULE = ruleOf({ sourceLabels: ['__address__'], regex: '(.*):.*', targetLabel: 'host' });

/** An agent whose one job has these rules. */
function withRules(...rules: RelabelRule[]): Partial<HttpView> {
  const relabeller = compileRelabel(rules, 'utf8');
  return {
    pools: () => [pool('node')],
    explain: (subject, job, labels) =>
      job !== 'node' ? undefined : subject === 'target' ? relabeller.explain(labels) : [],
  };
}

const relabelAt = (view: Partial<HttpView>, query: Record<string, string>) =>
  pageAt(`/relabel-debug?${new URLSearchParams(query)}`, view);

test('/targets: jobs with their counts, targets with what is down first', async () => {
  const view = withPools(
    pool('idle', { dropped: [droppedTarget('x:1')] }),
    pool('node', {
      active: [
        target('good:9100', { lastScrapeMs: NOW - 5000 }),
        target('new:9100', {
          health: 'unknown',
          lastScrapeMs: undefined,
          lastDurationMs: 0,
          lastSamples: 0,
        }),
        target('bad:9100', {
          health: 'down',
          lastError: 'connect ECONNREFUSED',
          lastScrapeMs: NOW - 65_000,
        }),
      ],
    }),
  );
  const page = await pageAt('/targets', view);
  holds(
    page,
    'job up down unknown dropped idle 0 0 0 1 node 1 1 1 0',
    'up http://good:9100/metrics {instance=&quot;good:9100&quot;, job=&quot;node&quot;} 5s ago 13 ms 7',
    'down http://bad:9100/metrics {instance=&quot;bad:9100&quot;, job=&quot;node&quot;} connect ECONNREFUSED 1m5s ago',
    'unknown http://new:9100/metrics {instance=&quot;new:9100&quot;, job=&quot;node&quot;} never 0 ms 0',
  );
  const text = textOf(page);
  const places = ['http://bad', 'http://new', 'http://good'].map((part) => text.indexOf(part));
  assert.deepEqual(
    places,
    [...places].sort((a, b) => a - b),
  );
  const down = textOf(await pageAt('/targets?health=down', view));
  assert.ok(down.includes('http://bad') && !down.includes('http://good'));
  holds(await pageAt('/targets?q=nothing', view), 'No target matches.');
  holds(await pageAt('/targets?scrapePool=idle', view), 'No target.');
  holds(await pageAt('/targets', {}), 'No job: there are no scrape_configs.');
});

test('/service-discovery: each source, its last good answer, and what became of each target', async () => {
  const node = pool('node', {
    active: [target('good:9100')],
    dropped: [
      droppedTarget('a:1', { detail: '{action: drop}' }),
      droppedTarget('b:1', { reason: 'duplicate' }),
    ],
    discovery: [
      { kind: 'static', what: '', targets: 1, lastSuccessMs: NOW, lastError: undefined },
      {
        kind: 'http',
        what: 'http://sd/?token=<secret>',
        targets: 2,
        lastSuccessMs: NOW - 3_600_000,
        lastError: 'expected status 200, got 500',
      },
      { kind: 'file', what: '/etc/t/*.yml', targets: 0, lastSuccessMs: undefined, lastError: undefined },
    ],
  });
  const page = await pageAt('/service-discovery', withPools(node));
  holds(
    page,
    'node : 1 active, 2 dropped',
    'http http://sd/?token=&lt;secret&gt; expected status 200, got 500 2 1h ago',
    'file /etc/t/*.yml 0 never',
    '{__address__=&quot;a:1&quot;} dropped: relabel: {action: drop} why',
    '{__address__=&quot;b:1&quot;} dropped: duplicate why',
    '{instance=&quot;good:9100&quot;, job=&quot;node&quot;} why',
  );
  assert.deepEqual(linkOf(page, 'why'), { scrapePool: 'node', labels: '{__address__="a:1"}' });

  // of several jobs that one is shown that is asked for
  const both = withPools(node, pool('other'));
  assert.doesNotMatch(await pageAt('/service-discovery', both), /Targets of/);
  assert.doesNotMatch(await pageAt('/service-discovery?scrapePool=nope', both), /Targets of/);
  holds(await pageAt('/service-discovery?scrapePool=node', both), 'Targets of node');
  holds(
    await pageAt('/service-discovery?scrapePool=other', both),
    'It has no discovery.',
    'Targets of other It has found no target.',
  );
  holds(await pageAt('/service-discovery', {}), 'No job: there are no scrape_configs.');
});

test('the link of a target to its rules reads back as its labels, whatever they are', async () => {
  const labels = labelsOf({
    __address__: 'a:1',
    'my label': 'x',
    quoted: 'a"b\\c\n\u2028',
    'ü.ö': '{}',
  });
  const view = withPools(pool('node', { dropped: [droppedTarget('', { discoveredLabels: labels })] }));
  const { labels: text } = linkOf(await pageAt('/service-discovery', view), 'why');
  assert.deepEqual(parseSeries(String(text)), labels);
});

test('/relabel-debug: what goes into each rule and what comes out', async () => {
  const view = withRules(
    RULE,
    { ...RULE, targetLabel: 'x', regex: 'nothing' },
    { ...RULE, action: 'labeldrop', regex: '__a.*', sourceLabels: [], targetLabel: '' },
  );
  const page = await relabelAt(view, { scrapePool: 'node', labels: '{__address__="h:1", job="node"}' });
  holds(
    page,
    'regex: &quot;(.*):.*&quot;, target_label: host',
    '+ host=&quot;h&quot;',
    'no change',
    '- __address__=&quot;h:1&quot;',
    '{host=&quot;h&quot;, job=&quot;node&quot;}',
  );
  assert.match(page, /<textarea[^>]*>\{__address__=&quot;h:1&quot;, job=&quot;node&quot;\}<\/textarea>/);
  const dropping = withRules({ ...RULE, action: 'drop', regex: 'h:1' }, RULE);
  holds(
    await relabelAt(dropping, { labels: '{__address__="h:1"}' }),
    '{__address__=&quot;h:1&quot;} dropped Dropped.',
  );
  holds(
    await relabelAt(view, { subject: 'metric', labels: 'up' }),
    'The job has no such rules: the labels stay as they are.',
  );
  // what is masked on the page that the labels come from
  holds(
    await relabelAt(view, { labels: '{__address__="h:1", __param_token="<secret>"}' }),
    'sees &lt;secret&gt; here: put in the real value.',
  );
  assert.doesNotMatch(page, /put in the real value/);
  // what is wrong with the question stands on the page
  holds(await relabelAt(view, { labels: '{a=' }), 'expected a value in quotes');
  holds(await relabelAt(view, { scrapePool: 'nope', labels: 'up' }), 'there is no job &quot;nope&quot;');
  holds(await relabelAt(view, {}), 'Give labels of a target such as');
  holds(await relabelAt(withPools(), {}), 'Give labels of a target such as');
});

test('nothing from outside becomes markup', async () => {
  const labels = labelsOf({ __address__: EVIL, [EVIL]: EVIL });
  const evil = pool(EVIL, {
    active: [
      target('x', {
        pool: EVIL,
        labels,
        discoveredLabels: labels,
        url: `http://${EVIL}/`,
        lastError: EVIL,
        health: 'down',
      }),
    ],
    dropped: [droppedTarget('x', { discoveredLabels: labels, reason: 'invalid', detail: EVIL })],
    discovery: [{ kind: 'file', what: EVIL, targets: 1, lastSuccessMs: NOW, lastError: EVIL }],
  });
  const view: Partial<HttpView> = {
    ...withPools(evil),
    explain: (_, __, before) => [{ rule: EVIL, applied: true, before, after: labels }],
    runtime: () => ({ ...viewWith().runtime(), name: EVIL }),
  };
  const all = { scrapePool: EVIL, health: EVIL, q: EVIL, page: EVIL, subject: EVIL };
  for (const [path, query] of [
    ['/targets', {}],
    ['/targets', all],
    ['/service-discovery', {}],
    ['/service-discovery', all],
    ['/relabel-debug', { ...all, labels: EVIL }],
    ['/relabel-debug', { ...all, labels: 'up{a="</textarea><script>"}' }],
  ] as const) {
    const page = await pageAt(`${path}?${new URLSearchParams(query)}`, view);
    assert.doesNotMatch(page, /<script|onload='|<!--/);
    assert.equal(page.match(/<\/style>/g)?.length, 1);
    assert.equal(page.match(/<\/textarea>/g)?.length ?? 1, 1);
    assert.doesNotMatch(page, /<img|<link|<iframe|src=|href="(?!\/)/);
  }
});

test('10,000 targets: 200 on a page, links to the others, and a cost that grows with them', async () => {
  const active = Array.from({ length: 10_000 }, (_, i) =>
    target(`host-${i}:9100`, { health: i % 100 === 50 ? 'down' : 'up', lastError: 'no route to host' }),
  );
  const dropped = Array.from({ length: 10_000 }, (_, i) => droppedTarget(`gone-${i}:9100`));
  const view = withPools(pool('node', { active, dropped }));
  const rows = (page: string) => [...page.replaceAll('<wbr>', '').matchAll(/<td>http:\/\/(host-\d+):/g)];

  const first = await pageAt('/targets?health=up&q=host', view);
  assert.equal(rows(first).length, 200);
  holds(first, '9900 in all, page 1 of 50 next');
  assert.ok(first.length < 200_000, `${first.length} characters`);
  assert.deepEqual(linkOf(first, 'next'), { health: 'up', q: 'host', page: '2' });
  const down = await pageAt('/targets', view);
  assert.equal(rows(down)[0]![1], 'host-50');
  const last = await pageAt('/targets?page=1000', view);
  holds(last, 'page 50 of 50 back');
  assert.equal(rows(last).at(-1)![1], 'host-9999');

  const discovery = await pageAt('/service-discovery?page=51', view);
  holds(discovery, '20000 in all, page 51 of 100 back next');
  assert.equal(discovery.match(/>why</g)?.length, 200);
  assert.ok(discovery.includes('host-0:'));
  assert.deepEqual(linkOf(discovery, 'next'), { scrapePool: 'node', page: '52' });
});

test('the cost of a page grows with the targets, not with their square', async () => {
  for (const path of ['/targets?q=host', '/service-discovery', '/api/v1/targets', '/api/v1/jobs', '/']) {
    const costOf = async (count: number) => {
      const active = Array.from({ length: count }, (_, i) => target(`host-${i}:9100`));
      const view = viewWith(withPools(pool('node', { active })));
      let best = Infinity;
      await withEdge({ view }, async (edge) => {
        for (let i = 0; i < 4; i++) {
          const before = process.cpuUsage();
          assert.equal((await ask(edge, path)).status, 200);
          best = Math.min(best, process.cpuUsage(before).user / 1000);
        }
      });
      return best;
    };
    const [small, large] = [await costOf(1000), await costOf(10_000)];
    assert.ok(large < 40 * Math.max(small, 3), `${path}: ${small} ms, then ${large} ms`);
  }
});

test('labels without end are cut', async () => {
  const long = labelsOf({ __address__: 'a:1', x: 'y'.repeat(100_000) });
  const many = pool('node', {
    active: [
      target('a:1', { labels: long, discoveredLabels: long, url: `http://a:1/${'z'.repeat(100_000)}` }),
    ],
    dropped: [droppedTarget('', { discoveredLabels: long, reason: 'invalid', detail: 'x'.repeat(100_000) })],
    discovery: [
      {
        kind: 'file',
        what: 'f'.repeat(100_000),
        targets: 1,
        lastSuccessMs: NOW,
        lastError: 'e'.repeat(100_000),
      },
    ],
  });
  const view = withPools(many);
  for (const path of ['/targets', '/service-discovery', '/'])
    assert.ok((await pageAt(path, view)).length < 20_000, path);
  // a link that could not be followed is not given
  assert.doesNotMatch(await pageAt('/service-discovery', view), /href="\/relabel-debug\?/);
  const most = labelsOf({ __address__: 'a:1', x: '"'.repeat(380) });
  const { labels: text } = linkOf(
    await pageAt(
      '/service-discovery',
      withPools(pool('n', { dropped: [droppedTarget('', { discoveredLabels: most })] })),
    ),
    'why',
  );
  holds(
    await relabelAt(withRules(RULE), { scrapePool: 'node', labels: String(text) }),
    '+ host=&quot;a&quot;',
  );
});

test('a text browser of 80 columns can read them', async (t) => {
  if (!needServer(TEXT_BROWSER, t)) return;
  const labels = labelsOf({
    __address__: 'a-switch-with-a-long-name.site.example.com:9116',
    __meta_url: 'https://netbox.example.com/api/plugins/prometheus-sd/devices/?role=access-switch',
    __param_target: 'https://a-server-with-quite-a-long-name.example.com/health/and/a/long/path',
    instance: 'a-switch-with-a-long-name.site.example.com:9116',
  });
  const node = pool('a-job-with-quite-a-long-name', {
    active: [
      target('x', {
        pool: 'a-job-with-quite-a-long-name',
        labels,
        discoveredLabels: labels,
        url: 'http://a-switch-with-a-long-name.site.example.com:9116/probe?module=http_2xx&target=https%3A%2F%2Fa-server-with-quite-a-long-name.example.com%2Fhealth%2Fand%2Fa%2Flong%2Fpath',
        health: 'down',
        lastError:
          'cannot GET "http://a-switch-with-a-long-name.site.example.com:9116/probe?module=<secret>": connect ECONNREFUSED',
      }),
    ],
    dropped: [
      droppedTarget('x', {
        discoveredLabels: labels,
        detail: '{action: drop, source_labels: [__meta_netbox_role], regex: "access-switch|core-switch"}',
      }),
    ],
    discovery: [
      {
        kind: 'http',
        what: 'https://netbox.example.com/api/plugins/prometheus-sd/devices/?role=<secret>',
        targets: 2,
        lastSuccessMs: NOW - 100_000,
        lastError: 'cannot use the answer of https://netbox.example.com/api/plugins/prometheus-sd/devices/',
      },
    ],
  });
  const f = async (path: string, view: Partial<HttpView>, want: RegExp) =>
    assert.match(readAt80Columns(await pageAt(path, view)), want);
  await f('/targets', withPools(node), /down/);
  await f('/service-discovery', withPools(node), /netbox/);
  const rules = withRules(
    { ...RULE, sourceLabels: ['__param_target'], regex: 'https://([^/]*)/.*', targetLabel: 'server' },
    { ...RULE, action: 'labelmap', regex: '__(meta_.*)', sourceLabels: [] },
  );
  const query = new URLSearchParams({
    labels:
      '{__meta_url="https://netbox.example.com/api/plugins/prometheus-sd/devices/", __param_target="https://a-server-with-quite-a-long-name.example.com/health"}',
  });
  await f(`/relabel-debug?${query}`, rules, /server=/);
});
