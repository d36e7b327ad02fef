import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { copyPluginFixtures } from '../plugin-fixtures.js';
import { BUNDLE, PROGRAM, runCli } from './run-cli.js';

type Line = Record<string, unknown>;

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-start-'));
  try {
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function config(folder: string, more = ''): string {
  const file = join(folder, 'sentinel.yaml');
  writeFileSync(
    file,
    `sentinel: {data_dir: ${folder}/data}
http: {listen: "127.0.0.1:0"}
logging: {format: json, output: both, file_path: ${folder}/logs/deep/sentinel.log}
${more}`,
  );
  return file;
}

const linesOf = (text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`start: runs until ${signal}, and "Sender stopped" is the last line`, async () => {
    await inFolder(async (folder) => {
      let sent = false;
      const ended = await runCli(['start', '-c', config(folder)], {
        cwd: folder,
        onOutput: (stdout, child) => {
          if (!sent && stdout.includes('no destination is enabled')) sent = child.kill(signal);
        },
      });
      assert.equal(ended.code, 0, ended.stderr);
      const lines = linesOf(readFileSync(join(folder, 'logs/deep/sentinel.log'), 'utf8'));
      assert.deepEqual(lines, linesOf(ended.stdout), 'the file and standard output say the same');
      const last = lines.at(-1)!;
      assert.equal(last.msg, 'Sender stopped');
      assert.equal(last.level, 'info');
      assert.deepEqual([last.success_count, last.failed_count, last.pending_count], [0, 0, 0]);
      assert.match(String(lines[0]?.time), /^\d{4}-\d\d-\d\dT.*Z$/);
      assert.ok(
        lines.some(({ msg }) => /see results at http:\/\/127\.0\.0\.1:\d+\/api\/v1\/tasks/.test(String(msg))),
      );
    });
  });
}

test('start: SIGHUP reads the configuration again, says what came of it, and stops nothing', async () => {
  await inFolder(async (folder) => {
    const file = config(folder);
    const good = readFileSync(file, 'utf8');
    const steps = [
      ['no destination is enabled', `${good}bufer: {}\n`],
      ['bufer: unknown key', good.replace('/data}', '/elsewhere}')],
      ['sentinel.data_dir: cannot change', good.replace('sentinel.log', 'other.log')],
    ] as const;
    let step = 0;
    const ended = await runCli(['start', '-c', file], {
      cwd: folder,
      onOutput: (stdout, child) => {
        const [text, next] = steps[step] ?? ['Configuration reloaded', ''];
        if (!stdout.includes(text)) return;
        step++;
        if (next !== '') writeFileSync(file, next);
        child.kill(next === '' ? 'SIGTERM' : 'SIGHUP');
      },
    });
    assert.equal(ended.code, 0, ended.stderr);
    const said = linesOf(ended.stdout).map(({ level, msg }) => `${level} ${msg}`);
    assert.deepEqual(
      said.filter((line) => line.includes('reloaded')),
      [
        'error Configuration not reloaded, the old one goes on',
        'error Configuration not reloaded, the old one goes on',
        'info Configuration reloaded',
      ],
    );
    const [before, after] = ['sentinel.log', 'other.log'].map((name) =>
      linesOf(readFileSync(join(folder, 'logs/deep', name), 'utf8')).map(({ msg }) => msg),
    );
    assert.equal(before!.at(-1), said.find((line) => line.includes('data_dir'))!.slice('error '.length));
    assert.deepEqual([after![0], after!.at(-1)], ['Configuration reloaded', 'Sender stopped']);
  });
});

test('start: SIGHUP while it starts is no end, and is not forgotten', async () => {
  await inFolder(async (folder) => {
    const tasks = Array.from(
      { length: 300 },
      (_, i) => `- {id: t${i}, plugin: ping, interval: 1h, config: {host: 127.0.0.1}}`,
    );
    const file = config(folder, `tasks:\n${tasks.join('\n')}\n`);
    let hangups: NodeJS.Timeout | undefined;
    let isAsked = false;
    const ended = await runCli(['start', '-c', file], {
      cwd: folder,
      onSpawn: (child) => {
        // From the first moment in which it has taken the signal over from the system.
        hangups = setInterval(() => {
          if (catchesHangup(child.pid)) child.kill('SIGHUP');
        }, 5);
      },
      onOutput: (stdout, child) => {
        clearInterval(hangups);
        if (!isAsked && stdout.includes('Configuration reloaded')) isAsked = child.kill('SIGTERM');
      },
    });
    clearInterval(hangups);
    assert.equal(ended.code, 0, `${ended.stdout}\n${ended.stderr}`);
  });
});

/** Whether the process has a handler for SIGHUP (bit 0 of the caught signals). */
function catchesHangup(pid: number | undefined): boolean {
  try {
    const caught = /^SigCgt:\s+([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return caught !== undefined && (BigInt(`0x${caught}`) & 1n) === 1n;
  } catch {
    return false; // It has ended.
  }
}

const TERMINAL = `
import os, pty, sys, time
pid, master = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
seen = b''
while b'no destination' not in seen:
    seen += os.read(master, 65536)
os.close(master)
_, status = os.waitpid(pid, 0)
print(os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status))
`;

test('start: the end of its terminal ends it', async (t) => {
  if (spawnSync('python3', ['--version']).status !== 0) return t.skip('needs python3');
  await inFolder(async (folder) => {
    const file = config(folder);
    const ended = spawnSync('python3', ['-c', TERMINAL, process.execPath, PROGRAM, 'start', '-c', file], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 30_000,
    });
    assert.equal(ended.stdout.trim(), '0', ended.stderr);
    const lines = linesOf(readFileSync(join(folder, 'logs/deep/sentinel.log'), 'utf8'));
    assert.deepEqual(
      lines.filter(({ msg }) => msg === 'stopping').map(({ signal }) => signal),
      ['SIGHUP'],
    );
    assert.equal(lines.at(-1)?.msg, 'Sender stopped');
  });
});

test('start: results can be seen where it says', async () => {
  await inFolder(async (folder) => {
    let asked: Promise<string> | undefined;
    const ended = await runCli(['start', '-c', config(folder)], {
      cwd: folder,
      onOutput: (stdout, child) => {
        const url = /see results at (\S+\/api\/v1\/tasks)/.exec(stdout)?.[1];
        if (asked !== undefined || url === undefined) return;
        asked = get(url).finally(() => child.kill('SIGTERM'));
      },
    });
    assert.equal(ended.code, 0, ended.stderr);
    assert.deepEqual(JSON.parse((await asked)!), { status: 'success', data: [] });
  });
});

function get(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request(url, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
    })
      .on('error', reject)
      .end();
  });
}

test('start: the bundle writes a log for people where it is asked to, and JSON to the file', async () => {
  await inFolder(async (folder) => {
    const file = config(folder);
    writeFileSync(file, readFileSync(file, 'utf8').replace('format: json', 'format: pretty'));
    let sent = false;
    const ended = await runCli(['start', '-c', file], {
      cwd: folder,
      program: BUNDLE,
      onOutput: (stdout, child) => {
        if (!sent && stdout.includes('no destination is enabled')) sent = child.kill('SIGTERM');
      },
    });
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(ended.stdout, /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: Sender stopped \{"success_count":0/m);
    assert.equal(
      linesOf(readFileSync(join(folder, 'logs/deep/sentinel.log'), 'utf8')).at(-1)?.msg,
      'Sender stopped',
    );
  });
});

test('start: one wish that comes as two signals is a clean stop', async () => {
  await inFolder(async (folder) => {
    let sent = false;
    const ended = await runCli(['start', '-c', config(folder)], {
      cwd: folder,
      onOutput: (stdout, child) => {
        if (sent || !stdout.includes('no destination is enabled')) return;
        // Not the same signal twice: the kernel would make one of them.
        sent = child.kill('SIGINT') && child.kill('SIGTERM');
      },
    });
    assert.equal(ended.code, 0, ended.stderr);
    assert.equal(linesOf(ended.stdout).at(-1)?.msg, 'Sender stopped');
  });
});

test('start: a second signal does not wait for a receiver that hangs', async () => {
  const plugins = copyPluginFixtures();
  for (const name of readdirSync(plugins))
    if (name !== 'good') rmSync(join(plugins, name), { recursive: true });
  const sockets: Socket[] = [];
  let connected = (): void => {};
  const asked = new Promise<void>((resolve) => {
    connected = resolve;
  });
  const receiver = createServer((socket) => {
    sockets.push(socket.on('error', () => {}));
    connected();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/api/v1/write`;
  try {
    await inFolder(async (folder) => {
      const file = config(
        folder,
        `plugins: {directories: [${plugins}]}
sender: {flush_interval: 1s, direct: {silent: {url: "${url}"}}}
tasks: [{id: one, plugin: good, interval: 1s, config: {host: 127.0.0.1}}]
`,
      );
      let started = false;
      let again: NodeJS.Timeout | undefined;
      const ended = await runCli(['start', '-c', file], {
        cwd: folder,
        onOutput: (stdout, child) => {
          if (!started) asked.then(() => child.kill('SIGTERM'));
          started = true;
          if (stdout.includes('"msg":"stopping"')) again ??= setInterval(() => child.kill('SIGTERM'), 200);
        },
      });
      clearInterval(again);
      assert.equal(ended.code, 3, ended.stdout);
      assert.match(ended.stderr, /second signal: ends at once/);
      assert.doesNotMatch(ended.stdout, /Sender stopped/);
    });
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => receiver.close(resolve));
    rmSync(plugins, { recursive: true });
  }
});

test('start: a configuration with faults starts nothing', async () => {
  await inFolder(async (folder) => {
    const ended = await runCli(['start', '-c', config(folder, 'bufer: {}\n')], { cwd: folder });
    assert.equal(ended.code, 2);
    assert.match(ended.stderr, /sentinel\.yaml:4:1: /);
    assert.equal(ended.stdout, '');
    assert.equal(existsSync(join(folder, 'logs')), false);
    assert.equal(existsSync(join(folder, 'data')), false);
  });
});

test('start: a log file that cannot be opened is an error of the configuration', async () => {
  await inFolder(async (folder) => {
    writeFileSync(join(folder, 'logs'), 'no folder');
    const ended = await runCli(['start', '-c', config(folder)], { cwd: folder });
    assert.equal(ended.code, 2);
    assert.match(ended.stderr, /cannot open the log file of logging\.file_path ".*sentinel\.log"/);
  });
});
