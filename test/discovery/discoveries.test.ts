import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import type { DiscoveryConfig, HttpDiscovery, StaticDiscovery } from '../../src/discovery/index.js';
import { Secret } from '../../src/lib/index.js';
import type { HttpClient, HttpRequest, HttpResponse } from '../../src/net/index.js';
import { ManualClock, settle } from '../manual-clock.js';
import { Rig } from './rig.js';

/** An HTTP client that answers at once, or when the test says so. */
class FakeHttp implements HttpClient {
  readonly requests: HttpRequest[] = [];
  closed = 0;
  /** Targets by the path of the URL; without them nobody answers. */
  readonly targets = new Map<string, string[]>();

  async request(request: HttpRequest): Promise<HttpResponse> {
    this.requests.push(request);
    const targets = this.targets.get(new URL(request.url).pathname);
    if (targets === undefined)
      return await new Promise((_, reject) => {
        request.signal.addEventListener('abort', () => reject(request.signal.reason));
      });
    const headers = { 'content-type': 'application/json' };
    const body = Buffer.from(JSON.stringify([{ targets }]));
    return { status: 200, statusText: 'OK', headers, body, url: request.url };
  }

  close(): void {
    this.closed++;
  }
}

function setUp(t: TestContext) {
  const clock = new ManualClock();
  const http = new FakeHttp();
  const rig = new Rig(t, { clock, createHttpClient: () => http });
  return { clock, http, rig };
}

const sd = (path: string, refreshMs = 60_000): HttpDiscovery => ({
  kind: 'http',
  url: `http://sd${path}`,
  refreshMs,
  http: { keepAlive: true },
});

const fixed = (...targets: string[]): StaticDiscovery => ({
  kind: 'static',
  groups: [{ source: '0', targets: targets.map((target) => ({ __address__: target })), labels: {} }],
});

test('static: targets are told before apply returns, and always good', (t) => {
  const { rig, clock } = setUp(t);
  rig.apply({ 'scrape/a': [fixed('a:1', 'a:2')], 'scrape/b': [], 'scrape/c': [fixed('a:1', 'a:2')] });
  assert.deepEqual(rig.events, { 'scrape/a': ['a:1 a:2'], 'scrape/b': [''], 'scrape/c': ['a:1 a:2'] });
  assert.deepEqual(rig.discoveries.statuses('scrape/a'), [
    { kind: 'static', what: 'static_configs', targets: 2, lastSuccessMs: clock.now(), lastError: undefined },
  ]);
  assert.deepEqual(rig.discoveries.statuses('scrape/unknown'), []);
  assert.match(rig.metrics.render(), /sentinel_discovery_targets\{owner="scrape\/a",kind="static"\} 2/);
  rig.apply({ 'scrape/a': [fixed('a:2')] });
  assert.equal(rig.targets(), 'a:2');
  assert.doesNotMatch(rig.metrics.render(), /scrape\/b/);
});

test('an owner has all groups of its entries, in their order', async (t) => {
  const { rig, http } = setUp(t);
  http.targets.set('/one', ['one:1']);
  http.targets.set('/two', ['two:1']);
  rig.apply({ 'scrape/a': [fixed('a:1'), sd('/two'), sd('/one')] });
  assert.equal(rig.targets(), 'a:1');
  await settle();
  assert.equal(rig.events['scrape/a']?.[1], 'a:1 two:1');
  await settle();
  const sources = rig.discoveries.statuses('scrape/a').map(({ what, targets }) => `${what} ${targets}`);
  assert.deepEqual(sources, ['static_configs 1', 'http://sd/two 1', 'http://sd/one 1']);
});

test('entries are asked at once, then at each interval from the start of the request', async (t) => {
  const { rig, http, clock } = setUp(t);
  http.targets.set('/one', ['one:1']);
  rig.apply({ 'scrape/a': [sd('/one')] });
  await settle();
  assert.equal(http.requests.length, 1);
  await clock.advance(59_999);
  assert.equal(http.requests.length, 1);
  await clock.advance(1);
  assert.equal(http.requests.length, 2);
  // no answer: given up after the interval, and asked again
  http.targets.clear();
  await clock.advance(60_000);
  assert.equal(http.requests.length, 3);
  await clock.advance(59_999);
  assert.equal(rig.error(), '');
  await clock.advance(1);
  assert.match(rig.error(), /no whole answer of http:\/\/sd\/one within 1m/);
  await clock.advance(1);
  assert.equal(http.requests.length, 4);
  assert.equal(rig.targets(), 'one:1');
  const lastSuccessMs = rig.discoveries.statuses('scrape/a')[0]!.lastSuccessMs!;
  assert.equal(clock.now() - lastSuccessMs, 120_001);
  assert.match(
    rig.metrics.render(),
    new RegExp(`last_success_timestamp_seconds\\{owner="scrape/a",kind="http"\\} ${lastSuccessMs / 1000}\n`),
  );
});

test('equal entries are one poller; others are not', async (t) => {
  const { rig, http } = setUp(t);
  http.targets.set('/one', ['one:1']);
  const withPassword = (password: string): HttpDiscovery => ({
    ...sd('/one'),
    http: { keepAlive: true, basicAuth: { username: 'me', password: new Secret(password) } },
  });
  rig.apply({
    'scrape/a': [sd('/one'), sd('/one')],
    'scrape/b': [sd('/one')],
    'scrape/c': [withPassword('x'), withPassword('y'), withPassword('x')],
    'scrape/d': [sd('/one', 30_000)],
  });
  await settle();
  assert.equal(http.requests.length, 4);
});

test('an owner never begins with what another one was told by the same place', async (t) => {
  const { rig, http } = setUp(t);
  const asked = (tenant: string): HttpDiscovery => ({
    ...sd('/one'),
    http: { keepAlive: true, headers: { 'X-Scope-OrgID': tenant } },
  });
  http.targets.set('/one', ['first:1']);
  rig.apply({ 'scrape/a': [asked('a')], 'scrape/b': [fixed('b:1')] });
  await settle();
  http.targets.delete('/one');
  rig.apply({ 'scrape/a': [asked('a')], 'scrape/b': [asked('b')] });
  assert.deepEqual([rig.targets('scrape/a'), rig.targets('scrape/b')], ['first:1', '']);
  // but with its own
  rig.apply({ 'scrape/b': [asked('b')], 'scrape/a': [asked('c')] });
  assert.deepEqual([rig.targets('scrape/a'), rig.targets('scrape/b')], ['first:1', '']);
});

test('what is configured as before goes on; what is not any more is stopped, with its request', async (t) => {
  const { rig, http, clock } = setUp(t);
  http.targets.set('/one', ['one:1']);
  rig.apply({ 'scrape/a': [sd('/one')], 'scrape/b': [sd('/silent')] });
  await settle();
  const silent = http.requests.find(({ url }) => url.endsWith('/silent'))!;
  // an equal configuration, for another owner
  rig.apply({ 'scrape/c': [sd('/one')], 'scrape/b': [sd('/silent')] });
  assert.equal(rig.targets('scrape/c'), 'one:1');
  await settle();
  assert.equal(http.requests.length, 2);
  assert.equal(silent.signal.aborted, false);
  rig.apply({ 'scrape/c': [sd('/one')] });
  assert.equal(silent.signal.aborted, true);
  assert.equal(http.closed, 1);
  await clock.advance(120_000);
  assert.equal(http.requests.filter(({ url }) => url.endsWith('/silent')).length, 1);
  assert.equal(rig.events['scrape/b']?.length, 2);
  // an entry that is gone takes its targets with it
  rig.apply({ 'scrape/c': [fixed('a:1')] });
  assert.equal(rig.targets('scrape/c'), 'a:1');
});

test('after stop nothing is asked or told', async (t) => {
  const { rig, http, clock } = setUp(t);
  http.targets.set('/one', ['one:1']);
  rig.apply({ 'scrape/a': [sd('/one'), sd('/silent')] });
  await settle();
  const events = rig.events['scrape/a']!.length;
  rig.discoveries.stop();
  assert(http.requests.every(({ url, signal }) => signal.aborted || url.endsWith('/one')));
  await clock.advance(3_600_000);
  assert.equal(http.requests.length, 2);
  assert.equal(rig.events['scrape/a']!.length, events);
  assert.equal(http.closed, 2);
  assert.doesNotMatch(rig.metrics.render(), /scrape\/a/);
});

test('first answers are told at once, and many of them together', async (t) => {
  const { rig, http, clock } = setUp(t);
  const entries: DiscoveryConfig[] = [];
  for (let i = 0; i < 50; i++) {
    http.targets.set(`/${i}`, [`n${i}:1`]);
    entries.push(sd(`/${i}`));
  }
  rig.apply({ 'scrape/a': entries });
  await settle();
  assert.equal(rig.events['scrape/a']?.[1], 'n0:1');
  await clock.advance(100);
  assert.equal(rig.targets().split(' ').length, 50);
  assert.equal(rig.events['scrape/a']?.length, 3);
});

test('changes that come again and again are told more and more rarely, and after a rest at once', async (t) => {
  const { rig, http, clock } = setUp(t);
  let n = 0;
  const told: number[] = [];
  const rest = () => rig.events['scrape/a']!.length;
  http.targets.set('/one', ['n0:1']);
  rig.apply({ 'scrape/a': [sd('/one', 100)] });
  for (let i = 0; i < 600; i++) {
    http.targets.set('/one', [`n${++n}:1`]);
    const before = rest();
    await clock.advance(100);
    if (rest() > before) told.push(clock.monotonic());
  }
  const gaps = told.slice(1).map((at, i) => at - told[i]!);
  assert(gaps[0]! <= 200, `first gaps ${gaps.slice(0, 5)}`);
  assert(
    gaps.every((gap, i) => i === 0 || gap >= gaps[i - 1]! - 100),
    `${gaps}`,
  );
  assert(gaps.at(-1)! >= 4900 && gaps.at(-1)! <= 5100, `${gaps}`);
  // the last change is told, and the next one after a rest at once
  await clock.advance(20_000);
  assert.equal(rig.targets(), `n${n}:1`);
  http.targets.set('/one', ['rested:1']);
  await clock.advance(100);
  assert.equal(rig.targets(), 'rested:1');
});

test('a failure is logged once, then rarely', async (t) => {
  const { rig, clock } = setUp(t);
  rig.apply({ 'scrape/a': [sd('/silent', 1000)] });
  await clock.advance(100_000);
  assert.equal(rig.logged.length, 1);
  assert.match(rig.logged[0]!, /"kind":"http".*http:\/\/sd\/silent.*the last good targets stay/);
  await clock.advance(250_000);
  assert.equal(rig.logged.length, 2);
});
