import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { describe, type TestContext } from 'node:test';
import { copyPluginFixtures } from '../plugin-fixtures.js';
import { until } from '../until.js';
import { AgentProcess, freePort, run, SENTINEL, temporaryFolder } from './sentinel.js';

function outside(t: TestContext): string {
  const plugins = copyPluginFixtures('imports');
  t.after(() => rmSync(plugins, { recursive: true }));
  return plugins;
}

/** A file that names one plugin of `plugins`, in a folder of its own. */
function configOf(t: TestContext, plugins: string, name: string): { file: string; entry: string } {
  const folder = temporaryFolder(t);
  const own = join(folder, 'plugins');
  mkdirSync(own, { mode: 0o700 });
  cpSync(join(plugins, name), join(own, name), { recursive: true });
  const file = join(folder, 'config.yaml');
  writeFileSync(
    file,
    `sentinel: {data_dir: ${folder}/data}
http: {listen: ""}
logging: {output: stdout}
plugins: {directories: [plugins]}
tasks: [{id: a, plugin: ${name}, interval: 1s, config: {target: x}}]
`,
  );
  return { file, entry: join(own, name, 'index.mjs') };
}

/** What a plugin does to the process that loads it, as an error tells it. */
const TOLD: Readonly<Record<string, RegExp>> = {
  throws: /: no licence$/m,
  exits: /: the process that loaded it ended with exit code 0; its code must only define the plugin/,
  waits: /waited at the top level of a module for what nothing can bring any more; /,
  grows: /grew by more than 192 MiB while the code was loaded; /,
  spins: /was not done within 20 s: the code spins or waits while it is loaded; /,
  'waits-on': /was not done within 20 s: the code spins or waits while it is loaded; /,
};

// They mostly wait, so beside each other.
describe('plugins from outside', { concurrency: 2 }, () => {
  test('start and check refuse a plugin that breaks the process that loads it: exit code 2, and one line that names file, key, plugin and cure', async (t) => {
    const plugins = outside(t);
    const f = async (command: string, name: string) => {
      const { file, entry } = configOf(t, plugins, name);
      const { code, stdout, stderr } = await run(SENTINEL, [command, '-c', file], { cwd: '/' });
      assert.equal(code, 2, `${command} ${name}: ${stdout}${stderr}`);
      assert.equal(stdout, '', 'nothing runs, and nothing says "ok"');
      const begin = `${file}:4:25: plugins.directories[0]: cannot load plugin "${entry}": `;
      const line = stderr.split('\n').find((one) => one.startsWith(begin));
      assert.match(line ?? assert.fail(`${command} ${name}: ${stderr}`), TOLD[name]!);
      assert.match(stderr, /^.*:5:25: tasks\[0\]\.plugin: the plugin ".*" did not load/m);
    };
    const quick = async () => {
      for (const name of ['throws', 'exits', 'waits', 'grows'])
        for (const command of ['start', 'check']) await f(command, name);
    };
    // The slow ones beside each other; all of them end before their folders go.
    const ended = await Promise.allSettled([f('start', 'spins'), f('check', 'waits-on'), quick()]);
    for (const end of ended) if (end.status === 'rejected') throw end.reason;
  });

  test('a reload says the same of it, and the agent goes on', async (t) => {
    const plugins = outside(t);
    const { file } = configOf(t, plugins, 'good');
    const folder = join(file, '..');
    const agent = new AgentProcess(t, { folder, file });
    await agent.says('no destination is enabled');
    for (const name of ['exits', 'waits', 'throws']) {
      cpSync(join(plugins, name), join(folder, 'plugins', name), { recursive: true });
      const before = agent.output.length;
      agent.child.kill('SIGHUP');
      await until('a refusal', () => agent.output.slice(before).includes('the old one goes on'));
      await until(name, () => TOLD[name]!.test(agent.output.slice(before).replaceAll(/"\}$/gm, '')));
      assert.match(agent.output.slice(before), /config\.yaml:4:25: plugins\.directories\[0\]: /);
      rmSync(join(folder, 'plugins', name), { recursive: true });
    }
    agent.child.kill('SIGHUP');
    await agent.says('Configuration reloaded');
    assert.equal((await agent.stop()).code, 0);
  });

  test('commands that run plugins themselves: what breaks is told, what is sound works, and no end passes for success', async (t) => {
    const plugins = outside(t);
    for (const name of ['spins', 'waits-on', 'grows']) rmSync(join(plugins, name), { recursive: true });
    const f = async (args: string[], want: { code: number; stdout?: RegExp; stderr?: RegExp }) => {
      const { code, stdout, stderr } = await run(SENTINEL, args);
      assert.equal(code, want.code, `${args.join(' ')}: ${stdout}${stderr}`);
      assert.match(stdout, want.stdout ?? /^$/);
      assert.match(stderr, want.stderr ?? /^$/);
    };
    const exited =
      /cannot load plugin ".*\/exits\/index\.mjs": the process that loaded it ended with exit code 0; /;
    await f(['plugins', '--directory', plugins], {
      code: 0,
      stdout: /^good .*Is well behaved\.$/m,
      stderr: exited,
    });
    await f(['plugins', 'exits', '--directory', plugins], { code: 2, stderr: exited });
    await f(['plugins', 'good', '--directory', plugins], {
      code: 0,
      stdout: /^good 1\.0\.0: Is well behaved\.$/m,
    });
    await f(['trigger', 'exits', 'x', '--directory', plugins], { code: 2, stderr: exited });
    await f(['trigger', 'good', 'x', '--directory', plugins], { code: 0, stdout: /^good x: ok/ });
    await f(['plugins', 'test', join(plugins, 'exits')], {
      code: 1,
      stdout: /^failed {2}exits: loads\n {8}cannot load plugin .* exit code 0; [^\n]*\n1 checks failed\n$/,
    });
    await f(['plugins', 'test', join(plugins, 'waits')], {
      code: 1,
      stdout: /what nothing can bring any more/,
    });
    // Loads well, and calls process.exit when it is given its options.
    await f(['trigger', 'fits', 'x', '--directory', plugins], { code: 6 });
    await f(['trigger', 'leaves', 'x', '--directory', plugins], {
      code: 3,
      stderr: /the process ended before the command was done: code of a plugin has ended it/,
    });
  });

  test('a command that is ended while it waits for a plugin leaves no process behind', async (t) => {
    const { file } = configOf(t, outside(t), 'spins');
    for (const [command, signal] of [
      ['start', 'SIGTERM'],
      ['check', 'SIGINT'],
    ] as const) {
      const child = spawn(SENTINEL, [command, '-c', file], { stdio: 'ignore' });
      t.after(() => child.kill('SIGKILL'));
      const ended = new Promise((resolve) => child.once('close', (_, by) => resolve(by)));
      const readers = async () =>
        (await run('ps', ['-eo', 'pid,args'])).stdout
          .split('\n')
          .filter((line) => line.includes('read-configuration') && line.includes(file));
      await until('a process that reads', async () => (await readers()).length === 1);
      child.kill(signal);
      assert.equal(await ended, signal, command);
      await until('its end', async () => (await readers()).length === 0);
    }
  });

  test('places where nothing can be made are told at once: the data directory as a fault that may pass, the log file as an error of the file', async (t) => {
    const folder = temporaryFolder(t);
    const port = await freePort();
    const agent = new AgentProcess(t, {
      folder,
      config: `sentinel: {data_dir: /proc/sentinel-x/y}
http: {listen: "127.0.0.1:${port}"}
logging: {output: stdout}
tasks: [{id: a, plugin: ping, interval: 1s, config: {host: 127.0.0.1}}]
`,
    });
    await agent.says('HTTP server listens');
    assert.match(agent.output, /cannot lock data directory .*ENOENT: .*mkdir '\/proc\/sentinel-x'/);
    assert.match(agent.output, /samples are kept in memory/);
    assert.equal((await agent.stop()).code, 0);
    const file = join(folder, 'log.yaml');
    writeFileSync(file, 'logging: {output: file, file_path: /proc/sentinel-x/y/sentinel.log}\n');
    const { code, stderr } = await run(SENTINEL, ['start', '-c', file], { cwd: folder });
    assert.equal(code, 2);
    assert.match(
      stderr,
      /cannot open the log file of logging\.file_path ".*": ENOENT: .*mkdir '\/proc\/sentinel-x'/,
    );
  });
});
