import assert from 'node:assert/strict';
import { setMaxListeners } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { pino } from 'pino';
import { type Clock, errorLine, SentinelError } from '../../src/lib/index.js';
import { createResolver, type IpFamily, type Resolver } from '../../src/net/index.js';
import { ManualClock } from '../manual-clock.js';
import { until } from '../until.js';
import { type FakeNameServer, startNameServer } from './name-server-fake.js';

/** A resolver with files of its own and one fake server. */
async function setUp(t: TestContext, options: { hosts?: string; conf?: string; clock?: Clock } = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'sentinel-net-'));
  const server = await startNameServer();
  const hostsFile = join(directory, 'hosts');
  const resolvConf = join(directory, 'resolv.conf');
  writeFileSync(hostsFile, options.hosts ?? '');
  writeFileSync(resolvConf, `nameserver ${server.address} # vrf mgmt\n${options.conf ?? ''}`);
  const clock = options.clock ?? new ManualClock();
  const logged: string[] = [];
  const log = pino({ base: null }, { write: (line) => void logged.push(line) });
  const resolver = createResolver({ clock, log, hostsFile, resolvConf });
  t.after(() => {
    resolver.close();
    server.close();
    rmSync(directory, { recursive: true });
  });
  return { resolver, server, logged, hostsFile, resolvConf, clock: clock as ManualClock };
}

async function addresses(resolver: Resolver, name: string, family: IpFamily = 'ip'): Promise<string> {
  return (await resolver.resolve(name, family)).map((address) => address.address).join(' ');
}

async function refuses(promise: Promise<unknown>, pattern: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert(error instanceof SentinelError);
    assert.equal(error.code, 'SEN_RESOLVE');
    assert.match(errorLine(error), pattern);
    return true;
  });
}

function asked(server: FakeNameServer): string {
  return server.questions.splice(0).join(', ');
}

test('resolver: names that need no server', async (t) => {
  const hosts =
    '10.0.0.1 gw Gateway.Example # the router\n10.0.0.2 gw\nfd00::1 gw six\n#10.9.9.9 no\nnonsense here\n';
  const { resolver, server } = await setUp(t, { hosts });
  const f = async (name: string, family: IpFamily, want: string) =>
    assert.equal(await addresses(resolver, name, family), want);

  // literals
  await f('192.0.2.1', 'ip', '192.0.2.1');
  await f('2001:db8::1', 'ip', '2001:db8::1');
  await refuses(
    resolver.resolve('192.0.2.1', 'ip6'),
    /cannot resolve "192.0.2.1": it is not an IPv6 address/,
  );
  await refuses(resolver.resolve('::1', 'ip4'), /not an IPv4 address/);
  // the hosts file: any case, several addresses, both families
  await f('GW', 'ip', '10.0.0.1 10.0.0.2');
  await f('gw', 'ip6', 'fd00::1');
  await f('six', 'ip', 'fd00::1');
  await f('gateway.example.', 'ip', '10.0.0.1');
  // localhost, although no file has it
  await f('localhost', 'ip', '127.0.0.1');
  await f('app.localhost', 'ip6', '::1');
  // no name at all
  await refuses(resolver.resolve('a b', 'ip'), /this is not a host name/);
  await refuses(resolver.resolve('', 'ip'), /this is not a host name/);
  assert.equal(asked(server), '');
});

test('resolver: name servers, families and the search list', async (t) => {
  const { resolver, server } = await setUp(t, { conf: 'search corp.example example.\noptions ndots:2\n' });
  server.replies.set('A gw.corp.example', ['10.1.0.1', '10.1.0.2']);
  server.replies.set('A six.example', []);
  server.replies.set('AAAA six.example', ['2001:db8:0:0:0:0:0:6']);
  server.replies.set('A x.y.test', ['10.1.0.3']);
  server.replies.set('A xn--bcher-kva.test', ['10.1.0.4']);

  assert.equal(await addresses(resolver, 'gw'), '10.1.0.1 10.1.0.2');
  assert.equal(asked(server), 'A gw.corp.example');
  // AAAA is asked only where there is no A
  assert.equal(await addresses(resolver, 'six'), '2001:db8::6');
  assert.equal(asked(server), 'A six.corp.example, A six.example, AAAA six.example');
  // as many dots as ndots: as it is first
  assert.equal(await addresses(resolver, 'x.y.test'), '10.1.0.3');
  assert.equal(asked(server), 'A x.y.test');
  // letters beyond ASCII
  assert.equal(await addresses(resolver, 'Bücher.test.'), '10.1.0.4');
  asked(server);
  // only the family that was asked for
  await refuses(resolver.resolve('gw.corp.example.', 'ip6'), /no such name/);
  assert.equal(asked(server), 'AAAA gw.corp.example');
  // no such name, kept briefly
  await refuses(
    resolver.resolve('no.such.name.', 'ip'),
    /cannot resolve "no.such.name.": no such name: .*ENOTFOUND/,
  );
  assert.equal(asked(server), 'A no.such.name');
  await refuses(resolver.resolve('no.such.name.', 'ip'), /no such name/);
  assert.equal(asked(server), '');
});

test('resolver: answers are kept for their time to live, and the last good one while servers fail', async (t) => {
  const { resolver, server, logged, clock } = await setUp(t, { conf: 'options timeout:1 attempts:1\n' });
  const name = 'gw.example';
  server.replies.set('A gw.example', ['10.2.0.1']);
  assert.equal(await addresses(resolver, name), '10.2.0.1');
  assert.equal(asked(server), 'A gw.example');
  await clock.advance(59_000);
  assert.equal(await addresses(resolver, name), '10.2.0.1');
  assert.equal(asked(server), '');
  // its time is over, and the server is broken
  server.replies.set('A gw.example', 2);
  await clock.advance(2000);
  assert.equal(await addresses(resolver, name), '10.2.0.1');
  assert.notEqual(asked(server), '');
  assert.match(logged.join(''), /"name":"gw.example".*ESERVFAIL.*the last good addresses are used/);
  // not asked again for a while
  await clock.advance(20_000);
  assert.equal(await addresses(resolver, name), '10.2.0.1');
  assert.equal(asked(server), '');
  // the server is back, with another address
  server.replies.set('A gw.example', ['10.2.0.9']);
  await clock.advance(20_000);
  assert.equal(await addresses(resolver, name), '10.2.0.9');
  // a server that answers "no such name" is believed
  server.replies.set('A gw.example', 3);
  await clock.advance(61_000);
  await refuses(resolver.resolve(name, 'ip'), /no such name/);
  // nothing good is known: a broken server is an error that says so
  server.replies.set('A other.example', 2);
  await refuses(resolver.resolve('other.example', 'ip'), /could not find out \(SERVFAIL\)/);
});

test('resolver: with a last good answer nobody waits for a silent server, and after a day it is let go', async (t) => {
  const { resolver, server, clock } = await setUp(t, { conf: 'options timeout:1 attempts:1\n' });
  server.replies.set('A gw.example', ['10.2.0.1']);
  await addresses(resolver, 'gw.example');
  asked(server);
  server.replies.set('A gw.example', 'silent');
  await clock.advance(61_000);
  const waiting = addresses(resolver, 'gw.example');
  await until('a question', () => server.questions.length > 0);
  await clock.advance(1800);
  assert.equal(await waiting, '10.2.0.1');
  await clock.advance(86_400_000);
  await refuses(resolver.resolve('gw.example', 'ip'), /no answer from 127.0.0.1:\d+/);
});

test('resolver: 200 names do not wait for each other, and equal ones share a look-up', async (t) => {
  const { resolver, server } = await setUp(t, { conf: 'options timeout:3 attempts:1\n' });
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const silent: Promise<unknown>[] = [];
  for (let i = 0; i < 100; i++) {
    server.replies.set(`A silent${i}.example`, 'silent');
    server.replies.set(`A host${i}.example`, [`10.3.0.${i}`]);
    silent.push(resolver.resolve(`silent${i}.example`, 'ip', controller.signal).catch((error) => error));
  }
  const good = await Promise.all(
    Array.from({ length: 300 }, (_, i) => addresses(resolver, `host${i % 100}.example`)),
  );
  assert.deepEqual(
    good,
    Array.from({ length: 300 }, (_, i) => `10.3.0.${i % 100}`),
  );
  assert.equal(server.questions.filter((question) => question.includes('host')).length, 100);
  // an aborted caller is let go at once, while the server still says nothing
  const reason = new Error('enough');
  controller.abort(reason);
  assert.deepEqual(new Set(await Promise.all(silent)), new Set([reason]));
});

test('resolver: changed files are read again', async (t) => {
  const { resolver, server, hostsFile, resolvConf, clock } = await setUp(t, {
    hosts: '10.0.0.1 gw.example\n',
  });
  assert.equal(await addresses(resolver, 'gw.example'), '10.0.0.1');
  writeFileSync(hostsFile, '10.0.0.22 gw.example\n');
  await clock.advance(1001);
  assert.equal(await addresses(resolver, 'gw.example'), '10.0.0.22');
  rmSync(hostsFile);
  await clock.advance(1001);
  server.replies.set('A gw.example', ['10.4.0.1']);
  assert.equal(await addresses(resolver, 'gw.example'), '10.4.0.1');

  const other = await startNameServer();
  t.after(() => other.close());
  other.replies.set('A gw.example', ['10.4.0.2']);
  writeFileSync(resolvConf, `nameserver ${other.address}\n`);
  await clock.advance(1001);
  assert.equal(await addresses(resolver, 'gw.example'), '10.4.0.2');
});
