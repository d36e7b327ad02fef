import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { FileDiscovery } from '../../src/discovery/index.js';
import { until } from '../until.js';
import { discoveryContract } from './contract.js';
import { Rig, temporaryFolder } from './rig.js';

const config = (files: readonly string[], refreshMs = 50): FileDiscovery => ({
  kind: 'file',
  files,
  refreshMs,
});

/** So long that nothing but an event of the folder can be the reason. */
const HOUR_MS = 3_600_000;

const json = (...targets: string[]) => JSON.stringify([{ targets }]);

discoveryContract('file, asked again and again', async (t) => {
  const file = join(temporaryFolder(t), 'targets.json');
  return {
    config: config([file]),
    set: (targets) => writeFileSync(file, json(...targets)),
    spoil: () => writeFileSync(file, '[{"targets": ["10.0'),
  };
});

/** An entry that is asked again only when its folder says so. */
function watch(t: TestContext, files: readonly string[]): Rig {
  const rig = new Rig(t);
  rig.apply({ 'scrape/a': [config(files, HOUR_MS)] });
  return rig;
}

test('file: labels of a group, and where it is from', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'a.yml');
  writeFileSync(
    path,
    '- targets: [a:1]\n  labels: {site: hq, __meta_filepath: forged, version: 1.10}\n- targets: [b:1]\n',
  );
  const rig = watch(t, [path]);
  await rig.untilTargets('a:1{site="hq",version="1.10"} b:1');
  assert.deepEqual(rig.groups['scrape/a']?.[0], {
    source: `${path}:0`,
    targets: [{ __address__: 'a:1' }],
    labels: { site: 'hq', version: '1.10', __meta_filepath: path },
  });
  assert.equal(rig.groups['scrape/a']?.[1]?.source, `${path}:1`);
});

test('file: files come, change, are replaced by a rename, and go, told by their folder', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => join(folder, name);
  const rig = watch(t, [at('*.json'), at('one.yml')]);
  await until('the first reading', () => rig.sum('sentinel_discovery_refreshes_total') > 0);
  // files that fit the pattern, and others
  writeFileSync(at('a.json'), json('a:1'));
  writeFileSync(at('b.yml'), '- targets: [no:1]');
  writeFileSync(at('c.json.tmp'), json('no:2'));
  await rig.untilTargets('a:1');
  writeFileSync(at('one.yml'), '- targets: [one:1]');
  await rig.untilTargets('a:1 one:1');
  // changed
  writeFileSync(at('a.json'), json('a:1', 'a:2'));
  await rig.untilTargets('a:1 a:2 one:1');
  // replaced by a rename
  renameSync(at('c.json.tmp'), at('a.json'));
  await rig.untilTargets('no:2 one:1');
  // gone, and moved so that it does not fit any more
  unlinkSync(at('one.yml'));
  await rig.untilTargets('no:2');
  renameSync(at('a.json'), at('a.json.old'));
  await rig.untilTargets('');
  assert.equal(rig.error(), '');
});

test('file: a folder that comes later, goes and comes back', async (t) => {
  const root = temporaryFolder(t);
  const folder = join(root, 'x', 'y');
  const rig = watch(t, [join(folder, '*.json')]);
  await until('the first reading', () => rig.sum('sentinel_discovery_refreshes_total') > 0);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'a.json'), json('a:1'));
  await rig.untilTargets('a:1');
  rmSync(join(root, 'x'), { recursive: true });
  await rig.untilTargets('');
  mkdirSync(folder, { recursive: true });
  await rig.askedAgain(1);
  writeFileSync(join(folder, 'a.json'), json('a:2'));
  await rig.untilTargets('a:2');
  // another folder takes its place
  mkdirSync(join(root, 'z'));
  writeFileSync(join(root, 'z', 'a.json'), json('z:1'));
  renameSync(join(root, 'x', 'y'), join(root, 'old'));
  renameSync(join(root, 'z'), join(root, 'x', 'y'));
  await rig.untilTargets('z:1');
});

test('file: symbolic links are swapped, as Kubernetes does for a ConfigMap', async (t) => {
  const folder = temporaryFolder(t);
  const at = (...names: string[]) => join(folder, ...names);
  const publish = (version: string, targets: string) => {
    mkdirSync(at(version));
    writeFileSync(at(version, 'targets.json'), targets);
    symlinkSync(version, at('..data_tmp'));
    renameSync(at('..data_tmp'), at('..data'));
  };
  publish('..2026_01', json('a:1'));
  symlinkSync('..data/targets.json', at('targets.json'));
  const rig = watch(t, [at('*.json')]);
  await rig.untilTargets('a:1');
  publish('..2026_02', json('a:2'));
  rmSync(at('..2026_01'), { recursive: true });
  await rig.untilTargets('a:2');
});

test('file: a folder behind a symbolic link', async (t) => {
  const root = temporaryFolder(t);
  for (const name of ['one', 'two']) {
    mkdirSync(join(root, name));
    writeFileSync(join(root, name, 'a.json'), json(`${name}:1`));
  }
  symlinkSync('one', join(root, 'current'));
  const rig = watch(t, [join(root, 'current', 'a.json')]);
  await rig.untilTargets('one:1');
  symlinkSync('two', join(root, 'next'));
  renameSync(join(root, 'next'), join(root, 'current'));
  await rig.untilTargets('two:1');
  writeFileSync(join(root, 'two', 'a.json'), json('two:2'));
  await rig.untilTargets('two:2');
});

test('file: a broken file keeps its targets, beside good ones that change', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => join(folder, name);
  writeFileSync(at('a.json'), json('a:1'));
  writeFileSync(at('b.json'), json('b:1'));
  const rig = watch(t, [at('*.json')]);
  await rig.untilTargets('a:1 b:1');
  writeFileSync(at('a.json'), '[{"targets":');
  writeFileSync(at('b.json'), json('b:2'));
  await rig.untilTargets('a:1 b:2');
  assert.equal(rig.error(), `cannot read "${at('a.json')}": this is not JSON (it ends too early)`);
  assert.equal(rig.discoveries.statuses('scrape/a')[0]!.targets, 2);
  // a broken file that goes has no targets any more
  unlinkSync(at('a.json'));
  await rig.untilTargets('b:2');
  await until('no error', () => rig.error() === '');
});

test('file: one that is written piece by piece is read when it is whole', async (t) => {
  const path = join(temporaryFolder(t), 'a.yml');
  writeFileSync(path, '- targets: [a:0]\n');
  const rig = watch(t, [path]);
  await rig.untilTargets('a:0');
  truncateSync(path);
  let text = '';
  for (let i = 1; i <= 5; i++) {
    text += `- targets: [a:${i}]\n`;
    writeFileSync(path, text);
  }
  await rig.untilTargets('a:1 a:2 a:3 a:4 a:5');
  assert.deepEqual(rig.events['scrape/a'], ['', 'a:0', 'a:1 a:2 a:3 a:4 a:5']);
});

test('file: what is no file of targets', async (t) => {
  const folder = temporaryFolder(t);
  const f = async (name: string, make: (path: string) => void, want: RegExp) => {
    const path = join(folder, name);
    make(path);
    const rig = watch(t, [path]);
    await until(`${want}, not "${rig.error()}"`, () => want.test(rig.error()));
    assert(rig.error().startsWith(`cannot read "${path}"`), rig.error());
    rig.discoveries.stop();
  };
  const text = (content: string) => (path: string) => writeFileSync(path, content);

  // not a file
  await f('folder.json', (path) => mkdirSync(path), /not a regular file/);
  await f('fifo.json', (path) => execFileSync('mkfifo', [path]), /not a regular file/);
  await f('zero.json', (path) => symlinkSync('/dev/zero', path), /not a regular file/);
  await f('circle.json', (path) => symlinkSync('circle.json', path), /ELOOP/);
  // too long
  const long = (path: string) => {
    writeFileSync(path, '');
    truncateSync(path, 17 * 2 ** 20);
  };
  await f('huge.json', long, /longer than 16MiB/);
  await f(
    'anchors.yml',
    text(`- &a {}\n${'- {}\n'.repeat(300_000)}`),
    /longer than 1MiB: give JSON, or a YAML list/,
  );
  // no list of groups
  await f('empty.json', text(''), /not JSON/);
  await f('empty.yml', text(''), /expected a list of target groups, got null/);
  await f('map.json', text('{}'), /expected a list of target groups, got a map/);
  await f(
    'null.yml',
    text('- targets: [a:1]\n-\n'),
    /group 1: expected a map with targets and labels, got null/,
  );
  await f('extra.yaml', text('- targets: [a:1]\n  extra: 1\n'), /group 0: unknown key "extra"/);
  await f('text.yaml', text('- targets: a:1\n'), /group 0: targets: expected a list/);
  await f('open.yaml', text('- targets: [a:1\n'), /line 2/);
});

test('file: one that may not be read', {
  skip: process.getuid?.() === 0 && 'root may read everything',
}, async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'a.json');
  writeFileSync(path, json('a:1'));
  const rig = watch(t, [join(folder, '*.json')]);
  await rig.untilTargets('a:1');
  chmodSync(path, 0);
  await until('the error', () => /a\.json": EACCES/.test(rig.error()));
  chmodSync(path, 0o600);
  await until('no error', () => rig.error() === '');
  chmodSync(folder, 0);
  await rig.askedAgain(1);
  assert.equal(rig.targets(), 'a:1');
  chmodSync(folder, 0o700);
});

test('file: nobody waits for a file that is not there', async (t) => {
  const rig = watch(t, ['/no/such/folder/a.json', '/no/such/folder/*.yml', '/etc/hosts/a.json']);
  await until('a reading', () => rig.discoveries.statuses('scrape/a')[0]!.lastSuccessMs !== undefined);
  assert.deepEqual(rig.events['scrape/a'], ['']);
});
