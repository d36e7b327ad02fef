import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import test from 'node:test';
import type { HttpEdge, HttpView } from '../../src/http/index.js';
import { labelsOf } from '../../src/model/index.js';
import type { TargetStatus } from '../../src/scrape/index.js';
import { ruleOf } from '../relabel/rule-of.js';
import { ask, viewWith, withEdge } from './kit.js';
import { droppedTarget, pool, target } from './statuses.js';

async function dataOf(edge: HttpEdge, path: string) {
  const reply = await ask(edge, path);
  assert.equal(reply.status, 200, reply.body);
  assert.equal(reply.headers['content-type'], 'application/json; charset=utf-8');
  const { status, data } = JSON.parse(reply.body);
  assert.equal(status, 'success');
  return data;
}

const withView = (view: Partial<HttpView>, run: (edge: HttpEdge) => Promise<void>) =>
  withEdge({ view: viewWith(view) }, run);

test('/api/v1/targets: every key, of a target that was scraped and of one that was not', async () => {
  const scraped = target('127.0.0.1:9100', {
    health: 'down',
    lastError: 'server returned HTTP status 500 Internal Server Error',
    discoveredLabels: labelsOf({
      __address__: '127.0.0.1:9100',
      __scrape_interval__: '90s',
      __scrape_timeout__: '1w',
    }),
    intervalMs: 90_000,
  });
  const fresh = target('[::1]:9100', {
    health: 'unknown',
    lastScrapeMs: undefined,
    lastDurationMs: 0,
    lastSamples: 0,
    series: 0,
  });
  const dropped = droppedTarget('a:1', {
    detail: '{action: drop, source_labels: [__address__], regex: a.*}',
  });
  const pools = () => [pool('node', { active: [scraped, fresh], dropped: [dropped] }), pool('empty')];
  await withView({ pools }, async (edge) => {
    const { activeTargets, ...rest } = await dataOf(edge, '/api/v1/targets');
    assert.deepEqual(activeTargets[0], {
      discoveredLabels: {
        __address__: '127.0.0.1:9100',
        __scrape_interval__: '90s',
        __scrape_timeout__: '1w',
      },
      labels: { instance: '127.0.0.1:9100', job: 'node' },
      scrapePool: 'node',
      scrapeUrl: 'http://127.0.0.1:9100/metrics',
      globalUrl: `http://${hostname()}:9100/metrics`,
      lastError: 'server returned HTTP status 500 Internal Server Error',
      lastScrape: '2026-01-01T00:00:00.000Z',
      lastScrapeDuration: 0.0125,
      health: 'down',
      // as it is written; a rule made another timeout than the one that is
      scrapeInterval: '90s',
      scrapeTimeout: '10s',
      samples: 7,
      series: 9,
    });
    const { lastScrape, globalUrl, health, scrapeInterval } = activeTargets[1];
    assert.deepEqual(
      [lastScrape, globalUrl, health, scrapeInterval],
      ['0001-01-01T00:00:00Z', `http://${hostname()}:9100/metrics`, 'unknown', '15s'],
    );
    assert.deepEqual(rest, {
      droppedTargets: [
        {
          discoveredLabels: { __address__: 'a:1' },
          scrapePool: 'node',
          reason: 'relabel',
          detail: '{action: drop, source_labels: [__address__], regex: a.*}',
        },
      ],
      droppedTargetCounts: { empty: 0, node: 1 },
    });
  });
});

test('/api/v1/targets: filters', async () => {
  const edge1 = target('edge1:9100', {
    pool: 'edge',
    health: 'down',
    lastError: 'connect ECONNREFUSED',
    labels: labelsOf({ instance: 'edge1:9100', site: 'Rom' }),
  });
  const core = target('core:9100');
  const fresh = target('new:9100', { health: 'unknown' });
  const pools = () => [
    pool('edge', { active: [edge1], dropped: [droppedTarget('e:1'), droppedTarget('e:2')] }),
    pool('node', { active: [core, fresh], dropped: [droppedTarget('n:1')] }),
  ];
  await withView({ pools }, async (edge) => {
    const f = async (query: string, want: string) => {
      const { activeTargets, droppedTargets, droppedTargetCounts } = await dataOf(
        edge,
        `/api/v1/targets${query}`,
      );
      const actives = activeTargets.map((one: { scrapeUrl: string }) => new URL(one.scrapeUrl).hostname);
      const others = droppedTargets.map(
        (one: { discoveredLabels: Record<string, string> }) => one.discoveredLabels.__address__,
      );
      const counts = droppedTargetCounts === null ? 'null' : Object.values(droppedTargetCounts).join('+');
      assert.equal(`${actives.join(',')} | ${others.join(',')} | ${counts}`, want, query);
    };
    await f('', 'edge1,core,new | e:1,e:2,n:1 | 2+1');
    await f('?state=ANY', 'edge1,core,new | e:1,e:2,n:1 | 2+1');
    await f('?state=active', 'edge1,core,new |  | null');
    await f('?state=dropped', ' | e:1,e:2,n:1 | 2+1');
    await f('?state=other', ' |  | null');
    // the counts are those of all jobs, as in Prometheus
    await f('?scrapePool=edge', 'edge1 | e:1,e:2 | 2+1');
    await f('?scrapePool=', 'edge1,core,new | e:1,e:2,n:1 | 2+1');
    await f('?scrapePool=nope', ' |  | 2+1');
    await f('?state=active&health=down', 'edge1 |  | null');
    await f('?state=active&health=unknown', 'new |  | null');
    await f('?state=active&health=nope', ' |  | null');
    await f('?state=active&q=rom', 'edge1 |  | null');
    await f('?state=active&q=refused', 'edge1 |  | null');
    await f('?state=active&q=+CORE:91+', 'core |  | null');
    await f('?state=active&q=instance', ' |  | null');
    await f('?state=active&scrapePool=node&q=edge1', ' |  | null');
    await f('?q=%zz&x=%ff&state=active', ' |  | null');
  });
});

test('secrets are masked wherever a target is shown', async () => {
  const blackbox = encodeURIComponent('https://user:hunter2@host/x?id=5&api_key=hunter2');
  const labels = {
    __address__: 'user:hunter2@box:9115',
    __meta_url: 'http://sd/?x=hunter2',
    __param_token: 'hunter2',
    __param_auth_key: 'hunter2',
    __param_target: decodeURIComponent(blackbox),
    __param_module: 'http_2xx',
    bypassed: 'shown',
    passive: 'shown',
  };
  const active = target('x', {
    labels: labelsOf({ instance: decodeURIComponent(blackbox), job: 'node', mail: 'noc@example.com' }),
    discoveredLabels: labelsOf(labels),
    url: `http://user:hunter2%40box:9115/probe?module=http_2xx&target=${blackbox}&token=hunter2&PassWord=hunter2#x`,
    health: 'down',
  });
  const dropped = droppedTarget('x', { discoveredLabels: labelsOf(labels) });
  const pools = () => [pool('node', { active: [active], dropped: [dropped] })];
  const targetMetadata = () => [
    { target: active.labels, families: [{ family: 'f', type: 'gauge' as const, help: '', unit: '' }] },
  ];
  await withView({ pools, targetMetadata }, async (edge) => {
    for (const path of [
      '/api/v1/targets',
      '/api/v1/targets/metadata',
      '/api/v1/jobs',
      '/targets',
      '/service-discovery',
      '/',
    ]) {
      const reply = await ask(edge, path);
      assert.equal(reply.status, 200);
      assert.doesNotMatch(reply.body, /hunter2/, path);
    }
    const { activeTargets, droppedTargets } = await dataOf(edge, '/api/v1/targets');
    const [shown] = activeTargets;
    assert.deepEqual(shown.discoveredLabels, {
      __address__: '<secret>@box:9115',
      __meta_url: 'http://sd/?x=<secret>',
      __param_auth_key: '<secret>',
      __param_module: 'http_2xx',
      __param_target: 'https://<secret>@host/x?id=5&api_key=<secret>',
      __param_token: '<secret>',
      bypassed: 'shown',
      passive: 'shown',
    });
    assert.deepEqual(droppedTargets[0].discoveredLabels, shown.discoveredLabels);
    assert.equal(shown.labels.instance, 'https://<secret>@host/x?id=5&api_key=<secret>');
    assert.equal(shown.labels.mail, 'noc@example.com');
    assert.equal(
      shown.scrapeUrl,
      'http://<secret>@box:9115/probe?module=http_2xx&target=https%3A%2F%2F<secret>%40host%2Fx%3Fid%3D5%26api_key%3D<secret>&token=<secret>&PassWord=<secret>#x',
    );
    // and cannot be found out by searching for them
    for (const path of ['/api/v1/targets?state=active&q=hunter', '/api/v1/targets?state=active&q=hunter2@'])
      assert.deepEqual((await dataOf(edge, path)).activeTargets, []);
  });
});

test('/api/v1/targets/metadata and /api/v1/metadata', async () => {
  const gauge = { family: 'depth', type: 'gauge' as const, help: 'Depth.', unit: 'meters' };
  const counter = { family: 'hits', type: 'counter' as const, help: 'Hits.', unit: '' };
  const targetMetadata = () => [
    { target: labelsOf({ job: 'a', instance: 'a:1' }), families: [gauge, counter] },
    { target: labelsOf({ job: 'a', instance: 'a:2' }), families: [{ ...counter, help: 'Other.' }] },
    { target: labelsOf({ job: 'b' }), families: [gauge] },
  ];
  await withView({ targetMetadata }, async (edge) => {
    const f = async (query: string, want: string) => {
      const rows = await dataOf(edge, `/api/v1/targets/metadata${query}`);
      const texts = rows.map((row: Record<string, Record<string, string>>) => {
        const { instance = 'b' } = row.target!;
        return `${instance} ${row.metric ?? '-'} ${row.type} ${row.help} ${row.unit}`.trim();
      });
      assert.equal(texts.join(', '), want, query);
    };
    const first = 'a:1 depth gauge Depth. meters, a:1 hits counter Hits.';
    await f('', `${first}, a:2 hits counter Other., b depth gauge Depth. meters`);
    await f('?metric=hits', 'a:1 - counter Hits., a:2 - counter Other.');
    await f('?metric=none', '');
    await f('?match_target={job="b"}', 'b depth gauge Depth. meters');
    await f('?match_target={instance=~"a:.*"}&metric=depth', 'a:1 - gauge Depth. meters');
    // no target is begun when there are so many rows
    await f('?limit=1', first);
    await f('?limit=2', first);
    await f('?limit=3', `${first}, a:2 hits counter Other.`);
    await f('?limit=0', '');
    await f('?limit=-1&match_target={job="b"}', 'b depth gauge Depth. meters');

    const g = async (query: string, want: object) =>
      assert.deepEqual(await dataOf(edge, `/api/v1/metadata${query}`), want, query);
    const depth = [{ type: 'gauge', help: 'Depth.', unit: 'meters' }];
    const hits = [
      { type: 'counter', help: 'Hits.', unit: '' },
      { type: 'counter', help: 'Other.', unit: '' },
    ];
    await g('', { depth, hits });
    await g('?metric=hits', { hits });
    await g('?metric=none', {});
    await g('?limit=1', { depth });
    await g('?limit=0', {});
    await g('?limit_per_metric=1', { depth, hits: [hits[0]] });
    await g('?limit_per_metric=0', { depth, hits });
  });
});

test('/api/v1/targets/relabel_steps: what each rule gives, also behind the one that dropped it', async () => {
  const rule = ruleOf({ sourceLabels: ['__address__'], targetLabel: 'host' });
  const drop = { ...rule, action: 'drop' as const, targetLabel: '', replacement: '', regex: 'a.*' };
  const labels = labelsOf({ __address__: 'a:1', __proto: 'x', empty: '' });
  const after = labelsOf({ __address__: 'a:1', host: 'a:1' });
  let explained: readonly unknown[] = [];
  const view: Partial<HttpView> = {
    pools: () => [pool('node', { relabel: [rule, drop, rule] })],
    explain: (subject, job, given) => {
      explained = [subject, job, given];
      if (job !== 'node') return undefined;
      return [
        { rule: '', applied: true, before: given, after },
        { rule: '', applied: true, before: after, after: undefined },
      ];
    },
  };
  const path = (job: string, text: string) =>
    `/api/v1/targets/relabel_steps?scrapePool=${job}&labels=${encodeURIComponent(text)}`;
  await withView(view, async (edge) => {
    const written = '{"__proto":"x","__address__":"a:1","empty":""}';
    const plain = { sourceLabels: ['__address__'], separator: ';', regex: '(.*)' };
    const first = { action: 'replace', ...plain, targetLabel: 'host', replacement: '$1' };
    assert.deepEqual(await dataOf(edge, path('node', written)), {
      steps: [
        { rule: first, output: { __address__: 'a:1', host: 'a:1' }, keep: true },
        { rule: { action: 'drop', ...plain, regex: 'a.*' }, output: {}, keep: false },
        { rule: first, output: {}, keep: false },
      ],
    });
    assert.deepEqual(explained, ['discovered', 'node', labels]);
  });
});

test('what cannot be answered: 400 in the envelope of errors', async () => {
  const pools = () => [pool('node')];
  await withView({ pools }, async (edge) => {
    const f = async (path: string, want: RegExp) => {
      const reply = await ask(edge, path);
      assert.equal(reply.status, 400, path);
      assert.equal(reply.headers['content-type'], 'application/json; charset=utf-8');
      const { status, errorType, error, ...more } = JSON.parse(reply.body);
      assert.deepEqual([status, errorType, more], ['error', 'bad_data', {}]);
      assert.match(error, want, path);
    };
    await f('/api/v1/targets/metadata?match_target={', /^invalid parameter "match_target": .* expected/);
    await f('/api/v1/targets/metadata?match_target={a=~"("}', /^invalid parameter "match_target": /);
    await f('/api/v1/targets/metadata?limit=x', /^limit must be a number$/);
    await f('/api/v1/metadata?limit=1e3', /^limit must be a number$/);
    await f('/api/v1/metadata?limit_per_metric=1.5', /^limit_per_metric must be a number$/);
    const steps = '/api/v1/targets/relabel_steps';
    await f(steps, /^no scrapePool parameter provided$/);
    await f(`${steps}?scrapePool=node`, /^no labels parameter provided$/);
    await f(`${steps}?scrapePool=node&labels={`, /^error parsing labels: /);
    for (const labels of ['[]', '1', 'null', '{"a":1}', '{"a":null}', '{"a":{}}'])
      await f(`${steps}?scrapePool=node&labels=${labels}`, /^error parsing labels: expected a JSON object/);
    await f(`${steps}?scrapePool=nope&labels={}`, /^scrape pool "nope" not found$/);
  });
});

test('HEAD: the headers of GET, and no body; POST is refused', async () => {
  await withView({ pools: () => [pool('node', { active: [target('a:1')] })] }, async (edge) => {
    for (const path of [
      '/targets',
      '/service-discovery',
      '/relabel-debug',
      '/api/v1/targets',
      '/api/v1/targets/metadata',
      '/api/v1/metadata',
      '/api/v1/scrape_pools',
      '/api/v1/jobs',
      '/api/v1/targets/metadata?limit=x',
    ]) {
      const [get, head] = [await ask(edge, path), await ask(edge, path, 'HEAD')];
      assert.equal(head.body, '', path);
      assert.equal(head.status, get.status, path);
      for (const name of ['content-type', 'content-length', 'content-security-policy', 'cache-control'])
        assert.equal(head.headers[name], get.headers[name], `${path} ${name}`);
      assert.equal((await ask(edge, path, 'POST')).status, 405, path);
    }
  });
});

test('/api/v1/jobs: counts, what is down, what discovery says; /api/v1/scrape_pools', async () => {
  const active: TargetStatus[] = Array.from({ length: 50 }, (_, i) =>
    target(`h${i}:1`, { health: i % 2 === 0 ? 'down' : i === 1 ? 'unknown' : 'up', lastError: `no ${i}` }),
  );
  const discovery = [
    { kind: 'static' as const, what: '', targets: 3, lastSuccessMs: 0, lastError: undefined },
    {
      kind: 'http' as const,
      what: 'http://sd/?token=<secret>',
      targets: 47,
      lastSuccessMs: Date.UTC(2026, 0, 1),
      lastError: 'expected status 200, got 500',
    },
  ];
  const dropped = [droppedTarget('a:1'), droppedTarget('a:2', { reason: 'invalid', detail: 'no address' })];
  const pools = () => [pool('empty'), pool('node', { active, dropped, discovery })];
  await withView({ pools }, async (edge) => {
    const [empty, node] = await dataOf(edge, '/api/v1/jobs');
    assert.deepEqual(empty, {
      job: 'empty',
      up: 0,
      down: 0,
      unknown: 0,
      dropped: 0,
      dropped_by_reason: { relabel: 0, cluster: 0, duplicate: 0, invalid: 0 },
      down_targets: [],
      discovery: [],
    });
    const { down_targets, discovery: told, ...counts } = node;
    assert.deepEqual(counts, {
      job: 'node',
      up: 24,
      down: 25,
      unknown: 1,
      dropped: 2,
      dropped_by_reason: { relabel: 1, cluster: 0, duplicate: 0, invalid: 1 },
    });
    assert.equal(down_targets.length, 20);
    assert.deepEqual(down_targets[1], {
      url: 'http://h2:1/metrics',
      labels: { instance: 'h2:1', job: 'node' },
      last_error: 'no 2',
      last_scrape: '2026-01-01T00:00:00.000Z',
    });
    assert.deepEqual(told, [
      { kind: 'static', what: '', targets: 3, last_success: '1970-01-01T00:00:00.000Z', last_error: null },
      {
        kind: 'http',
        what: 'http://sd/?token=<secret>',
        targets: 47,
        last_success: '2026-01-01T00:00:00.000Z',
        last_error: 'expected status 200, got 500',
      },
    ]);
    assert.deepEqual(await dataOf(edge, '/api/v1/scrape_pools'), { scrapePools: ['empty', 'node'] });
  });
});
