import assert from 'node:assert/strict';
import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import test from 'node:test';
import { BUNDLE } from '../cli/run-cli.js';
import { needPublicNode } from '../systemd.js';
import { until } from '../until.js';
import { run, SENTINEL } from './sentinel.js';
import { bootSystemd, type SystemdMachine } from './systemd-machine.js';

const UNIT = 'sentinel.service';
const CONFIG = '/etc/sentinel/sentinel.yaml';
/** A copied bundle, as on a box without npm: the checkout may lie where the machine has its own files, below /tmp for one. */
const COPY = '/srv/sentinel/sentinel.js';
const MIB = 2 ** 20;

/** The service on a machine, as its operator handles it. */
class Service {
  readonly machine: SystemdMachine;

  constructor(machine: SystemdMachine) {
    this.machine = machine;
  }

  sentinel(...args: string[]): Promise<string> {
    return this.machine.does(process.execPath, '/opt/sentinel/sentinel.js', ...args);
  }

  systemctl(command: string): Promise<string> {
    return this.machine.does('systemctl', command, UNIT);
  }

  mainPid(): Promise<string> {
    return this.machine.show(UNIT, 'MainPID');
  }

  /** Writes the configuration: tasks as lines of YAML. */
  configure(...tasks: string[]): void {
    const lines = ['plugins: {directories: [/opt/plugins]}', 'tasks:', ...tasks.map((task) => `  - ${task}`)];
    writeFileSync(this.machine.path(CONFIG), `${lines.join('\n')}\n`);
  }

  /** The tasks that the running agent has, by id, with how they are. */
  async tasks(): Promise<Map<string, string>> {
    const { stdout } = await this.machine.run(
      process.execPath,
      ...['/opt/sentinel/sentinel.js', 'status', '-o', 'json', '--data-dir', '/var/lib/sentinel'],
    );
    const { tasks } = JSON.parse(stdout === '' ? '{"tasks": []}' : stdout) as {
      tasks: { id: string; state: string }[];
    };
    return new Map(tasks.map(({ id, state }) => [id, state]));
  }

  /** Waits for a line in what the unit logs; gives it. Lines before `from` (a length of the journal) are old. */
  says(text: RegExp, from = 0, timeoutMs = 60_000): Promise<string> {
    return until(
      `${text} in the journal`,
      async () => text.exec((await this.machine.journal(UNIT)).slice(from))?.[0],
      timeoutMs,
    );
  }

  async journalLength(): Promise<number> {
    return (await this.machine.journal(UNIT)).length;
  }

  state(): Promise<string> {
    return this.machine.show(UNIT, 'ActiveState');
  }
}

const GOOD = '{id: self, plugin: ping, interval: 1s, config: {host: 127.0.0.1, count: 1}}';
const rogue = (name: string, way: string) =>
  `{id: ${name}, plugin: ${name}, interval: 500ms, config: {target: x, way: ${way}}}`;

/** Plugins of the machine's own that misbehave, one for each name. */
function addPlugins(machine: SystemdMachine, names: readonly string[]): void {
  for (const name of names) {
    const folder = machine.path(`/opt/plugins/${name}`);
    mkdirSync(folder, { recursive: true });
    cpSync(resolve('test/fixtures/lanes/rogue'), folder, { recursive: true });
    chmodSync(`${folder}/index.mjs`, 0o644);
  }
}

test('on a real systemd: installed, reloaded, held to its ceilings, watched, stopped, removed', async (t) => {
  if (!needPublicNode(t)) return;
  const machine = await bootSystemd(t);
  if (machine === undefined) return;
  const service = new Service(machine);
  addPlugins(machine, ['hoard', 'glutton', 'spin']);

  await t.test('service install puts it there and starts it as its own user', async () => {
    await run(SENTINEL, ['version']); // Builds what is stale: in the machine nothing is built.
    cpSync(dirname(BUNDLE), machine.path(dirname(COPY)), { recursive: true });
    await machine.does(process.execPath, COPY, 'service', 'install', '--yes');
    assert.equal(await service.state(), 'active');
    assert.equal(await machine.does('ps', '-o', 'user=', '-p', await service.mainPid()), 'sentinel');
    await until('a good ping', async () => (await service.tasks()).get('ping-self') === 'ok');
  });

  await t.test('its ceilings reach the kernel', async () => {
    const { isUnified } = machine;
    const memory = machine.cgroup(UNIT, 'memory', isUnified ? 'memory.max' : 'memory.limit_in_bytes');
    assert.equal(Number(memory), 960 * MIB);
    const [quota, period] = isUnified
      ? machine.cgroup(UNIT, 'cpu', 'cpu.max').split(' ')
      : ['quota', 'period'].map((name) => machine.cgroup(UNIT, 'cpu', `cpu.cfs_${name}_us`));
    assert.equal(Number(quota) / Number(period), 1.5);
    assert.equal(await machine.show(UNIT, 'OOMPolicy'), 'continue'); // Acts with the second form of cgroups only.
    const ranks = await machine.does(
      'sh',
      '-c',
      'cd /proc && for p in $(pgrep -u sentinel); do cat $p/oom_score_adj; done',
    );
    assert.deepEqual(
      ranks.split('\n').sort(),
      ['500', '500', '800'],
      'the agent and the guard of its hosts, and its probe host before them',
    );
  });

  await t.test('reload: a good file is applied, a bad one changes nothing and says why', async () => {
    const pid = await service.mainPid();
    service.configure(GOOD);
    await service.systemctl('reload');
    await until('the new task', async () => (await service.tasks()).get('self') === 'ok');
    assert.deepEqual([...(await service.tasks()).keys()], ['self']);
    service.configure(GOOD, '{id: self, plugin: pong, interval: 1s}');
    await service.systemctl('reload');
    await service.says(/Configuration not reloaded, the old one goes on/);
    await service.says(/sentinel\.yaml:4:\d+: tasks\[1\]\.plugin: [^"]*"?pong/);
    assert.deepEqual([...(await service.tasks()).keys()], ['self']);
    assert.equal(await service.mainPid(), pid);
  });

  await t.test('a plugin that takes all memory ends at our limit, below that of the unit', async () => {
    const pid = await service.mainPid();
    service.configure(GOOD, rogue('hoard', 'hoard'));
    await service.systemctl('reload');
    const line = await service.says(
      /probe host died: it (grew to \d+ MiB; 256 MiB is the most|was ended by SIG(ABRT|SEGV|TRAP) at \d+ MiB)/,
    );
    t.diagnostic(line);
    await service.says(/Plugin set aside/);
    assert.equal(kernelKills(machine), 0);
    assert.equal(await service.mainPid(), pid);
    await until('the other task to be well', async () => (await service.tasks()).get('self') === 'ok');
  });

  await t.test(
    'where the ceiling of the unit is met all the same, a probe host goes, not the agent',
    async () => {
      const pid = await service.mainPid();
      await machine.does(
        'systemctl',
        'set-property',
        '--runtime',
        UNIT,
        'MemoryMax=260M',
        'MemoryHigh=infinity',
      );
      service.configure(GOOD);
      await service.systemctl('reload');
      await until('the plugin to be gone', async () => (await service.tasks()).size === 1);
      service.configure(GOOD, rogue('glutton', 'hoard'));
      await service.systemctl('reload');
      await until('the kernel to act', () => kernelKills(machine) > 0, 60_000);
      assert.equal(await service.mainPid(), pid);
      assert.equal(await service.state(), 'active');
      await machine.does('systemctl', 'set-property', '--runtime', UNIT, 'MemoryMax=960M');
      service.configure(GOOD);
      await service.systemctl('reload');
      await until('the plugin to be gone', async () => (await service.tasks()).size === 1);
      await until('pings as before', async () => (await service.tasks()).get('self') === 'ok');
    },
  );

  await t.test('a plugin that spins gets no more of the processor than the unit', async () => {
    // Less than the unit's own share: others may keep this machine's cores busy, and then nobody gets one and a half.
    await machine.does('systemctl', 'set-property', '--runtime', UNIT, 'CPUQuota=30%');
    const before = throttled(machine);
    service.configure(GOOD, rogue('spin', 'spin'));
    await service.systemctl('reload');
    await until('the kernel to hold it back', () => throttled(machine) > before + 5, 60_000);
    await machine.does('systemctl', 'set-property', '--runtime', UNIT, 'CPUQuota=150%');
    service.configure(GOOD);
    await service.systemctl('reload');
    await until('it to be gone', async () => (await service.tasks()).size === 1);
    await until('pings as before', async () => (await service.tasks()).get('self') === 'ok');
  });

  await t.test('an agent that stands still is restarted by the watchdog; so is one that dies', async () => {
    const folder = machine.path(`/etc/systemd/system/${UNIT}.d`);
    mkdirSync(folder);
    // A busy machine may hold up a sound agent for a second or two.
    writeFileSync(`${folder}/fast.conf`, '[Service]\nWatchdogSec=5s\nRestartSec=100ms\n');
    await machine.does('systemctl', 'daemon-reload');
    await service.systemctl('restart');
    const stopped = await service.mainPid();
    const from = await service.journalLength();
    await machine.does('kill', '-STOP', stopped);
    await service.says(/Watchdog timeout \(limit 5s\)!/, from);
    await until('the next agent', async () => Number(await machine.show(UNIT, 'NRestarts')) === 1);
    await until('it to be active', async () => (await service.state()) === 'active');
    const next = await service.mainPid();
    assert.notEqual(next, stopped);
    await machine.does('kill', '-KILL', next);
    await until('the next but one', async () => Number(await machine.show(UNIT, 'NRestarts')) === 2);
    await until('it to ping', async () => (await service.tasks()).get('self') === 'ok');
  });

  await t.test('stop: within its time, with nothing left behind', async () => {
    const from = await service.journalLength();
    const begun = performance.now();
    await service.systemctl('stop');
    const tookMs = performance.now() - begun;
    t.diagnostic(`stopped in ${Math.round(tookMs)} ms`);
    assert.ok(tookMs < 30_000, `${tookMs} ms`);
    assert.equal(await machine.show(UNIT, 'Result'), 'success');
    assert.equal(await machine.show(UNIT, 'ExecMainStatus'), '0');
    await service.says(/Sender stopped/, from);
    assert.equal((await machine.run('pgrep', '-u', 'sentinel')).stdout, '');
  });

  await t.test('a faulty configuration: exit 2, and no new start', async () => {
    service.configure('{id: self, plugin: pong, interval: 1s}');
    assert.notEqual((await machine.run('systemctl', 'start', UNIT)).code, 0);
    assert.equal(await service.state(), 'failed');
    assert.equal(await machine.show(UNIT, 'ExecMainStatus'), '2');
    assert.equal(await machine.show(UNIT, 'NRestarts'), '0');
  });

  await t.test('service uninstall takes it away; configuration and data stay', async () => {
    await machine.does(process.execPath, COPY, 'service', 'uninstall', '--yes');
    assert.equal(await machine.show(UNIT, 'LoadState'), 'not-found');
    assert.equal((await run('ls', [machine.path('/opt/sentinel')])).code, 2);
    assert.equal((await run('ls', [machine.path(CONFIG)])).code, 0);
  });
});

/** How often the kernel ended a process of the unit because its memory was used up. */
function kernelKills(machine: SystemdMachine): number {
  const file = machine.isUnified ? 'memory.events' : 'memory.oom_control';
  return Number(/^oom_kill (\d+)$/m.exec(machine.cgroup(UNIT, 'memory', file))?.[1]);
}

/** In how many periods of 100 ms the unit had used up its share of the processor. */
function throttled(machine: SystemdMachine): number {
  return Number(/^nr_throttled (\d+)$/m.exec(machine.cgroup(UNIT, 'cpu', 'cpu.stat'))?.[1]);
}
