import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import test, { type TestContext } from 'node:test';
import { freePort, run, SENTINEL, temporaryFolder } from './sentinel.js';

/** A copy of the tracked sources, without what npm and the build made. */
async function copyOfCheckout(t: TestContext): Promise<string> {
  const folder = join(temporaryFolder(t), 'checkout');
  for (const name of [
    'src',
    'plugins',
    'bin',
    'config',
    'test',
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'LICENSE',
  ]) {
    cpSync(name, join(folder, name), { recursive: true });
  }
  return folder;
}

/** A PATH that holds only these commands. */
function pathWith(t: TestContext, commands: readonly string[]): string {
  const folder = temporaryFolder(t);
  const find = (command: string) =>
    (process.env.PATH ?? '')
      .split(':')
      .map((dir) => join(dir, command))
      .find((file) => existsSync(file));
  for (const command of commands) {
    const file = find(command);
    if (file !== undefined) symlinkSync(file, join(folder, command));
  }
  return folder;
}

/** Runs its program as a user to whom nothing belongs. */
function versionAsNobody(checkout: string) {
  chmodSync(join(checkout, '..'), 0o755);
  return spawnSync(join(checkout, 'bin/sentinel'), ['version'], { uid: 65534, gid: 65534, encoding: 'utf8' });
}

const SHELL_TOOLS = ['sh', 'env', 'node', 'npm', 'dirname', 'readlink', 'stat', 'find', 'head', 'cat'];

test('without a compiler bin/sentinel says what is missing, and builds nothing', async (t) => {
  const checkout = await copyOfCheckout(t);
  const { code, stdout, stderr } = await run(join(checkout, 'bin/sentinel'), ['version'], {
    env: { PATH: pathWith(t, SHELL_TOOLS) },
  });
  assert.equal(code, 3);
  assert.equal(stdout, '');
  assert.match(stderr, /cannot install: make, a C\+\+ compiler \(g\+\+\), python3 missing/);
  assert.match(stderr, /apt-get install npm make g\+\+ python3/);
  assert.ok(!existsSync(join(checkout, 'node_modules')));
});

test('without the network bin/sentinel says so', async (t) => {
  const checkout = await copyOfCheckout(t);
  const folder = temporaryFolder(t);
  const registry = `http://127.0.0.1:${await freePort()}/`;
  const env = {
    ...process.env,
    npm_config_registry: registry,
    npm_config_cache: folder,
    npm_config_fetch_retries: '0',
    npm_config_loglevel: 'silent',
  };
  const { code, stderr } = await run(join(checkout, 'bin/sentinel'), ['version'], { env });
  assert.equal(code, 3, stderr);
  assert.match(stderr, /cannot reach the npm registry/);
});

test('under systemd nothing is built', async (t) => {
  const checkout = await copyOfCheckout(t);
  const { code, stderr } = await run(join(checkout, 'bin/sentinel'), ['version'], {
    env: { ...process.env, INVOCATION_ID: 'x' },
  });
  assert.equal(code, 3);
  assert.match(stderr, /under systemd it is never built/);
});

test('a terminal that is a service of the user is not systemd', async (t) => {
  const checkout = await copyOfCheckout(t);
  const inTerminal = ['-c', 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)'];
  const { code, stdout } = await run('/usr/bin/python3', [...inTerminal, join(checkout, 'bin/sentinel')], {
    env: { PATH: pathWith(t, SHELL_TOOLS), INVOCATION_ID: 'x' },
  });
  assert.equal(code, 3, stdout);
  assert.match(stdout, /cannot install: make/, 'it sets out to build');
});

test('a checkout whose build is stale is built again, once, also when several start at once', async (t) => {
  const checkout = await copyOfCheckout(t);
  symlinkSync(resolve('node_modules'), join(checkout, 'node_modules'));
  const first = await run(join(checkout, 'bin/sentinel'), ['version']);
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stderr, /building/);
  if (process.getuid?.() === 0) assert.equal(versionAsNobody(checkout).stderr, '');
  const now = new Date();
  utimesSync(join(checkout, 'bin/object-wrap.h'), now, now);
  const together = await Promise.all([1, 2, 3].map(() => run(join(checkout, 'bin/sentinel'), ['version'])));
  for (const { code, stdout, stderr } of together)
    assert.deepEqual([code, stdout], [0, first.stdout], stderr);
  assert.equal(together.filter(({ stderr }) => stderr.includes('building')).length, 1);
  const second = await run(join(checkout, 'bin/sentinel'), ['version']);
  assert.equal(second.stderr, '');
  assert.equal(second.stdout, first.stdout);
});

const ADDONS = { 'better-sqlite3': 'better_sqlite3.node', 'raw-socket': 'raw.node' };

/** Puts a node_modules into a checkout that shares everything with ours, but whose native packages no Node can load. */
function unfitNodeModules(checkout: string): void {
  const linkAll = (from: string, to: string, except: readonly string[]) => {
    mkdirSync(to);
    for (const name of readdirSync(from))
      if (!except.includes(name)) symlinkSync(resolve(from, name), join(to, name));
  };
  linkAll('node_modules', join(checkout, 'node_modules'), Object.keys(ADDONS));
  for (const [name, addon] of Object.entries(ADDONS)) {
    linkAll(join('node_modules', name), join(checkout, 'node_modules', name), ['build']);
    mkdirSync(join(checkout, 'node_modules', name, 'build/Release'), { recursive: true });
    writeFileSync(join(checkout, 'node_modules', name, 'build/Release', addon), 'for another Node');
  }
}

test('native packages that do not fit this Node are built again', async (t) => {
  const checkout = await copyOfCheckout(t);
  unfitNodeModules(checkout);
  const path = pathWith(t, [...SHELL_TOOLS, 'cp', 'make', 'g++', 'python3', 'mktemp', 'chmod', 'mv', 'rm']);
  rmSync(join(path, 'npm'));
  const npm = (script: string) =>
    writeFileSync(join(path, 'npm'), `#!/bin/sh\necho "$@" >>${path}/calls\n${script}\n`, { mode: 0o755 });
  const version = () => run(join(checkout, 'bin/sentinel'), ['version'], { env: { PATH: path } });

  const refused = async (want: RegExp) => {
    const { code, stderr } = await version();
    assert.equal(code, 3, stderr);
    assert.match(stderr, /two native packages do not fit Node v\d.*; building them/);
    assert.match(stderr, want);
  };
  const built = Object.entries(ADDONS).map(([name, addon]) => join(name, 'build/Release', addon));
  const copies = built.map(
    (file) => `cp ${resolve('node_modules', file)} ${join(checkout, 'node_modules', file)}`,
  );

  // npm runs on another Node, or has the headers of another
  npm('exit 0');
  await refused(/npm built native packages that do not fit Node v\d\S*: .*\.node.*\n.*PATH=/);

  // what loads, and could end the process later
  const last = join(checkout, 'node_modules', built.at(-1)!);
  npm([...copies, `echo RemoveEnvironmentCleanupHook >>${last}`].join('\n'));
  await refused(/raw\.node was built without .*\/bin\/object-wrap\.h, and can end the process/);

  npm(copies.join('\n'));
  const { code, stdout, stderr } = await version();
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^sentinel \d/);
  assert.equal(
    readFileSync(join(path, 'calls'), 'utf8').replaceAll('--version\n', ''),
    'rebuild better-sqlite3 raw-socket\n'.repeat(3),
  );
});

test('a user who may not write the checkout runs what is built, or is told', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('needs root, to become another user');
  const checkout = await copyOfCheckout(t);
  const unbuilt = versionAsNobody(checkout);
  assert.equal(unbuilt.status, 3, unbuilt.stderr);
  assert.match(unbuilt.stderr, /not built, and this user may not write .*checkout; run .* once as its owner/);
  await run(SENTINEL, ['version']);
  cpSync('dist', join(checkout, 'dist'), { recursive: true, filter: (path) => !path.endsWith('.built') });
  const stale = versionAsNobody(checkout);
  assert.equal(stale.status, 0, stale.stderr);
  assert.match(stale.stdout, /^sentinel \d/);
  assert.match(stale.stderr, /^sentinel: dist\/ is older than the sources/);
  // the folder is theirs, what was built in it is not
  mkdirSync(join(checkout, '.build/src'), { recursive: true });
  symlinkSync(resolve('node_modules'), join(checkout, 'node_modules'));
  chownSync(checkout, 65534, 65534);
  const mixed = versionAsNobody(checkout);
  assert.equal(mixed.status, 3, mixed.stderr);
  assert.match(mixed.stderr, /cannot build: may not write ".*\.build.*"; .*chown -R/);
});

test('dist/ copied alone runs in another folder, without node_modules', async (t) => {
  const folder = temporaryFolder(t);
  const dist = join(folder, 'opt/sentinel');
  await run(SENTINEL, ['version']);
  mkdirSync(join(folder, 'opt'), { recursive: true });
  cpSync('dist', dist, { recursive: true });
  const version = await run(process.execPath, [join(dist, 'sentinel.js'), 'version'], { cwd: folder });
  assert.equal(version.code, 0, version.stderr);
  assert.match(version.stdout, new RegExp(JSON.parse(readFileSync('package.json', 'utf8')).version));
  const ping = await run(
    process.execPath,
    [join(dist, 'sentinel.js'), 'trigger', 'ping', '127.0.0.1', '-n', '1'],
    { cwd: folder },
  );
  assert.equal(ping.code, 0, ping.stdout + ping.stderr);
  const plugins = await run(process.execPath, [join(dist, 'sentinel.js'), 'plugins'], { cwd: folder });
  for (const name of readdirSync('plugins'))
    assert.ok(plugins.stdout.includes(name), `${name} is missing in:\n${plugins.stdout}`);
});

test('dist/ that was built for another Node says so, and for which', async (t) => {
  const folder = temporaryFolder(t);
  const dist = join(folder, 'dist');
  await run(SENTINEL, ['version']);
  cpSync('dist', dist, { recursive: true });
  for (const kind of readdirSync(join(dist, 'native')))
    renameSync(join(dist, 'native', kind), join(dist, 'native/linux-x64-abi99'));
  const file = join(folder, 'sentinel.yaml');
  writeFileSync(file, `sentinel: {data_dir: ${folder}/data}\nhttp: {listen: "127.0.0.1:0"}\n`);
  const { code, stderr, stdout } = await run(process.execPath, [
    join(dist, 'sentinel.js'),
    'start',
    '-c',
    file,
  ]);
  assert.equal(code, 2, stdout + stderr);
  const said = stdout + stderr;
  assert.match(
    said,
    /cannot load SQLite: no better_sqlite3\.node for Node v\d.*was built for linux-x64-abi99/,
  );
  assert.match(said, /Run it with the Node that it was built for, or build it with this one/);
  assert.doesNotMatch(said, /internal error|nothing is kept over a restart/);
});
