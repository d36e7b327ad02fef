import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import type { DiscoveryConfig, TargetGroup } from '../../src/discovery/index.js';
import { DiscoveryServer } from './http-server.js';
import { Rig, temporaryFolder, textOf } from './rig.js';

const SOCKET = '/run/docker.sock';
const list = (address: string) =>
  JSON.stringify([
    { targets: [address], labels: { __unix_socket__: SOCKET, __meta_socket: SOCKET, site: 'hq' } },
    { targets: ['plain:1'], labels: {} },
  ]);

test('a socket to connect to is the word of the configuration: what is discovered says it in vain, and one warning tells', async (t) => {
  const file = join(temporaryFolder(t), 'targets.json');
  writeFileSync(file, list('file:1'));
  const server = await DiscoveryServer.start(t);
  server.body(list('http:1'));
  const rig = new Rig(t);
  const groups: TargetGroup[] = [
    { source: '0', targets: [{ __address__: 'static:1' }], labels: { __unix_socket__: '/run/own.sock' } },
  ];
  const entries: DiscoveryConfig[] = [
    { kind: 'static', groups },
    { kind: 'file', files: [file], refreshMs: 100 },
    server.config(100),
  ];
  const shown = (owner: string) => textOf(rig.groups[owner]!, /^__(?!unix|meta_socket)/);
  const want = [
    `file:1{__meta_socket="${SOCKET}",site="hq"}`,
    `http:1{__meta_socket="${SOCKET}",site="hq"}`,
    'plain:1',
    'plain:1',
    'static:1{__unix_socket__="/run/own.sock"}',
  ].join(' ');
  const warned = () => rig.logged.map((line) => JSON.parse(line) as Record<string, string>);
  const names = () => warned().map(({ owner, what }) => `${owner} ${what}`);

  rig.apply({ 'scrape/a': entries, 'scrape/b': entries.slice(0, 2) });
  const all = 'file:1{site="hq"} http:1{site="hq"} plain:1 plain:1 static:1';
  await rig.untilTargets(all);
  await rig.untilTargets('file:1{site="hq"} plain:1 static:1', 'scrape/b');
  assert.equal(shown('scrape/a'), want);
  const expected = [`scrape/a ${file}`, `scrape/a ${server.url}`, `scrape/b ${file}`];
  assert.deepEqual(names().sort(), expected);
  assert.match(
    warned()[0]!.msg!,
    /^the label __unix_socket__ .* is ignored.* static_configs .* relabel_configs$/,
  );

  // It changes: told without another warning, and what did not change stays the very same.
  const before = rig.groups['scrape/a']!;
  server.body(list('http:2'));
  await rig.untilTargets(all.replace('http:1', 'http:2'));
  assert.equal(shown('scrape/a'), want.replace('http:1', 'http:2'));
  const kept = before.filter((group) => rig.groups['scrape/a']!.includes(group));
  assert.equal(kept.length, 4, 'the static group, those of the file, and the other one of the server');
  assert.deepEqual(names().sort(), expected);

  // A reload says it again.
  rig.apply({ 'scrape/a': entries });
  assert.equal(shown('scrape/a'), want.replace('http:1', 'http:2'));
  assert.deepEqual(names().slice(3).sort(), expected.slice(0, 2));
});
