import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { describe, type TestContext } from 'node:test';
import { STOP_DEADLINE_MS } from '../../src/cli/start.js';
import { systemClock } from '../../src/lib/index.js';
import { NotifyReceiver } from '../ops/notify-receiver.js';
import { FakeReceiver } from '../receiver.js';
import { isRunning } from '../running.js';
import { needSystemd } from '../systemd.js';
import { until } from '../until.js';
import { numberedAgent, numbersIn } from './numbered.js';
import { AgentProcess, freePort, temporaryFolder } from './sentinel.js';

const UNAVAILABLE = { kind: 'status', status: 503 } as const;

/** What every test here has: a receiver, a folder, and a task that hands out numbers. */
async function setUp(
  t: TestContext,
  {
    data,
    sender = '',
    intervalMs = 50,
    commitInterval = '300ms',
  }: { data?: string; sender?: string; intervalMs?: number; commitInterval?: string } = {},
) {
  const receiver = await FakeReceiver.start();
  t.after(() => receiver.close());
  const folder = temporaryFolder(t);
  const port = await freePort();
  const place = data ?? join(folder, 'data');
  const { config, lines } = numberedAgent(t, {
    folder,
    data: place,
    url: receiver.url,
    intervalMs,
    buffer: `commit_interval: ${commitInterval}`,
    sender,
    listen: `127.0.0.1:${port}`,
  });
  const metric = async (name: string): Promise<number> => {
    const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return Number(
      page
        .split('\n')
        .find((line) => line.startsWith(name))
        ?.split(' ')
        .at(-1) ?? Number.NaN,
    );
  };
  const missing = () => {
    const got = new Set(numbersIn(receiver.samples));
    return lines()
      .map(({ number }) => number)
      .filter((number) => !got.has(number));
  };
  return {
    receiver,
    data: place,
    lines,
    metric,
    start: (env: NodeJS.ProcessEnv = {}) => new AgentProcess(t, { folder, config, env }),
    /** Stops the agent while the receiver is there; gives the numbers that never came. */
    async lostAtTheEnd(agent: AgentProcess): Promise<number[]> {
      receiver.behaviour = { kind: 'ok' };
      const last = lines().at(-1)!.number;
      await until('live data', () => numbersIn(receiver.samples).some((number) => number > last));
      assert.equal((await agent.stop()).code, 0);
      return missing();
    },
  };
}

const run = (...command: string[]) => spawnSync(command[0]!, command.slice(1), { encoding: 'utf8' });

/** A small file system of its own, or `undefined` where mounting is not allowed; goes with the test. */
function mounted(t: TestContext, kind: 'tmpfs' | 'ext4', options: string): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-disk-'));
  const directory = join(folder, 'mounted');
  const image = join(folder, 'image');
  t.after(() => {
    if (kind === 'ext4') run('fsfreeze', '-u', directory);
    run('umount', '-l', directory);
    rmSync(folder, { recursive: true, force: true });
  });
  mkdirSync(directory);
  if (kind === 'ext4') {
    run('truncate', '-s', '16M', image);
    run('mkfs.ext4', '-q', image);
  }
  const result =
    kind === 'ext4'
      ? run('mount', '-o', 'loop', image, directory)
      : run('mount', '-t', 'tmpfs', '-o', options, 'tmpfs', directory);
  if (result.status !== 0) {
    t.skip(`mounting a file system is not allowed here: ${result.stderr}`);
    return undefined;
  }
  return directory;
}

const times = (text: string, part: string) => text.split(part).length - 1;

/** Processes that this one has started and that have not ended. */
function childrenOf(pid: number): number[] {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const text = tasks.map((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1')).join(' ');
  return text.split(/\s+/).filter(Boolean).map(Number).filter(isRunning);
}

/** Whether the main thread of a process is inside a call of the kernel that no signal ends. */
function isMainThreadStuck(pid: number): boolean {
  return /^State:\tD/m.test(readFileSync(`/proc/${pid}/task/${pid}/status`, 'latin1'));
}

/** What each run of the fixture gives: its number, and that it went well and how fast. */
const SAMPLES_OF_A_RUN = 3;

/** Bytes that a process has caused to be written to storage. */
function storedBytes(agent: AgentProcess): number {
  return Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${agent.child.pid}/io`, 'utf8'))![1]);
}

// They mostly wait, so beside each other.
describe('the disk of the buffer', { concurrency: 3 }, () => {
  test('two agents on one data directory: the second ends with 2 and says who holds it', async (t) => {
    const { start, lines } = await setUp(t);
    const first = start();
    await until('runs', () => lines().length > 3);
    const { code, stdout, stderr } = await start().ended;
    assert.equal(code, 2);
    assert.match(stdout + stderr, new RegExp(`in use by another agent, process ${first.child.pid}\\b`));
    const before = lines().length;
    await until('more runs of the first', () => lines().length > before + 3);
    assert.equal((await first.stop()).code, 0);
  });

  test('a disk that stalls: probes miss nothing, the agent answers, live data goes on, and the disk is used again by itself', async (t) => {
    const directory = mounted(t, 'ext4', '');
    if (directory === undefined) return;
    const { receiver, start, lines, metric, lostAtTheEnd } = await setUp(t, {
      data: directory,
      sender: 'order: fresh_first,',
    });
    receiver.behaviour = UNAVAILABLE;
    const agent = start();
    await until(
      'a commit',
      async () => lines().length > 5 && (await metric('sentinel_buffer_commits_total')) > 1,
    );
    if (run('fsfreeze', '-f', directory).status !== 0)
      return t.skip('freezing a file system is not allowed here');
    let worstMs = 0;
    const watch = async () => {
      const askedMs = systemClock.monotonic();
      await metric('sentinel_buffer_disk_healthy');
      worstMs = Math.max(worstMs, systemClock.monotonic() - askedMs);
    };
    await until('the line', async () => {
      await watch();
      return agent.output.includes('has not answered for 5 s');
    });
    assert.equal(await metric('sentinel_buffer_disk_healthy'), 0);
    receiver.behaviour = { kind: 'ok' };
    const before = numbersIn(receiver.samples).length;
    await until('live data', async () => {
      await watch();
      return numbersIn(receiver.samples).length > before + 30;
    });
    run('fsfreeze', '-u', directory);
    await agent.says('The disk answered again');
    await until('a healthy disk', async () => (await metric('sentinel_buffer_disk_healthy')) === 1);
    t.diagnostic(`/metrics answered within ${Math.round(worstMs)} ms`);
    assert.ok(worstMs < 1000, `/metrics took ${worstMs} ms`);
    assert.equal(times(agent.output, 'has not answered for 5 s'), 1);
    assert.deepEqual(await lostAtTheEnd(agent), []);
    const planned = lines().map(({ plannedMs }) => plannedMs);
    const gaps = planned.slice(2).map((ms, i) => ms - planned[i + 1]!);
    // A tick of 50 ms may be late on a busy machine; the disk stood still for more than 5 s.
    assert.ok(Math.max(...gaps) < 500, `the longest gap was ${Math.max(...gaps)} ms`);
    const missed = gaps.filter((gap) => gap !== 50).length;
    assert.ok(missed <= gaps.length / 10, `${missed} of ${gaps.length} ticks were missed`);
  });

  test('a stop while the disk stalls: all is done and said in time, and after it nothing is missing that is not counted', async (t) => {
    if (!needSystemd(t, 'systemd-notify')) return;
    const directory = mounted(t, 'ext4', '');
    if (directory === undefined) return;
    const { receiver, start, lines, metric, lostAtTheEnd } = await setUp(t, { data: directory });
    const systemd = await NotifyReceiver.start(t);
    receiver.behaviour = UNAVAILABLE;
    const agent = start({ NOTIFY_SOCKET: systemd.socket });
    await until(
      'a commit',
      async () => lines().length > 50 && (await metric('sentinel_buffer_commits_total')) > 3,
    );
    if (run('fsfreeze', '-f', directory).status !== 0)
      return t.skip('freezing a file system is not allowed here');
    const frozenMs = systemClock.now();
    const before = lines().length;
    await until('runs while it stalls', () => lines().length > before + 30);
    agent.child.kill('SIGTERM');
    await agent.says('Sender stopped', STOP_DEADLINE_MS + 2000);
    const pid = agent.child.pid!;
    await until('the end of its processes', () => childrenOf(pid).length === 0);
    assert.equal(isMainThreadStuck(pid), false, 'no call to the disk in the main thread');
    assert.match(agent.output, /The disk under .* does not answer: this process ends when it does/);
    const said = /"samples":(\d+),"unanswered":(\d+),"msg":"\d+ samples are lost/.exec(agent.output)!;
    t.diagnostic(said[0]);
    const [samples, unanswered] = [Number(said[1]), Number(said[2])];
    assert.match(agent.output, new RegExp(`"failed_count":${samples},.*"Sender stopped"`));
    await systemd.gets('STOPPING=1');
    await systemd.gets(
      `STATUS=stopped, ${samples} samples failed; the process ends when the disk of its data answers`,
    );
    assert.equal(agent.child.exitCode, null);
    run('fsfreeze', '-u', directory);
    assert.equal((await agent.ended).code, 0);
    const lost = await lostAtTheEnd(start());
    const lostSamples = lost.length * SAMPLES_OF_A_RUN;
    assert.ok(samples > 0 && lostSamples <= samples, `${lostSamples} samples lost, ${samples} counted`);
    assert.ok(lostSamples >= samples - unanswered, `${lostSamples} samples lost, ${samples} counted`);
    const old = lines().filter(({ endedMs }) => endedMs < frozenMs - 1000);
    assert.deepEqual(
      old.filter(({ number }) => lost.includes(number)),
      [],
    );
  });

  test('the disk full during an outage: it goes on in memory, says so once, and nothing is lost', async (t) => {
    const directory = mounted(t, 'tmpfs', 'size=384k');
    if (directory === undefined) return;
    const { receiver, start, metric, lostAtTheEnd, lines } = await setUp(t, { data: directory });
    receiver.behaviour = UNAVAILABLE;
    const agent = start();
    await agent.says('Cannot write the buffer', 30_000);
    assert.match(
      agent.output,
      /Cannot write the buffer in .*(full|disk I\/O error).*samples are kept in memory, at most 32MiB/,
    );
    const before = lines().length;
    await until('runs while it is full', () => lines().length > before + 20);
    assert.equal(await metric('sentinel_buffer_disk_healthy'), 0);
    receiver.behaviour = { kind: 'ok' };
    await agent.says('The buffer can be read and written again', 30_000);
    assert.equal(times(agent.output, 'Cannot write the buffer'), 1);
    assert.deepEqual(await lostAtTheEnd(agent), []);
  });

  test('a read-only data directory: the agent runs, says so, and keeps data there as soon as it can', async (t) => {
    const directory = mounted(t, 'tmpfs', 'size=4m,ro');
    if (directory === undefined) return;
    const { receiver, start, metric, lines, lostAtTheEnd } = await setUp(t, { data: directory });
    const first = start();
    await first.says('Cannot write the buffer');
    assert.match(first.output, /a second agent would not be noticed/);
    await until('samples', () => numbersIn(receiver.samples).length > 5);
    assert.equal(await metric('sentinel_buffer_disk_healthy'), 0);
    run('mount', '-o', 'remount,rw', directory);
    await first.says('The buffer can be read and written again', 30_000);
    receiver.behaviour = UNAVAILABLE;
    const before = lines().length;
    await until('an outage', () => lines().length > before + 40);
    await first.stop('SIGKILL');
    const kept = lines()
      .slice(before)
      .filter(({ endedMs }) => endedMs < systemClock.now() - 1000);
    const second = start();
    const lost = new Set(await lostAtTheEnd(second));
    assert.ok(kept.length > 10);
    assert.deepEqual(
      kept.filter(({ number }) => lost.has(number)),
      [],
    );
  });

  test('a buffer file with garbage in it: the agent starts, sends what was kept, and says and counts what was lost', async (t) => {
    const { receiver, start, data, lines, metric, lostAtTheEnd } = await setUp(t);
    receiver.behaviour = UNAVAILABLE;
    const first = start();
    await until('an outage', () => lines().length > 100, 20_000);
    assert.equal((await first.stop()).code, 0);
    const file = openSync(join(data, 'buffer.db'), 'r+');
    const { size } = statSync(join(data, 'buffer.db'));
    // The header, and pages in the middle; the lists of what is pending begin on pages 4 and 5 of 1024 bytes.
    writeSync(file, Buffer.alloc(3000, 0xa5), 0, 3000, 0);
    writeSync(file, Buffer.alloc(4096, 0x5a), 0, 4096, Math.floor(size / 2 / 4096) * 4096);
    closeSync(file);
    const second = start();
    await second.says('The buffer file is broken and was set aside as');
    const said = /kept (\d+) blocks with (\d+) samples; lost (.*?)"}?/.exec(second.output)!;
    t.diagnostic(said[0]);
    const name = 'sentinel_buffer_samples_dropped_total{destination="receiver",reason="broken_file"}';
    // Its pages may not be there yet.
    const dropped = await until('the count', () => metric(name).catch(() => undefined));
    const lost = await lostAtTheEnd(second);
    assert.ok(Number(said[1]) > 5);
    assert.ok(lost.length < 60, `${lost.length} of ${lines().length} numbers lost`);
    assert.equal(dropped, lost.length * SAMPLES_OF_A_RUN);
    assert.equal(readdirSync(data).filter((name) => /broken-[^-]*$/.test(name)).length, 1);
  });

  test('while receivers are healthy nothing is written to the data directory', async (t) => {
    // A machine that is busy elsewhere is slow for longer than 300 ms now and then.
    const { start, data, lines, metric } = await setUp(t, { intervalMs: 20, commitInterval: '3s' });
    const agent = start();
    await until('runs', () => lines().length > 20);
    const look = async () => ({
      written: await metric('sentinel_buffer_written_bytes_total'),
      commits: await metric('sentinel_buffer_commits_total'),
      stored: storedBytes(agent),
      files: readdirSync(data).map((name) => `${name} ${statSync(join(data, name)).mtimeMs}`),
    });
    const before = await look();
    assert.ok(before.written < 100_000, `${before.written} bytes for the header`);
    await until('a while', () => lines().length > 520, 30_000);
    assert.deepEqual(await look(), before);
    assert.equal((await agent.stop()).code, 0);
  });
});
