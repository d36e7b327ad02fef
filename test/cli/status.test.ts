import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { describe, type TestContext } from 'node:test';
import type { HttpView } from '../../src/http/index.js';
import { edgeOf, viewWith } from '../http/kit.js';
import { destination, droppedTarget, pool, target, task } from '../http/statuses.js';
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
  tasks: () => [task('a', { ok: true }, Date.now()), task('new', undefined, Date.now())],
  destinations: () => [destination({ lastSuccessMs: Date.now() - 2000 })],
});

// They mostly wait for processes, so beside each other.
describe('status', { concurrency: 2 }, () => {
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

  /** A job with two targets that are down and a discovery that fails. */
  const failing = () => {
    const now = Date.now();
    const down = {
      health: 'down' as const,
      lastError: 'connect ECONNREFUSED\x1b[2J',
      lastScrapeMs: now - 65_500,
    };
    return pool('switches', {
      active: [target('sw1:9116', down), target('sw2:9116', down), target('sw3:9116', { lastScrapeMs: now })],
      dropped: [droppedTarget('old:1'), droppedTarget('bad:1', { reason: 'invalid', detail: 'no address' })],
      discovery: [
        { kind: 'static', what: '', targets: 1, lastSuccessMs: now, lastError: undefined },
        {
          kind: 'http',
          what: 'http://netbox/?token=<secret>',
          targets: 2,
          lastSuccessMs: now - 7_200_500,
          lastError: 'expected status 200, got 502 Bad Gateway',
        },
      ],
    });
  };

  test('status: jobs, what is down of them, and discovery that fails', async (t) => {
    const folder = temporaryFolder(t);
    const node = pool('node', { active: [target('a:1'), target('b:1', { health: 'unknown' })] });
    await agentIn(t, folder, { ...well(), pools: () => [node, failing()] });
    const { code, stdout } = await runCli(['status', '--data-dir', folder]);
    assert.equal(code, 1);
    assert.ok(!stdout.includes('\x1b'));
    for (const want of [
      /^JOB +UP +DOWN +UNKNOWN +DROPPED\nswitches +1 +2 +0 +2\nnode +1 +0 +1 +0$/m,
      /^DOWN +JOB +LAST SCRAPE +LAST ERROR\nhttp:\/\/sw1:9116\/metrics +switches +1m\ds ago +connect ECONNREFUSED \[2J$/m,
      /^FAILING DISCOVERY +JOB +LAST GOOD ANSWER +LAST ERROR\nhttp http:\/\/netbox\/\?token=<secret> +switches +2h ago +expected status 200, got 502 Bad Gateway$/m,
      /^5 targets: 2 up, 2 down, 1 unknown, 2 dropped\n2 tasks: 1 waiting, 1 ok$/m,
    ])
      assert.match(stdout, want);
  });

  test('status: of a thousand targets that are down twenty are shown, and the job with most of them first', async (t) => {
    const folder = temporaryFolder(t);
    const job = (name: string, count: number) =>
      pool(name, {
        active: Array.from({ length: count }, (_, i) =>
          target(`${name}-${i}:1`, { health: 'down', lastError: 'e'.repeat(5000) }),
        ),
      });
    await agentIn(t, folder, { pools: () => [job('few', 3), job('many', 997)] });
    const { stdout } = await runCli(['status', '--data-dir', folder]);
    assert.equal(stdout.match(/^http:\/\/many-\d+:1\/metrics /gm)?.length, 20);
    assert.doesNotMatch(stdout, /few-/);
    assert.match(stdout, /\nand 980 more\n/);
    assert.match(stdout, /^1000 targets: 1000 down$/m);
    assert.ok(stdout.length < 10_000, `${stdout.length} characters`);
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
    const job = failing();
    const all = job.active().map((one) => one.status());
    const up = all.filter(({ health }) => health === 'up');
    await f({ pools: () => [pool('a', { active: [...up, target('b:1', { health: 'unknown' })] })] }, 0);
    await f({ pools: () => [pool('a', { active: up, dropped: job.dropped })] }, 0);
    await f({ pools: () => [pool('a', { active: all })] }, 1);
    await f({ pools: () => [pool('a', { active: up, discovery: job.discovery() })] }, 1);
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
    const job = failing();
    await agentIn(t, folder, { ...well(), pools: () => [job] });
    const { code, stdout } = await runCli(['status', '--data-dir', folder, '-o', 'json']);
    assert.equal(code, 1);
    const report = JSON.parse(stdout);
    assert.deepEqual(Object.keys(report), ['agent', 'destinations', 'tasks', 'jobs']);
    assert.deepEqual(
      [report.agent.name, report.agent.ready, report.agent.pid],
      ['agent1', true, process.pid],
    );
    assert.deepEqual(
      report.tasks.map((one: { id: string; state: string }) => [one.id, one.state]),
      [
        ['a', 'ok'],
        ['new', 'waiting'],
      ],
    );
    const [{ down_targets, discovery, ...counts }] = report.jobs;
    assert.deepEqual(counts, {
      job: 'switches',
      up: 1,
      down: 2,
      unknown: 0,
      dropped: 2,
      dropped_by_reason: { relabel: 1, cluster: 0, duplicate: 0, invalid: 1 },
    });
    assert.deepEqual(
      down_targets.map(({ url }: { url: string }) => url),
      ['http://sw1:9116/metrics', 'http://sw2:9116/metrics'],
    );
    assert.equal(discovery[1].last_error, 'expected status 200, got 502 Bad Gateway');
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
    const sockets = new Set<{ destroy(): void }>();
    hung.on('connection', (socket) => sockets.add(socket));
    await f(/^the agent at \S+control\.sock does not answer \(nothing came for 5 s\); its log may say why$/m);
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => hung.close(done));
    // an agent of another version, and one that cannot answer now
    let status = 404;
    const other = createHttpServer((_, response) => response.writeHead(status).end('too many answers\n'));
    await new Promise<void>((resolve) => other.listen(path, resolve));
    t.after(() => other.close());
    await f(/^the agent at \S+ answers 404 to \/api\/\S+: is it of another version\?$/m);
    status = 503;
    await f(/^the agent at \S+ answers 503 to \/api\/\S+: too many answers$/m);
  });
});
