import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import test, { type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Secret } from '../../src/lib/index.js';
import { until } from '../until.js';
import { discoveryContract } from './contract.js';
import { DiscoveryServer } from './http-server.js';
import { Rig } from './rig.js';

discoveryContract('http', async (t) => {
  const server = await DiscoveryServer.start(t);
  return {
    config: server.config(200),
    set: (targets) => server.targets(targets),
    spoil: () => server.body('gone', {}, 503),
  };
});

/** One target was there before the answer. */
async function setUp(t: TestContext, refreshMs = 50) {
  const server = await DiscoveryServer.start(t);
  server.targets(['good:1']);
  const rig = new Rig(t);
  rig.apply({ 'scrape/a': [server.config(refreshMs)] });
  await rig.untilTargets('good:1');
  return { server, rig };
}

test('http: the request is that of Prometheus', async (t) => {
  const server = await DiscoveryServer.start(t);
  const rig = new Rig(t);
  const http = { keepAlive: true, basicAuth: { username: 'me', password: new Secret('pw') } };
  rig.apply({ 'scrape/a': [{ ...server.config(1500), http }] });
  await until('a request', () => server.requests.length > 0);
  const { method, headers } = server.requests[0]!;
  assert.equal(method, 'GET');
  assert.equal(headers.accept, 'application/json');
  assert.equal(headers['x-prometheus-refresh-interval-seconds'], '1.5');
  assert.equal(headers['accept-encoding'], 'identity');
  assert.equal(headers.authorization, `Basic ${Buffer.from('me:pw').toString('base64')}`);
  assert.match(headers['user-agent']!, /^Sentinel\//);
});

test('http: labels of a group, and where it is from', async (t) => {
  const server = await DiscoveryServer.start(t);
  const rig = new Rig(t);
  server.body(
    JSON.stringify([
      { targets: ['a:1', 'b:1'], labels: { site: 'hq', __metrics_path__: '/m', __meta_url: 'forged' } },
      { targets: [], labels: { never: 'seen' } },
      { labels: { never: 'seen' } },
      { targets: null, labels: null },
      { targets: ['c:1'] },
    ]),
  );
  const url = server.url.replace('//', '//me:secret@').concat('?view=all');
  rig.apply({ 'scrape/a': [{ ...server.config(), url }] });
  await rig.untilTargets('a:1{site="hq"} b:1{site="hq"} c:1');
  const shown = server.url.replace('//', '//<secret>@').concat('?view=all');
  assert.deepEqual(rig.groups['scrape/a'], [
    {
      source: `${shown}:0`,
      targets: [{ __address__: 'a:1' }, { __address__: 'b:1' }],
      labels: { site: 'hq', __metrics_path__: '/m', __meta_url: shown },
    },
    { source: `${shown}:4`, targets: [{ __address__: 'c:1' }], labels: { __meta_url: shown } },
  ]);
  assert.doesNotMatch(JSON.stringify(rig.discoveries.statuses('scrape/a')), /me:secret|view=all/);
});

test('http: answers that are none', async (t) => {
  const { server, rig } = await setUp(t);
  const f = async (body: string | Buffer, want: RegExp, headers = {}, status = 200) => {
    server.body(body, headers, status);
    await until(`${want}, not "${rig.error()}"`, () => want.test(rig.error()));
    assert.equal(rig.targets(), 'good:1');
  };
  const json = (type: string) => ({ 'content-type': type });

  // status
  await f('[]', /expected status 200, got 204 No Content/, {}, 204);
  await f('[]', /expected status 200, got 206/, {}, 206);
  await f('no', /expected status 200, got 500 Internal Server Error/, {}, 500);
  // content type
  await f('[]', /expected content type "application\/json", got "text\/html"/, json('text/html'));
  await f('[]', /got "application\/json;"/, json('application/json;'));
  await f('[]', /got "application\/json; charset=latin1"/, json('application/json; charset=latin1'));
  await f('[]', /got "application\/json; charset=utf-8; a=b"/, json('application/json; charset=utf-8; a=b'));
  await f('[]', /got ""/, json(''));
  // not JSON
  await f('', /this is not JSON/);
  await f('[{"targets": ["a:1"]', /this is not JSON/);
  await f('[] []', /this is not JSON/);
  await f('\ufeff[]', /this is not JSON/);
  await f(Buffer.from([0xff, 0xfe, 0]), /this is not JSON/);
  await f(gzipSync('[]'), /this is not JSON/);
  // not a list of groups
  await f('{}', /expected a list of target groups, got a map/);
  await f('null', /expected a list of target groups, got null/);
  await f('7', /expected a list of target groups, got 7/);
  await f('[null]', /group 0: expected a map with targets and labels, got null/);
  await f('[{"targets": []}, []]', /group 1: expected a map with targets and labels, got a list/);
  await f('[{"targets": [], "extra": 1}]', /group 0: unknown key "extra"/);
  await f('[{"targets": "a:1"}]', /group 0: targets: expected a list, got a text/);
  await f('[{"targets": ["a:1", 7]}]', /group 0: targets: expected a text, got 7/);
  await f('[{"targets": [["a:1"]]}]', /group 0: targets: expected a text, got a list/);
  await f('[{"labels": ["a"]}]', /group 0: labels: expected a map, got a list/);
  await f('[{"labels": {"a": 1}}]', /group 0: label "a": expected a text, got 1/);
  await f('[{"labels": {"": "x"}}]', /group 0: labels: a label needs a name/);
  // the text of an answer may hold a secret
  server.body('{"token": "hidden", oops}');
  await rig.askedAgain();
  assert.doesNotMatch(rig.error() + rig.logged.join(''), /hidden/);
});

test('http: answers that are good', async (t) => {
  const { server, rig } = await setUp(t);
  const f = async (body: string | Buffer, want: string, headers = {}) => {
    server.body(body, headers);
    await rig.untilTargets(want);
    await until('no error', () => rig.error() === '');
  };

  // content types
  await f('[{"targets": ["a:1"]}]', 'a:1', { 'content-type': ' Application/JSON ' });
  await f('[{"targets": ["a:2"]}]', 'a:2', { 'content-type': 'application/json; charset=UTF-8' });
  await f('[{"targets": ["a:3"]}]', 'a:3', { 'content-type': 'application/json;charset="utf-8"' });
  // compressed without being asked
  await f(gzipSync('[{"targets": ["a:4"]}]'), 'a:4', { 'content-encoding': 'gzip' });
  // names that objects have
  await f('[{"targets": ["a:5"], "labels": {"constructor": "x"}}]', 'a:5{constructor="x"}');
  // a null is an empty text, as to Go
  await f('[{"targets": ["a:6"], "labels": {"b": null}}]', 'a:6{b=""}');
  // nothing
  await f('[]', '');
});

test('http: a redirect is followed, unless that is turned off', async (t) => {
  const { server, rig } = await setUp(t);
  server.answer = (request, response) => {
    if (request.url === '/moved')
      response.writeHead(200, { 'content-type': 'application/json' }).end('[{"targets":["moved:1"]}]');
    else response.writeHead(302, { location: '/moved' }).end();
  };
  await rig.untilTargets('moved:1');
  rig.apply({ 'scrape/a': [{ ...server.config(), http: { keepAlive: true, followRedirects: false } }] });
  await until('the status', () => /expected status 200, got 302/.test(rig.error()));
  server.answer = (_, response) => void response.writeHead(302, { location: server.url }).end();
  rig.apply({ 'scrape/a': [server.config()] });
  await until('the end of a circle', () => /stopped after 10 redirects/.test(rig.error()));
  assert.equal(rig.targets(), 'moved:1');
});

test('http: a server that means harm', { timeout: 120_000 }, async (t) => {
  const { server, rig } = await setUp(t, 300);
  const f = async (answer: (response: ServerResponse) => void, want: RegExp) => {
    server.answer = (_, response) => answer(response);
    await until(`${want}, not "${rig.error()}"`, () => want.test(rig.error()), 60_000);
    assert.equal(rig.targets(), 'good:1');
  };
  const headers = { 'content-type': 'application/json' };

  // silent, before and after the headers
  await f(() => undefined, /no whole answer of http:\/\/127.* within 300ms/);
  await f((response) => response.socket!.destroy(), /cannot GET/);
  await f((response) => void response.writeHead(200, headers).write('['), /no whole answer/);
  await f((response) => {
    response
      .writeHead(200, { ...headers, 'content-length': '1000' })
      .write('[', () => response.socket!.destroy());
  }, /cannot GET/);
  // no HTTP at all
  await f((response) => void response.socket!.end('garbage\r\n\r\n'), /cannot GET/);
});

test('http: bodies without end, and those that grow when they are unpacked', {
  timeout: 120_000,
}, async (t) => {
  const { server, rig } = await setUp(t, 10_000);
  const f = async (answer: (response: ServerResponse) => void) => {
    server.answer = (_, response) => answer(response);
    const again = { ...server.config(20_000 + server.requests.length) };
    rig.apply({ 'scrape/a': [again] });
    await until('the limit', () => /longer than 16MiB/.test(rig.error()), 60_000);
    assert.equal(rig.targets(), 'good:1');
  };
  const headers = { 'content-type': 'application/json' };
  const chunk = Buffer.alloc(1 << 20, ' ');
  const bomb = gzipSync(Buffer.alloc(200 * 2 ** 20, ' '));

  await f((response) => {
    const more = () => {
      while (!response.destroyed && response.write(chunk));
    };
    response.writeHead(200, headers).on('drain', more);
    more();
  });
  await f((response) => void response.writeHead(200, { ...headers, 'content-encoding': 'gzip' }).end(bomb));
});

test('http: 10 MB of targets', { timeout: 120_000 }, async (t) => {
  const { server, rig } = await setUp(t, 20_000);
  const groups = Array.from({ length: 100_000 }, (_, i) => ({
    targets: [`node-${i}.example.com:9100`],
    labels: { site: `site-${i % 100}`, rack: `rack-${i % 1000}`, role: 'a role of some length' },
  }));
  const body = JSON.stringify(groups);
  assert(body.length > 10_000_000);
  server.body(body);
  rig.apply({ 'scrape/a': [server.config(21_000)] });
  await until('the targets', () => rig.sum('sentinel_discovery_targets') === 100_000, 60_000);
});

test('http: a body of nothing but brackets', { timeout: 120_000 }, async (t) => {
  const { server, rig } = await setUp(t, 10_000);
  for (const body of [`[${'{},'.repeat(5_000_000)}{}]`, '['.repeat(16_000_000)]) {
    server.body(body);
    rig.apply({ 'scrape/a': [server.config(20_000 + server.requests.length)] });
    await until('the limit', () => /more than 1000000 commas and brackets/.test(rig.error()), 60_000);
    assert.equal(rig.targets(), 'good:1');
  }
});

test('http: a name that cannot be resolved, and a port that nobody listens on', async (t) => {
  const server = await DiscoveryServer.start(t);
  const rig = new Rig(t);
  const config = server.config();
  rig.apply({
    'scrape/a': [
      { ...config, url: 'http://no-such-host.invalid/x' },
      { ...config, url: 'http://127.0.0.1:1/x?token=hidden' },
    ],
  });
  await until('both', () => rig.error('scrape/a', 0) !== '' && rig.error('scrape/a', 1) !== '');
  assert.match(rig.error('scrape/a', 1), /ECONNREFUSED/);
  assert.doesNotMatch(rig.error('scrape/a', 1) + rig.logged.join(''), /hidden/);
  assert.match(rig.metrics.render(), /sentinel_discovery_failures_total\{kind="http",reason="network"\}/);
});
