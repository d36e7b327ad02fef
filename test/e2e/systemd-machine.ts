import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { TestContext } from 'node:test';
import { until } from '../until.js';
import { type Finished, run, temporaryFolder } from './sentinel.js';

const CGROUPS = '/sys/fs/cgroup';
/** The hierarchies of the first form of cgroups that systemd gets; the second form is one. */
const CONTROLLERS = ['cpu', 'cpuacct', 'memory', 'pids', 'devices', 'blkio', 'freezer', 'name=systemd'];
const SPACES = ['--mount', '--pid', '--uts', '--ipc', '--net', '--cgroup'];
const PROGRAMS = ['unshare', 'nsenter', 'setpriv', 'pgrep', 'systemctl', 'journalctl'];

/**
 * A real systemd in namespaces of its own (mounts, processes, names, network, cgroups), on an overlay of this machine's files: what it does stays there and goes
 * with it. It is process 1 of a container, has the resource controllers that this machine gives, and no network but its loopback.
 */
export class SystemdMachine {
  /** Process id of its systemd, as seen from here. */
  readonly #pid: number;

  constructor(pid: number) {
    this.#pid = pid;
  }

  /** Where a path of the machine is reached from here. */
  path(path: string): string {
    return `/proc/${this.#pid}/root${path}`;
  }

  /** Runs a command in it to its end. */
  run(...command: string[]): Promise<Finished> {
    return run('nsenter', ['--target', String(this.#pid), ...SPACES, '--', ...command]);
  }

  /** Runs a command that must work, and gives what it printed. */
  async does(...command: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...command);
    if (code !== 0) throw new Error(`${command.join(' ')}: exit ${code}: ${stdout}${stderr}`);
    return stdout.trim();
  }

  /** A property of a unit. */
  show(unit: string, property: string): Promise<string> {
    return this.does('systemctl', 'show', '--value', '--property', property, unit);
  }

  /** All that a unit logged, and systemd about it. */
  journal(unit: string): Promise<string> {
    return this.does('journalctl', '--quiet', '--output=cat', '--unit', unit);
  }

  /** Whether all controllers are in one tree: the second form of cgroups. */
  get isUnified(): boolean {
    return existsSync(this.path(`${CGROUPS}/cgroup.controllers`));
  }

  /** Text of a cgroup file of a unit, from the tree of its controller. */
  cgroup(unit: string, controller: string, file: string): string {
    const tree = this.isUnified ? '' : controller;
    return readFileSync(this.path(join(CGROUPS, tree, 'system.slice', unit, file)), 'utf8').trim();
  }
}

/** Boots a machine that ends with the test. `undefined` where that is not possible: then the test is skipped with what stands in the way. */
export async function bootSystemd(t: TestContext): Promise<SystemdMachine | undefined> {
  const hierarchies = readHierarchies(`sentinel-test-${process.pid}`);
  const folder = temporaryFolder(t);
  const children: ChildProcess[] = [];
  t.after(() => {
    for (const child of children) child.kill('SIGKILL');
    return removeGroups(hierarchies);
  });
  try {
    checkPrograms();
    for (const { group } of hierarchies) mkdirSync(group);
    if (!hierarchies.some(hasMemory))
      throw new Error('cgroups: no memory controller for a group below our own');
    return await whenUp(spawnSystemd(folder, hierarchies, children));
  } catch (error) {
    t.skip(`no systemd can be booted: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}

function checkPrograms(): void {
  if (process.getuid?.() !== 0) throw new Error('not root');
  if (!existsSync('/lib/systemd/systemd'))
    throw new Error('no /lib/systemd/systemd: apt-get install systemd');
  const missing = PROGRAMS.find((program) => spawnSync(program, ['--version']).error !== undefined);
  if (missing !== undefined) throw new Error(`no ${missing}: apt-get install util-linux procps systemd`);
}

/** One cgroup hierarchy of this machine, and the group that a test makes for itself in it, below its own. */
interface Hierarchy {
  /** As systemd-root.sh takes it. */
  mount: string;
  group: string;
}

/** The cgroup mounts of this machine, and where this process is in each (cgroups(7), proc_pid_mountinfo(5)). */
function readHierarchies(name: string): Hierarchy[] {
  const places = new Map(
    readFileSync('/proc/self/cgroup', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .map(([, controllers = '', ...path]) => [controllers, path.join(':')]),
  );
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [left = '', right = ''] = line.split(' - ');
      const folder = left.split(' ')[4] ?? '';
      const [type = '', , options = ''] = right.split(' ');
      const controllers = options.split(',').filter((option) => CONTROLLERS.includes(option));
      const isWanted = type === 'cgroup2' || (type === 'cgroup' && controllers.length > 0);
      if (!isWanted || !folder.startsWith(CGROUPS)) return [];
      const how = controllers.map((option) => (option.startsWith('name=') ? `none,${option}` : option));
      const mount = [relative(CGROUPS, folder), type, how.join(',') || 'rw'].join('=');
      return [{ mount, group: join(folder, places.get(controllers.join(',')) ?? '/', name) }];
    });
}

function hasMemory({ mount, group }: Hierarchy): boolean {
  if (!mount.includes('=cgroup2=')) return mount.endsWith('=memory');
  return readFileSync(join(group, 'cgroup.controllers'), 'utf8').split(/\s/).includes('memory');
}

/** Removes the groups of a test from the leaves up, once its last process is gone. */
async function removeGroups(hierarchies: readonly Hierarchy[]): Promise<void> {
  for (const { group } of hierarchies) await until(`${group} to be empty`, () => tryRemoveGroup(group));
}

function tryRemoveGroup(group: string): boolean {
  if (!existsSync(group)) return true;
  for (const entry of readdirSync(group, { withFileTypes: true }))
    if (entry.isDirectory()) tryRemoveGroup(join(group, entry.name));
  try {
    rmdirSync(group);
    return true;
  } catch {
    return false; // A process in it is still ending.
  }
}

/** Starts systemd in its namespaces, and notes the process at their edge, with which all of it ends. */
function spawnSystemd(
  folder: string,
  hierarchies: readonly Hierarchy[],
  children: ChildProcess[],
): ChildProcess {
  const enter = hierarchies.map(({ group }) => `echo $$ > '${group}/cgroup.procs'`).join(' && ');
  const unshare = ['unshare', ...SPACES, '--fork', '--kill-child', '--propagation', 'private'];
  const root = [resolve('test/e2e/systemd-root.sh'), folder, 'sentinel-test'];
  const inside = ['sh', ...root, ...hierarchies.map(({ mount }) => mount)];
  const child = spawn(
    'setpriv', // Should this process be killed, all of it goes too.
    ['--pdeathsig', 'KILL', 'sh', '-c', `${enter} && exec "$@"`, 'sh', ...unshare, ...inside],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  children.push(child);
  return child;
}

/** Waits until the systemd is up. Throws what stands in the way. */
async function whenUp(child: ChildProcess): Promise<SystemdMachine> {
  const said = stderrOf(child);
  const machine = await until('a process in new namespaces', async () => {
    if (child.exitCode !== null) throw new Error(said());
    const { stdout } = await run('pgrep', ['--parent', String(child.pid)]);
    return stdout === '' ? undefined : new SystemdMachine(Number(stdout));
  });
  await until('systemd to be up', async () => {
    if (child.exitCode !== null) throw new Error(said());
    return (await machine.run('systemctl', 'is-system-running')).stdout === 'running\n';
  });
  return machine;
}

/** What a process says on stderr, so far. */
function stderrOf(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.on('data', (chunk) => {
    text += chunk;
  });
  return () => text.trim();
}
