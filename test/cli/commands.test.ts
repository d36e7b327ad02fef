import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, describe } from 'node:test';
import { copyPluginFixtures } from '../plugin-fixtures.js';
import { runCli } from './run-cli.js';

const fixtures = copyPluginFixtures();
const folder = mkdtempSync(join(tmpdir(), 'sentinel-cli-'));
after(() => {
  rmSync(fixtures, { recursive: true });
  rmSync(folder, { recursive: true });
});

const server = createServer((_, response) => response.end());
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
server.unref();
const port = String((server.address() as AddressInfo).port);

// The bad ones of the fixtures would be errors of a configuration; they stand beside this one.
const good = join(folder, 'plugins');
spawnSync('mkdir', ['-p', good]);
spawnSync('cp', ['-rp', join(fixtures, 'good'), good]);

// They mostly wait for processes, so beside each other.
describe('commands', { concurrency: 2 }, () => {
  test('usage: exit codes', async () => {
    const f = async (args: string[], code: number, stderr: RegExp) => {
      const ended = await runCli(args, { cwd: folder });
      assert.equal(ended.code, code, `${args.join(' ')}: ${ended.stderr}`);
      assert.match(ended.stderr, stderr, args.join(' '));
    };
    await f(['version'], 0, /^$/);
    await f(['--help'], 0, /^$/);
    await f(['trigger', '--help'], 0, /^$/);
    await f(['--version'], 0, /^$/);
    await f(['help'], 0, /^$/);
    await f(['help', 'start'], 0, /^$/);
    await f([], 2, /Usage: sentinel/);
    await f(['strat'], 2, /unknown command 'strat'/);
    await f(['version', '--nope'], 2, /unknown option '--nope'\nRun the command with `--help`\.$/m);
    await f(['completion', 'csh'], 2, /Allowed choices are bash, zsh, fish/);
    await f(['start'], 2, /no configuration: give -c FILE \(there is no \.\/config\/config\.yaml here\)/);
    await f(['check', '-c', 'missing.yaml'], 2, /^missing\.yaml:1:1: cannot read the file: ENOENT$/m);
    await f(['trigger'], 2, /name a plugin and a target/);
    await f(['trigger', '-n', '1'], 2, /name a plugin and a target/);
    await f(['plugins', 'test', 'nowhere'], 2, /there is no folder ".*nowhere"/);
  });

  test('version names Sentinel, Node and the platform', async () => {
    const { stdout } = await runCli(['version']);
    assert.match(
      stdout,
      new RegExp(`^sentinel \\S+ \\(node ${process.version}, ${process.platform}-${process.arch}\\)\\n$`),
    );
  });

  const trigger = (args: string[], env: Record<string, string> = {}) =>
    runCli(['trigger', ...args, '--directory', good], { cwd: folder, env });

  test('trigger: a good run is 0, a failed one 1', async () => {
    const ok = await trigger(['good', '127.0.0.1', '--port', port, '-n', '2']);
    assert.equal(ok.code, 0, ok.stderr);
    assert.match(ok.stdout, /^good 127\.0\.0\.1: ok after [\d.]+ ms\n/);
    assert.match(ok.stdout, /^ {2}good_connect_ms +[\d.]+ ms +Time to connect, in milliseconds\.$/m);
    assert.match(ok.stdout, /^ {2}good_sent +2 +Connections tried\.$/m);

    const failed = await trigger(['good', 'nothing.invalid']);
    assert.equal(failed.code, 1);
    assert.match(failed.stdout, /^good nothing\.invalid: FAILED \(resolve\).*\nCheck the name/);
    assert.match(failed.stdout, /^ {2}probe_failure_info\{reason="resolve"\} +1 /m);
  });

  test('trigger -o json and prometheus', async () => {
    const { stdout } = await trigger(['good', '127.0.0.1', '--port', port, '-o', 'json']);
    const report = JSON.parse(stdout) as Record<string, unknown> & { samples: Record<string, unknown>[] };
    assert.deepEqual(
      [report.plugin, report.target, report.ok, report.reason],
      ['good', '127.0.0.1', true, null],
    );
    assert.deepEqual(
      report.samples.find(({ name }) => name === 'good_sent'),
      { name: 'good_sent', labels: {}, value: 1, timestamp: report.planned },
    );

    const page = await trigger(['-o', 'prometheus', 'good', '127.0.0.1', '--port', port]);
    assert.equal(page.code, 0);
    assert.match(page.stdout, /^# HELP good_sent Connections tried\.\n# TYPE good_sent gauge\ngood_sent 1$/m);
    assert.match(page.stdout, /^probe_success 1$/m);
  });

  test('trigger: flags of every kind reach the plugin', async () => {
    writeFileSync(join(folder, 'token'), 'four\n');
    const f = async (args: string[], want: Record<string, unknown>, env: Record<string, string> = {}) => {
      const ended = await trigger(['good', '127.0.0.1', '--port', port, '-o', 'json', ...args], env);
      assert.equal(ended.code, 0, ended.stderr);
      const { samples } = JSON.parse(ended.stdout) as {
        samples: { name: string; labels: { all: string } }[];
      };
      const seen = JSON.parse(samples.find(({ name }) => name === 'good_option')!.labels.all) as Record<
        string,
        unknown
      >;
      assert.deepEqual(
        Object.fromEntries(Object.keys(want).map((key) => [key, seen[key]])),
        want,
        args.join(' '),
      );
    };
    await f([], { max_loss: 0, keep: false, expect: [], labels: {} });
    await f(['--max-loss', '0.5', '-k'], { max_loss: 0.5, keep: true });
    await f(['--keep', '--no-keep'], { keep: false });
    await f(['--expect', 'a', '--expect', 'b: c'], { expect: ['a', 'b: c'] });
    await f(['--expect', '[a, b]'], { expect: ['a', 'b'] });
    await f(['--labels', 'a=1', '--labels', 'b=x=y'], { labels: { a: '1', b: 'x=y' } });
    await f(['--labels', '{a: "1"}'], { labels: { a: '1' } });
    await f(['--auth', '{user: me, password_file: token}'], { user: 'me', password: 4 });
    await f(['--token-file', 'token'], { token: 4 });
    await f([], { token: 6 }, { SENTINEL_GOOD_TOKEN: 'secret' });
  });

  test('trigger: what it refuses, it refuses with 2 and the cure', async () => {
    const f = async (args: string[], want: RegExp) => {
      const ended = await trigger(args);
      assert.equal(ended.code, 2, ended.stdout);
      assert.match(ended.stderr, want);
      assert.equal(ended.stdout, '');
    };
    await f(['goood', '127.0.0.1'], /unknown plugin "goood"; did you mean "good"\? \(known: .*\bgood\b/);
    await f(['good'], /missing required argument 'target'/);
    await f(['good', 'a', 'b'], /too many arguments/);
    await f(['good', '127.0.0.1', '--prot', '1'], /unknown option '--prot'/);
    await f(['good', '127.0.0.1', '--token', 'x'], /unknown option '--token'/);
    await f(['good', '127.0.0.1', '-n', 'x'], /--count: expected a whole number, got "x"/);
    await f(
      ['good', '127.0.0.1', '--max-loss', '2', '--timeout', 'soon'],
      /--max-loss: must be at most 1.*--timeout: expected a duration|--timeout: expected a duration.*--max-loss: must be at most 1/,
    );
    await f(['good', '127.0.0.1', '--labels', 'a'], /--labels: expected key=value or a YAML map, got "a"/);
    await f(['good', '127.0.0.1', '--auth', '{user: [}'], /--auth: cannot read this as YAML/);
    await f(
      ['good', '127.0.0.1', '--auth', '{user: me, password: hunter2}'],
      /--auth: password would be seen .* give password_file/,
    );
    await f(['good', '127.0.0.1', '--token-file', 'nowhere'], /--token-file: cannot read "nowhere": ENOENT/);
    await f(['good', 'refused-by-prepare'], /target: must be another one/);
    await f(['good', '127.0.0.1', '-o', 'xml'], /Allowed choices are text, json, prometheus/);
  });

  test('trigger: ctrl-C cuts the run short; that is no failed probe', async () => {
    const slow = join(folder, 'slow', 'slow');
    spawnSync('mkdir', ['-p', slow]);
    writeFileSync(
      join(slow, 'index.mjs'),
      `export default (sdk) => ({
      name: 'slow', version: '1', description: 'Waits.', target: 'host', metrics: [],
      config: sdk.field.section('Options.', { host: sdk.field.text('Host.') }),
      prepare: (config) => config,
      collect: (_, run) => new Promise((_, reject) => {
        run.signal.addEventListener('abort', () => reject(run.signal.reason));
        process.stdout.write('waiting');
      }),
    });`,
    );
    const ended = await runCli(['trigger', 'slow', 'x', '--directory', join(folder, 'slow')], {
      onOutput: (stdout, child) => stdout === 'waiting' && child.kill('SIGINT'),
    });
    assert.equal(ended.code, 130);
    assert.match(ended.stderr, /^interrupted/);
  });

  test('trigger: a plugin that throws where nobody waits is an internal error', async () => {
    const wild = join(folder, 'wild', 'wild');
    spawnSync('mkdir', ['-p', wild]);
    writeFileSync(
      join(wild, 'index.mjs'),
      `export default (sdk) => ({
      name: 'wild', version: '1', description: 'Throws later.', target: 'host', metrics: [],
      config: sdk.field.section('Options.', { host: sdk.field.text('Host.') }),
      prepare: (config) => config,
      collect: () => new Promise(() => setTimeout(() => { throw new Error('from a timer'); })),
    });`,
    );
    const ended = await runCli(['trigger', 'wild', 'x', '--directory', join(folder, 'wild')]);
    assert.equal(ended.code, 3);
    assert.match(ended.stderr, /internal error: Error: from a timer/);
  });

  test('trigger PLUGIN --help lists the options of the plugin', async () => {
    const { code, stdout } = await trigger(['good', '--help']);
    assert.equal(code, 0);
    assert.match(stdout, /-n, --count <integer> +Connections in one run\. \(default: 1\)/);
    assert.match(stdout, /--token-file <file>/);
    assert.match(stdout, /--good-output <text>/);
    assert.doesNotMatch(stdout, /--token <|--host/);
  });

  test('trigger --task runs a task as it is configured', async () => {
    const file = join(folder, 'tasks.yaml');
    writeFileSync(
      file,
      `plugins: {directories: [plugins]}
tasks:
  - {id: one, plugin: good, interval: 60s, config: {host: 127.0.0.1, port: ${port}, count: 3}}
`,
    );
    const ended = await runCli(['trigger', '--task', 'one', '-c', file, '-o', 'prometheus']);
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(ended.stdout, /^good_sent 3$/m);

    const unknown = await runCli(['trigger', '--task', 'two', '-c', file]);
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /no enabled task "two" in .*tasks\.yaml \(known: one\)/);

    const both = await runCli(['trigger', 'good', 'x', '--task', 'one', '-c', file]);
    assert.equal(both.code, 2);
    assert.match(both.stderr, /--task runs a task as it is configured; remove "good x"/);
  });

  test('check: a summary without secrets, or every fault', async () => {
    const file = join(folder, 'check.yaml');
    writeFileSync(
      file,
      `plugins: {directories: [plugins]}
sender: {direct: {vm: {url: "http://me:hunter2@127.0.0.1:8428/api/v1/write?key=hunter2"}}}
tasks:
  - {id: a, plugin: good, interval: 60s, config: {host: 127.0.0.1}}
  - {id: b, plugin: good, interval: 60s, config: {host: 127.0.0.2}}
`,
    );
    const ok = await runCli(['check', '-c', file], { cwd: folder });
    assert.equal(ok.code, 0, ok.stderr);
    assert.match(
      ok.stdout,
      /check\.yaml: ok\ntasks: 2 \(2 good\)\njobs: 0\ndestinations: 1\n {2}vm {2}http:\/\/.*127\.0\.0\.1:8428\/api\/v1\/write/,
    );
    assert.ok(!`${ok.stdout}${ok.stderr}`.includes('hunter2'));

    writeFileSync(
      file,
      'tasks:\n  - {id: a, plugin: good}\n  - {id: a, plugin: nothing, config: {}}\nbufer: {}\n',
    );
    const bad = await runCli(['check', '-c', file], { cwd: folder });
    assert.equal(bad.code, 2);
    const faults = bad.stderr.split('\n').filter((line) => /check\.yaml:\d+:\d+: /.test(line));
    assert.ok(faults.length >= 3, bad.stderr);
    assert.match(bad.stderr, /did you mean "buffer"/);
    assert.equal(bad.stdout, '');
  });

  test('plugins: a list, one in full, and the unknown one', async () => {
    const list = await runCli(['plugins', '--directory', good]);
    assert.equal(list.code, 0);
    assert.match(
      list.stdout,
      new RegExp(`^good +1\\.2\\.3 +good +${good}/good +Connects to a TCP port\\.$`, 'm'),
    );

    const one = await runCli(['plugins', 'good', '--directory', good]);
    assert.equal(one.code, 0);
    for (const part of [
      /^good 1\.2\.3: Connects to a TCP port\.$/m,
      /\(from outside\); runs in the probe host "good"/,
      /^ {2}timeout +duration +2s +How long one connection may take\.$/m,
      /^ {2}host +text +required +Host name or IP address\.$/m,
      /^ {2}good_sent +gauge +Connections tried\.$/m,
      /^ {2}# count: 1$/m,
    ])
      assert.match(one.stdout, part);

    const unknown = await runCli(['plugins', 'nothing']);
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /unknown plugin "nothing"/);
  });

  test('plugins test: one folder or all in a folder', async () => {
    const one = await runCli(['plugins', 'test', join(good, 'good')]);
    assert.equal(one.code, 0, one.stdout);
    assert.match(one.stdout, /^ok {6}good: abort$/m);
    assert.match(one.stdout, /^all checks passed$/m);

    const bad = await runCli(['plugins', 'test', join(fixtures, 'bad-undeclared')]);
    assert.equal(bad.code, 1);
    assert.match(bad.stdout, /^failed {2}bad-undeclared: declared_samples$/m);

    const all = await runCli(['plugins', 'test', good]);
    assert.equal(all.code, 0);
  });

  test('completion: what bash offers', async () => {
    const { stdout: script, code } = await runCli(['completion', 'bash']);
    assert.equal(code, 0);
    const offered = (words: string[]) => {
      const line = words.map((word) => `'${word}'`).join(' ');
      const body = `${script}\nCOMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _sentinel; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const ended = spawnSync('bash', ['-c', body], { encoding: 'utf8' });
      assert.equal(ended.status, 0, ended.stderr);
      return ended.stdout.trim().split('\n');
    };
    assert.deepEqual(offered(['sentinel', '']), [
      'start',
      'check',
      'status',
      'trigger',
      'plugins',
      'relabel',
      'service',
      'version',
      'completion',
      '-V',
      '--version',
    ]);
    assert.deepEqual(offered(['sentinel', 'tr']), ['trigger']);
    assert.deepEqual(offered(['sentinel', 'completion', '']), ['bash', 'zsh', 'fish']);
    assert.ok(offered(['sentinel', 'trigger', 'x', '--o']).includes('--output'));
    assert.ok(offered(['sentinel', 'plugins', 't']).includes('test'));
    assert.deepEqual(offered(['sentinel', 'start', '--c']), ['--config']);
    // plugins and their options
    assert.deepEqual(offered(['sentinel', 'trigger', 'pi']), ['ping']);
    assert.ok(offered(['sentinel', 'plugins', 'relabel', '']).includes('ping'));
    assert.deepEqual(offered(['sentinel', 'trigger', 'ping', '127.0.0.1', '--cou']), ['--count']);

    const fish = await runCli(['completion', 'fish']);
    assert.match(
      fish.stdout,
      /^complete -c sentinel -n '__fish_seen_subcommand_from start' -s c -l config -r -d '/m,
    );
    const zsh = await runCli(['completion', 'zsh']);
    assert.match(zsh.stdout, /^autoload -U \+X bashcompinit && bashcompinit\n/);
  });

  test('output that cannot be written is a fault', () => {
    const full = openSync('/dev/full', 'w');
    const ended = spawnSync(process.execPath, ['.build/src/cli/sentinel.js', 'version'], {
      encoding: 'utf8',
      stdio: ['ignore', full, 'pipe'],
    });
    closeSync(full);
    assert.equal(ended.status, 3);
    assert.match(ended.stderr, /^cannot write to standard output: ENOSPC/);
  });

  test('a reader that goes away early is no fault', () => {
    const ended = spawnSync(
      'bash',
      ['-c', `set -o pipefail; "${process.execPath}" .build/src/cli/sentinel.js completion bash | head -n 1`],
      { encoding: 'utf8' },
    );
    assert.equal(ended.status, 0, ended.stderr);
  });
});
