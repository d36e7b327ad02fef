import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { HttpView } from '../../src/http/index.js';
import { edgeOf, viewWith } from '../http/kit.js';
import { destination, task } from '../http/statuses.js';
import { runCli } from './run-cli.js';

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-status-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A control socket below `folder`, behind which an agent looks like `view`. */
async function agentIn(t: TestContext, folder: string, view: Partial<HttpView> = {}): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const edge = edgeOf({
    listen: `unix:${join(folder, 'control.sock')}`,
    listener: 'control',
    view: viewWith(view),
  });
  await edge.start();
  t.after(() => edge.close());
  assert.notEqual(edge.address, undefined);
}

const well = (): Partial<HttpView> => ({
  tasks: () => [task('a', { ok: true }, Date.now()), task('new', undefined, 0)],
  destinations: () => [destination({ lastSuccessMs: Date.now() - 2000 })],
});

test('status: what is wrong stands first, columns line up, and nothing reaches the terminal', async (t) => {
  const folder = temporaryFolder(t);
  const now = Date.now();
  await agentIn(t, folder, {
    tasks: () => [
      task('good', { ok: true, evidence: '4 of 4 packets' }, now - 7_200_000 + 7_195_000),
      {
        ...task(
          'bad-one',
          { ok: false, reason: 'mismatch', evidence: '\x1b[2Jevil\n\u202eword' },
          now - 65_500,
        ),
        skipped: 12,
        missed: 3,
      },
    ],
    destinations: () => [
      destination({ name: 'vm', lastSuccessMs: now - 3_600_500 }),
      destination({
        name: 'prometheus',
        state: 'failing',
        lastError: '503 wait',
        pendingSamples: 70,
        pendingBytes: 2048,
        oldestPendingMs: now - 150_500,
      }),
    ],
    hosts: () => [{ lane: 'ping', pid: 4711, tasks: 2, restarts: 1, loopDelayMs: 3 }],
  });
  const { code, stdout, stderr } = await runCli(['status', '--data-dir', folder]);
  assert.equal(code, 1, stderr);
  assert.doesNotMatch(stdout, /\p{Cf}|hunter2/u);
  assert.ok(!stdout.includes('\x1b'));
  for (const want of [
    /^agent +agent1, sentinel dev \(node v[\d.]+\), process \d+$/m,
    /^config +\/etc\/sentinel\/config\.yaml$/m,
    /^data +\/var\/lib\/sentinel: 4 KiB on disk, 100 B in memory$/m,
    /^ready +yes$/m,
    /^ok +vm +0s +0 samples, 0 B +0 +1h ago$/m,
    /^failing +prometheus +2m3\ds +70 samples, 2 KiB +0 +\S+ ago +503 wait$/m,
    /^ping +4711 +2 +1 +3 ms$/m,
    /^failed +bad-one +http +http:\/\/192\.0\.2\.1\/\?token=<secret> +1m\ds ago +12 +3 +mismatch: \S* ?\[2Jevil word$/m,
    /^ok +good +http .* \ds ago +0 +0 +4 of 4 packets$/m,
    /^2 tasks: 1 failed, 1 ok$/m,
  ])
    assert.match(stdout, want);
  assert.ok(stdout.indexOf('bad-one') < stdout.indexOf('good'));
  const lines = stdout.split('\n');
  const head = lines.findIndex((line) => line.startsWith('STATE') && line.includes('RESULT'));
  for (const word of ['TASK', 'PLUGIN', 'TARGET', 'LAST RUN', 'SKIPPED', 'MISSED', 'RESULT']) {
    const at = lines[head]!.indexOf(word);
    for (const line of [lines[head + 1]!, lines[head + 2]!])
      assert.match(line.slice(at - 2), /^ {2}\S/, `${word}: ${line}`);
  }
});

test('status: exit codes', async (t) => {
  const f = async (view: Partial<HttpView>, want: number) => {
    const folder = temporaryFolder(t);
    await agentIn(t, folder, { ...well(), ...view });
    const { code, stderr } = await runCli(['status', '--data-dir', folder]);
    assert.equal(code, want, stderr);
  };
  await f({}, 0);
  await f({ tasks: () => [], destinations: () => [] }, 0);
  // a request that failed is tried again: nothing is late yet
  await f({ destinations: () => [destination({ state: 'failing', lastError: 'x' })] }, 0);
  await f({ destinations: () => [destination({ state: 'late', lastError: 'x' })] }, 1);
  await f({ ready: () => ({ ready: false, reasons: ['late'] }) }, 1);
  await f({ tasks: () => [task('a', { ok: false, reason: 'timeout' }, Date.now())] }, 1);
  await f({ tasks: () => [task('a', { ok: true }, Date.now() - 3_600_000)] }, 1);
  await f({ tasks: () => [{ ...task('a', undefined, 0), problem: 'x' }] }, 1);
});

test('status -o json: all of it, for programs', async (t) => {
  const folder = temporaryFolder(t);
  await agentIn(t, folder, well());
  const { code, stdout } = await runCli(['status', '--data-dir', folder, '-o', 'json']);
  assert.equal(code, 0);
  const report = JSON.parse(stdout);
  assert.deepEqual(Object.keys(report), ['agent', 'destinations', 'tasks']);
  assert.deepEqual([report.agent.name, report.agent.ready, report.agent.pid], ['agent1', true, process.pid]);
  assert.deepEqual(
    report.tasks.map((one: { id: string; state: string }) => [one.id, one.state]),
    [
      ['a', 'ok'],
      ['new', 'waiting'],
    ],
  );
});

test('status: where the agent is looked for', async (t) => {
  const folder = temporaryFolder(t);
  const f = async (args: string[], env: Record<string, string>, want: number) => {
    const { code, stderr } = await runCli(['status', ...args], { cwd: folder, env });
    assert.equal(code, want, stderr);
  };
  // the rest of the file may be wrong: it was edited since
  writeFileSync(join(folder, 'c.yaml'), 'sentinel: {data_dir: "./${WHERE}"}\nnonsense: [}\ntasks: 7\n');
  writeFileSync(join(folder, 'silent.yaml'), 'sentinel: {name: x}\n');
  await f(['-c', 'c.yaml'], { WHERE: 'named' }, 1);
  await agentIn(t, join(folder, 'named'), well());
  await f(['-c', 'c.yaml'], { WHERE: 'named' }, 0);
  await f([], {}, 1);
  await f([], { STATE_DIRECTORY: join(folder, 'named') }, 0);
  await f(['-c', 'silent.yaml'], { STATE_DIRECTORY: join(folder, 'named') }, 0);
  await f(['-c', 'missing.yaml'], {}, 2);
  await agentIn(t, join(folder, 'data'), well());
  await f([], {}, 0);
  await f(['--data-dir', 'data'], {}, 0);
  await f(['--data-dir', 'elsewhere'], {}, 1);
  await f(['--nope'], {}, 2);
});

test('status: no agent there, and why', async (t) => {
  const folder = temporaryFolder(t);
  const f = async (want: RegExp) => {
    const { code, stdout, stderr } = await runCli(['status', '--data-dir', folder]);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, want);
  };
  const path = join(folder, 'control.sock');
  await f(
    /^no agent runs here: there is no control\.sock in \S+; start one, or name its directory by --data-dir/,
  );
  writeFileSync(path, '');
  await f(/no agent runs at \S+control\.sock: its last agent is gone/);
  rmSync(path);
  // somebody who accepts and never answers: an agent that hangs
  const hung = createServer();
  await new Promise<void>((resolve) => hung.listen(path, resolve));
  t.after(() => hung.close());
  const sockets = new Set<{ destroy(): void }>();
  hung.on('connection', (socket) => sockets.add(socket));
  await f(/it does not answer \(no answer in 5 s\)/);
  for (const socket of sockets) socket.destroy();
});
