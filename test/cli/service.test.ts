import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import test, { type TestContext } from 'node:test';
import { type Finished, run, SENTINEL, temporaryFolder } from '../e2e/sentinel.js';
import { needPublicNode, needSystemd } from '../systemd.js';
import { BUNDLE } from './run-cli.js';

/** What a host's image has, in a folder; every command here works below such a one and never on the machine. */
class Host {
  readonly root: string;

  constructor(t: TestContext) {
    this.root = temporaryFolder(t);
    mkdirSync(join(this.root, 'etc'));
  }

  path(path: string): string {
    return join(this.root, path);
  }

  has(path: string): boolean {
    return existsSync(this.path(path));
  }

  text(path: string): string {
    return readFileSync(this.path(path), 'utf8');
  }

  /** `0640 root:sentinel`. */
  modeOf(path: string): string {
    const { mode, uid, gid } = statSync(this.path(path));
    const nameOf = (file: string, id: number) =>
      id === 0 ? 'root' : new RegExp(`^([^:]+):[^:]*:${id}:`, 'm').exec(this.text(file))?.[1];
    return `${(mode & 0o777).toString(8)} ${nameOf('etc/passwd', uid)}:${nameOf('etc/group', gid)}`;
  }

  service(...args: string[]): Promise<Finished> {
    return run(process.execPath, [BUNDLE, 'service', ...args, '--root', this.root]);
  }

  /** Runs a command that must work; gives what it printed, with ROOT for the folder. */
  async does(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.service(...args);
    assert.equal(code, 0, stdout + stderr);
    return stdout.replaceAll(this.root, 'ROOT');
  }
}

function canInstall(t: TestContext): boolean {
  if (process.geteuid?.() === 0) return needPublicNode(t) && needSystemd(t, 'systemctl', 'systemd-sysusers');
  t.skip('needs root');
  return false;
}

const UNIT = 'etc/systemd/system/sentinel.service';
const WANTED = 'etc/systemd/system/multi-user.target.wants';

test('service install: says what it would do, does that, and nothing a second time', async (t) => {
  if (!canInstall(t)) return;
  const host = new Host(t);
  const dist = dirname(BUNDLE);
  const steps = [
    'write ROOT/etc/sysusers.d/sentinel.conf: the user "sentinel"',
    'run systemd-sysusers --root=ROOT sentinel.conf',
    `write ROOT/opt/sentinel: the program, from ${resolve(dist)}`,
    'write ROOT/etc/sentinel/sentinel.yaml: a first configuration, mode 0640, root:sentinel',
    'write ROOT/etc/systemd/system/sentinel.service: the unit',
    'run systemctl --root=ROOT enable sentinel.service',
  ];
  const told = await host.does('install');
  assert.deepEqual(told.trimEnd().split('\n'), [
    'nothing is done yet; with --yes:',
    ...steps.map((step) => `  ${step}`),
  ]);
  assert.deepEqual(readdirSync(host.path('etc')), []);

  const done = await host.does('install', '--yes');
  assert.deepEqual(done.trimEnd().split('\n'), [
    ...steps,
    'its configuration: ROOT/etc/sentinel/sentinel.yaml',
  ]);
  assert.equal(host.modeOf('etc/sentinel'), '750 root:sentinel');
  assert.equal(host.modeOf('etc/sentinel/sentinel.yaml'), '640 root:sentinel');
  assert.equal(host.modeOf('opt/sentinel/plugins/ping/index.js'), '644 root:root');
  assert.ok(host.text(UNIT).includes(`\nExecStart=${process.execPath} /opt/sentinel/sentinel.js start -c `));
  assert.ok(readdirSync(host.path(WANTED)).includes('sentinel.service'));

  assert.equal(
    await host.does('install', '--yes'),
    'nothing to do: sentinel.service is installed and enabled\n',
  );
  assert.match(
    await host.does('show'),
    /^# ROOT\/etc\/systemd\/system\/sentinel\.service: installed as shown\n/,
  );
});

test('service install: what it puts there runs, with the configuration that it writes', async (t) => {
  if (!canInstall(t)) return;
  const host = new Host(t);
  for (const instance of [[], ['--instance', 'mgmt']]) await host.does('install', '--yes', ...instance);
  for (const name of ['sentinel', 'mgmt']) {
    const args = [
      host.path('opt/sentinel/sentinel.js'),
      'check',
      '-c',
      host.path(`etc/sentinel/${name}.yaml`),
    ];
    const { code, stderr } = await run(process.execPath, args, { cwd: host.root });
    assert.equal(code, 0, stderr);
  }
  assert.ok(host.text('etc/sentinel/mgmt.yaml').includes(`sentinel: {name: "${hostname()}-mgmt"}`));
  assert.ok(host.text('etc/sentinel/mgmt.yaml').includes('/run/sentinel-mgmt/http.sock'));
});

test('service install: again after an upgrade of program or image', async (t) => {
  if (!canInstall(t)) return;
  const host = new Host(t);
  await host.does('install', '--yes');
  appendFileSync(host.path('etc/sentinel/sentinel.yaml'), '# mine\n');
  writeFileSync(host.path('opt/sentinel/left-over.js'), '');
  appendFileSync(host.path(UNIT), '# older\n');
  // The new image knows nothing of the user.
  for (const file of ['passwd', 'group', 'shadow', 'gshadow']) rmSync(host.path(`etc/${file}`));
  writeFileSync(host.path('etc/group'), 'somebody:x:999:\n');
  writeFileSync(host.path('etc/passwd'), 'somebody:x:999:999::/:/bin/false\n');
  assert.deepEqual((await host.does('install', '--yes')).trimEnd().split('\n').slice(2, -1), [
    `replace ROOT/opt/sentinel: the program, from ${resolve(dirname(BUNDLE))}`,
    'let the group "sentinel" read ROOT/etc/sentinel',
    'let the group "sentinel" read ROOT/etc/sentinel/sentinel.yaml',
    'replace ROOT/etc/systemd/system/sentinel.service: the unit',
  ]);
  assert.ok(host.text('etc/sentinel/sentinel.yaml').endsWith('# mine\n'));
  assert.equal(host.modeOf('etc/sentinel/sentinel.yaml'), '640 root:sentinel');
  assert.equal(host.has('opt/sentinel/left-over.js'), false);
  assert.deepEqual(readdirSync(host.path('opt')), ['sentinel']);
  assert.match(await host.does('install'), /^nothing to do/);
});

test("service uninstall: what others use stays, and so does what is the user's", async (t) => {
  if (!canInstall(t)) return;
  const host = new Host(t);
  for (const instance of [[], ['--instance', 'a'], ['--instance', 'b']])
    await host.does('install', '--yes', ...instance);
  const template = 'etc/systemd/system/sentinel@.service';
  const f = async (args: string[], want: { unit: boolean; template: boolean; program: boolean }) => {
    await host.does('uninstall', '--yes', ...args);
    assert.deepEqual(
      { unit: host.has(UNIT), template: host.has(template), program: host.has('opt/sentinel') },
      want,
      args.join(' '),
    );
    assert.match(await host.does('uninstall', ...args), /^nothing to do/);
  };
  await f(['--instance', 'a'], { unit: true, template: true, program: true });
  await f([], { unit: false, template: true, program: true });
  await f(['--instance', 'b'], { unit: false, template: false, program: false });
  assert.deepEqual(readdirSync(host.path('etc/sentinel')).sort(), ['a.yaml', 'b.yaml', 'sentinel.yaml']);
  assert.equal(host.has(`${WANTED}/sentinel.service`), false);
  assert.match(await host.does('uninstall'), /^kept: ROOT\/etc\/sentinel\/sentinel\.yaml and the user/m);
});

test('service: from a checkout, from a copied dist/, and as npm lays it out', async (t) => {
  if (!canInstall(t)) return;
  const dist = dirname(BUNDLE);
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o755);
  const copy = join(folder, 'copy of dist');
  cpSync(dist, copy, { recursive: true });
  const installed = join(folder, 'node_modules/sentinel');
  cpSync(dist, join(installed, 'dist'), { recursive: true });
  cpSync('bin', join(installed, 'bin'), { recursive: true });
  const f = async (command: string[], from: string) => {
    const host = new Host(t);
    const { code, stderr } = await run(command[0]!, [
      ...command.slice(1),
      'service',
      'install',
      '--yes',
      '--root',
      host.root,
    ]);
    assert.equal(code, 0, stderr);
    for (const name of ['sentinel.js', 'probe-host.js'])
      assert.deepEqual(host.text(`opt/sentinel/${name}`), readFileSync(join(from, name), 'utf8'));
    assert.equal(host.has('opt/sentinel/.built'), false);
  };
  await f([SENTINEL], dist);
  await f([process.execPath, join(copy, 'sentinel.js')], copy);
  await f([join(installed, 'bin/sentinel')], join(installed, 'dist'));
});

test('service show: the unit with the paths of this host', async (t) => {
  const host = new Host(t);
  const f = async (args: string[], want: string) => {
    const line = (await host.does('show', ...args)).split('\n').find((text) => text.startsWith('ExecStart='));
    assert.equal(line, `ExecStart=${want}`);
  };
  await f([], `${process.execPath} /opt/sentinel/sentinel.js start -c /etc/sentinel/sentinel.yaml`);
  await f(
    ['--instance', 'mgmt'],
    `${process.execPath} /opt/sentinel/sentinel.js start -c /etc/sentinel/%i.yaml`,
  );
  await f(['--in-place'], `${process.execPath} ${resolve(BUNDLE)} start -c /etc/sentinel/sentinel.yaml`);

  const odd = join(temporaryFolder(t), '100% "odd" $HOME');
  cpSync(dirname(BUNDLE), odd, { recursive: true });
  const { stdout } = await run(process.execPath, [join(odd, 'sentinel.js'), 'service', 'show', '--in-place']);
  const quoted = `"${dirname(odd)}/100%% \\"odd\\" $$HOME/sentinel.js"`;
  assert.ok(stdout.includes(`\nExecStart=${process.execPath} ${quoted} start`), stdout);
});

test('service: refusals name what is wrong and what to do', async (t) => {
  if (!needPublicNode(t)) return;
  const host = new Host(t);
  const folder = temporaryFolder(t);
  const program = join(folder, 'dist');
  cpSync(dirname(BUNDLE), program, { recursive: true });
  const f = async (args: string[], want: RegExp, program = BUNDLE) => {
    const { code, stdout, stderr } = await run(process.execPath, [program, 'service', ...args]);
    assert.equal(code, 2, stdout + stderr);
    assert.match(stderr, want);
    assert.equal(stdout, '');
  };
  const root = ['--root', host.root];
  await f(['install', '--instance', '../x', ...root], /--instance "\.\.\/x": letters/);
  await f(
    ['install', '--in-place', ...root],
    /sentinel\.js is below \/tmp\/, .* leave out --in-place/,
    join(program, 'sentinel.js'),
  );
  mkdirSync(host.path('opt/sentinel/src'), { recursive: true });
  await f(['install', ...root], /opt\/sentinel is there and is no installed Sentinel: move it away/);
  assert.match(await host.does('uninstall'), /^nothing to do/, 'what is not ours is not removed');
  rmSync(join(program, 'native'), { recursive: true });
  await f(
    ['install', ...root],
    /was not built for Node v\d.*\nRun it with the Node that it was built for, or build it with this one/,
    join(program, 'sentinel.js'),
  );
});

test('service: only root may do it, and only where systemd runs', async (t) => {
  if (process.geteuid?.() !== 0) return t.skip('needs root');
  if (!needPublicNode(t)) return;
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o755);
  cpSync(dirname(BUNDLE), join(folder, 'dist'), { recursive: true });
  const program = join(folder, 'dist/sentinel.js');
  const asNobody = await run('setpriv', [
    '--reuid=65534',
    '--regid=65534',
    '--clear-groups',
    process.execPath,
    program,
    'service',
    'install',
    '--yes',
  ]);
  assert.equal(asNobody.code, 2, asNobody.stdout);
  assert.match(asNobody.stderr, /--yes needs root/);
  // Where systemd does run, this would install it.
  if (existsSync('/run/systemd/system')) return;
  const { code, stderr } = await run(process.execPath, [program, 'service', 'install', '--yes']);
  assert.equal(code, 2);
  assert.match(stderr, /systemd does not run this host/);
});

test('service install: a step that fails ends it, and says which', async (t) => {
  if (!canInstall(t)) return;
  const host = new Host(t);
  writeFileSync(host.path('opt'), 'no folder');
  const { code, stdout, stderr } = await host.service('install', '--yes');
  assert.equal(code, 3, stdout);
  assert.match(stderr, /^cannot write .*\/opt\/sentinel: the program, .*: (ENOTDIR|EEXIST)/);
  assert.equal(host.has('etc/systemd'), false);
  rmSync(host.path('opt'));
  assert.match(
    await host.does('install', '--yes'),
    /^write ROOT\/opt\/sentinel/,
    'it goes on where it stopped',
  );
});
