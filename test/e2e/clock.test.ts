import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { describe, type TestContext } from 'node:test';
import { systemClock } from '../../src/lib/index.js';
import { FakeReceiver } from '../receiver.js';
import { needServer } from '../servers.js';
import { until } from '../until.js';
import { type LedgerLine, numberedAgent, numbersIn } from './numbered.js';
import { AgentProcess, freePort, temporaryFolder } from './sentinel.js';
import { SetClock } from './set-clock.js';

/** How far the clock is behind at the boot: whole seconds, some six years. */
const BEHIND_MS = 200_000_000_000;
const INTERVAL_MS = 50;
const COMMIT_MS = 400;
/** What a loop of a busy machine may be late by: the result's way from its host, the commit. */
const LATE_MS = 1000;
/** What a corrected time may be off by: both clocks are read one after the other, in two processes. */
const OFF_MS = 250;
const CORRECTED = 'What was not sent yet gets its times corrected';

/** An agent on a machine whose clock can be set, with a receiver that is down until told. */
async function setUp(t: TestContext, aheadMs: number) {
  const receiver = await FakeReceiver.start();
  await receiver.close();
  t.after(() => receiver.close().catch(() => {})); // It may be down still.
  const folder = temporaryFolder(t);
  const clock = new SetClock(t, folder, aheadMs);
  const port = await freePort();
  const options = {
    folder,
    data: join(folder, 'data'),
    url: receiver.url,
    intervalMs: INTERVAL_MS,
    buffer: `commit_interval: ${COMMIT_MS}ms`,
    listen: `127.0.0.1:${port}`,
  };
  const { config, lines } = numberedAgent(t, options);
  const metric = async (name: string): Promise<number> => {
    const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const line = page.split('\n').find((text) => text.startsWith(`${name} `));
    assert.ok(line !== undefined, `no ${name}`);
    return Number(line.split(' ')[1]);
  };
  return {
    receiver,
    clock,
    lines,
    metric,
    start: () => new AgentProcess(t, { folder, config, env: clock.env }),
    /** Waits for so many more runs. */
    runs: async (count: number) => {
      const before = lines().length;
      await until(`${count} runs`, () => lines().length >= before + count, 30_000);
    },
    onDisk: () => until('a commit', async () => (await metric('sentinel_buffer_commits_total')) > 0),
    /** The receiver comes up; waits until it has these numbers. */
    deliver: async (must: readonly LedgerLine[]) => {
      await receiver.listen();
      const missing = () => {
        const got = new Set(numbersIn(receiver.samples));
        return must.filter(({ number }) => !got.has(number)).map(({ number }) => number);
      };
      await until('everything', () => missing().length === 0, 30_000).catch(() => undefined);
      assert.deepEqual(missing(), [], `missing of ${must.length}`);
    },
  };
}

const SHIFTED_IN_BUFFER = 'sentinel_buffer_samples_shifted_total{destination="receiver"}';
const SHIFTED_ON_THE_WAY = 'sentinel_schedule_samples_shifted_total';

/** The time that a host's clock meant, behind or not. */
const trueMs = (ms: number) => (ms < systemClock.now() - BEHIND_MS / 2 ? ms + BEHIND_MS : ms);

/** Every number that came did so once, with its true time. */
function checkTimes(receiver: FakeReceiver, lines: readonly LedgerLine[]): void {
  const planned = new Map(lines.map(({ number, plannedMs }) => [number, trueMs(plannedMs)]));
  const numbers = receiver.samples.filter(({ labels }) => labels.__name__ === 'numbered_value');
  const off = numbers
    .map(({ value, timestampMs }) => ({ number: value, offMs: timestampMs - planned.get(value)! }))
    .filter(({ offMs }) => !(Math.abs(offMs) <= OFF_MS));
  assert.deepEqual(off, [], `off by more than ${OFF_MS} ms, of ${numbers.length}`);
  assert.equal(new Set(numbersIn(receiver.samples)).size, numbers.length, 'none came twice');
}

/** Whether the hosts had the clock of the agent, wrong and right. */
function checkHosts(lines: readonly LedgerLine[]): void {
  const isBehind = lines.map(({ plannedMs }) => trueMs(plannedMs) !== plannedMs);
  assert.equal(isBehind[0], true, 'the first run was by the wrong clock');
  assert.equal(isBehind.at(-1), false, 'the last one by the right one');
}

// They mostly wait, so beside each other.
describe('a clock that is wrong at the boot', { concurrency: 3 }, () => {
  test('the clock is set while the receiver is down: every sample comes with its true time, and is counted', async (t) => {
    if (!needServer('faketime', t)) return;
    const { receiver, clock, lines, metric, start, runs, onDisk, deliver } = await setUp(t, -BEHIND_MS);
    const agent = start();
    await runs(20);
    await onDisk();
    clock.set(0);
    const setMs = systemClock.now();
    await agent.says(CORRECTED);
    await runs(20);
    const must = lines();
    checkHosts(must);
    await deliver(must);
    const shifted = (await metric(SHIFTED_IN_BUFFER)) + (await metric(SHIFTED_ON_THE_WAY));
    assert.equal((await agent.stop()).code, 0);
    checkTimes(receiver, lines());
    const before = receiver.samples.filter(({ timestampMs }) => timestampMs < setMs - OFF_MS).length;
    const surely = receiver.samples.filter(({ timestampMs }) => timestampMs < setMs + OFF_MS).length;
    assert.ok(
      shifted >= before && shifted <= surely,
      `${shifted} counted, of ${before} to ${surely} samples`,
    );
  });

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    test(`${signal} between the step and the delivery: the new run sends the true times`, async (t) => {
      if (!needServer('faketime', t)) return;
      const { receiver, clock, lines, metric, start, runs, onDisk, deliver } = await setUp(t, -BEHIND_MS);
      const first = start();
      await runs(20);
      await onDisk();
      clock.set(0);
      await first.says(CORRECTED);
      await runs(20);
      const endMs = systemClock.now();
      await first.stop(signal);
      const surely = signal === 'SIGTERM' ? Infinity : endMs - COMMIT_MS - LATE_MS;
      const must = lines().filter(({ endedMs }) => trueMs(endedMs) < surely);
      checkHosts(lines());
      const second = start();
      await runs(10);
      await deliver(must);
      assert.ok((await metric(SHIFTED_IN_BUFFER)) > 0);
      assert.equal((await second.stop()).code, 0);
      checkTimes(receiver, lines());
      assert.equal(second.output.includes(CORRECTED), false, 'the new run saw no step');
    });
  }

  test('stopped and started before the step: what the first run left is moved as well', async (t) => {
    if (!needServer('faketime', t)) return;
    const { receiver, clock, lines, start, runs, onDisk, deliver } = await setUp(t, -BEHIND_MS);
    const first = start();
    await runs(20);
    await onDisk();
    await first.stop();
    const second = start();
    await runs(20);
    clock.set(0);
    await second.says(CORRECTED);
    await runs(10);
    const must = lines();
    checkHosts(must);
    await deliver(must);
    assert.equal((await second.stop()).code, 0);
    checkTimes(receiver, lines());
  });

  test('the clock is set while the agent is down: the new run sends the true times', async (t) => {
    if (!needServer('faketime', t)) return;
    const { receiver, clock, lines, start, runs, deliver } = await setUp(t, -BEHIND_MS);
    const first = start();
    await runs(20);
    await first.stop();
    clock.set(0);
    const second = start();
    await runs(10);
    const must = lines();
    checkHosts(must);
    await deliver(must);
    assert.equal((await second.stop()).code, 0);
    checkTimes(receiver, lines());
  });

  for (const [name, aheadMs] of [
    ['right', 0],
    ['wrong', -BEHIND_MS],
  ] as const) {
    test(`a clock that is ${name} and not set, over a restart: nothing is shifted`, async (t) => {
      if (!needServer('faketime', t)) return;
      const { receiver, lines, metric, start, runs, onDisk, deliver } = await setUp(t, aheadMs);
      const first = start();
      await runs(20);
      await onDisk();
      await first.stop();
      const second = start();
      await runs(20);
      await deliver(lines());
      assert.equal(await metric(SHIFTED_IN_BUFFER), 0);
      assert.equal(await metric(SHIFTED_ON_THE_WAY), 0);
      assert.equal((await second.stop()).code, 0);
      const planned = new Map(lines().map(({ number, plannedMs }) => [number, plannedMs]));
      const got = receiver.samples.filter(({ labels }) => labels.__name__ === 'numbered_value');
      for (const { value, timestampMs } of got) assert.equal(timestampMs, planned.get(value));
    });
  }
});
