import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { DnsDiscovery } from '../../src/discovery/index.js';
import { createResolver } from '../../src/net/index.js';
import { startNameServer } from '../net/name-server-fake.js';
import { until } from '../until.js';
import { discoveryContract } from './contract.js';
import { Rig, temporaryFolder } from './rig.js';

const SERVFAIL = 2;

/** One name server, and a resolver that asks it. */
async function world(t: TestContext, conf = '') {
  const server = await startNameServer();
  server.ttlSeconds = 0;
  t.after(() => server.close());
  const folder = temporaryFolder(t);
  const resolvConf = join(folder, 'resolv.conf');
  writeFileSync(resolvConf, `nameserver ${server.address}\noptions timeout:1 attempts:1\n${conf}`);
  writeFileSync(join(folder, 'hosts'), '10.9.9.9 web.example\n');
  const resolver = createResolver({ resolvConf, hostsFile: join(folder, 'hosts') });
  return { server, options: { resolver } };
}

const config = (keys: Partial<DnsDiscovery>): DnsDiscovery => ({
  kind: 'dns',
  names: ['web.example'],
  type: 'A',
  port: 1,
  refreshMs: 50,
  ...keys,
});

discoveryContract('dns', async (t) => {
  const { server, options } = await world(t);
  return {
    config: config({}),
    options,
    set: (targets) =>
      server.replies.set(
        'A web.example',
        targets.map((target) => target.replace(/:1$/, '')),
      ),
    spoil: () => server.replies.set('A web.example', SERVFAIL),
  };
});

/** The targets with all their labels, once there are some. */
async function targetsOf(t: TestContext, keys: Partial<DnsDiscovery>, replies: Record<string, string[]>) {
  const { server, options } = await world(t);
  for (const [question, reply] of Object.entries(replies)) server.replies.set(question, reply);
  const rig = new Rig(t, options);
  rig.apply({ 'scrape/a': [config({ ...keys, refreshMs: 60_000 })] });
  await until('targets', () => (rig.groups['scrape/a'] ?? []).length > 0);
  return rig.groups['scrape/a'];
}

test('dns: the labels of each type', async (t) => {
  assert.deepEqual(await targetsOf(t, { port: 80 }, { 'A web.example': ['10.0.0.2', '10.0.0.1'] }), [
    {
      source: 'web.example',
      targets: [
        { __address__: '10.0.0.1:80', __meta_dns_name: 'web.example' },
        { __address__: '10.0.0.2:80', __meta_dns_name: 'web.example' },
      ],
      labels: {},
    },
  ]);
  const aaaa = { 'AAAA web.example': ['2001:db8:0:0:0:0:0:1'] };
  assert.deepEqual((await targetsOf(t, { type: 'AAAA', port: 80 }, aaaa))?.[0]?.targets, [
    { __address__: '[2001:db8::1]:80', __meta_dns_name: 'web.example' },
  ]);
  const srv = { 'SRV _db._tcp.example': ['10 5 3306 db1.example', '20 5 3307 db2.example.', '0 0 1 .'] };
  assert.deepEqual(
    (await targetsOf(t, { type: 'SRV', names: ['_db._tcp.example'], port: 0 }, srv))?.[0]?.targets,
    [
      {
        __address__: 'db1.example:3306',
        __meta_dns_name: '_db._tcp.example',
        __meta_dns_srv_record_target: 'db1.example.',
        __meta_dns_srv_record_port: '3306',
      },
      {
        __address__: 'db2.example:3307',
        __meta_dns_name: '_db._tcp.example',
        __meta_dns_srv_record_target: 'db2.example.',
        __meta_dns_srv_record_port: '3307',
      },
    ],
  );
  const mx = { 'MX example': ['10 mail.example', '0 .'] };
  assert.deepEqual((await targetsOf(t, { type: 'MX', names: ['example'], port: 25 }, mx))?.[0]?.targets, [
    {
      __address__: 'mail.example:25',
      __meta_dns_name: 'example',
      __meta_dns_mx_record_target: 'mail.example.',
    },
  ]);
});

test('dns: of several names each one stands for itself', async (t) => {
  const { server, options } = await world(t);
  const rig = new Rig(t, options);
  const names = ['one.example', 'two.example', 'three.example'];
  server.replies.set('A one.example', ['10.0.0.1']);
  server.replies.set('A two.example', ['10.0.0.2']);
  rig.apply({ 'scrape/a': [config({ names })] });
  // three.example: NXDOMAIN
  await rig.untilTargets('10.0.0.1:1 10.0.0.2:1');
  await rig.askedAgain();
  assert.equal(rig.error(), '');
  // a server that fails for one name
  server.replies.set('A one.example', SERVFAIL);
  server.replies.set('A two.example', ['10.0.0.4']);
  server.replies.set('A three.example', ['10.0.0.3']);
  await rig.untilTargets('10.0.0.1:1 10.0.0.3:1 10.0.0.4:1');
  assert.match(rig.error(), /cannot resolve "one.example": .* could not find out \(SERVFAIL\)/);
  assert.match(rig.metrics.render(), /failures_total\{kind="dns",reason="resolve"\} [1-9]/);
  // unknown by now, and known without addresses
  server.replies.delete('A one.example');
  server.replies.set('A two.example', []);
  await rig.untilTargets('10.0.0.3:1');
  await until('no error', () => rig.error() === '');
});

test('dns: a silent server', async (t) => {
  const { server, options } = await world(t);
  const rig = new Rig(t, options);
  server.replies.set('A web.example', ['10.0.0.1']);
  rig.apply({ 'scrape/a': [config({})] });
  await rig.untilTargets('10.0.0.1:1');
  server.replies.set('A web.example', 'silent');
  await until('the error', () => /no answer from 127\.0\.0\.1/.test(rig.error()));
  assert.equal(rig.targets(), '10.0.0.1:1');
});

test('dns: the search list, as Prometheus walks it', async (t) => {
  const f = async (name: string, replies: Record<string, FakeReply>, want: string, asked: string) => {
    const { server, options } = await world(t, 'search first.example second.example\n');
    for (const [question, reply] of Object.entries(replies)) server.replies.set(question, reply);
    const rig = new Rig(t, options);
    rig.apply({ 'scrape/a': [config({ names: [name], refreshMs: 60_000 })] });
    await until('an answer', () => rig.sum('sentinel_discovery_refreshes_total') > 0);
    assert.equal(rig.targets(), want);
    assert.equal([...new Set(server.questions)].join(', '), asked);
    return rig.error();
  };
  type FakeReply = number | readonly string[];

  // no dot: the list first
  const second = { 'A web.second.example': ['10.0.0.2'] };
  assert.equal(await f('web', second, '10.0.0.2:1', 'A web.first.example, A web.second.example'), '');
  // a dot: the name first
  await f('web.x', { 'A web.x': ['10.0.0.1'] }, '10.0.0.1:1', 'A web.x');
  // a final dot: the name alone
  await f('web.', {}, '', 'A web');
  // known without addresses: that is the answer
  await f('web.x', { 'A web.x': [], 'A web.x.first.example': ['10.0.0.1'] }, '', 'A web.x');
  // a failure, and a later one that is good
  const mixed = { 'A web.x': SERVFAIL, 'A web.x.first.example': ['10.0.0.3'] };
  assert.equal(await f('web.x', mixed, '10.0.0.3:1', 'A web.x, A web.x.first.example'), '');
  // a failure, and nobody knows it
  const all = 'A web.x, A web.x.first.example, A web.x.second.example';
  assert.match(await f('web.x', { 'A web.x': SERVFAIL }, '', all), /SERVFAIL/);
});

test('dns: a name that is none', async (t) => {
  const { options } = await world(t);
  const rig = new Rig(t, options);
  rig.apply({ 'scrape/a': [config({ names: ['not a name'] })] });
  await until('the error', () => /this is not a host name/.test(rig.error()));
});
