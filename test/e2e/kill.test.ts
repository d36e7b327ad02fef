import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { systemClock } from '../../src/lib/index.js';
import { type Behaviour, FakeReceiver } from '../receiver.js';
import { until } from '../until.js';
import { numberedAgent, numbersIn } from './numbered.js';
import { AgentProcess, temporaryFolder } from './sentinel.js';

/** How often the agent is killed; more of it by the environment. */
const KILLS = Number(process.env.SENTINEL_TEST_KILLS ?? 8);
const COMMIT_MS = 400;
/** What a loop of a busy machine may be late by: the result's way from its host, the commit. */
const LATE_MS = 600;
const INTERVAL_MS = 20;

const BEHAVIOURS: readonly Behaviour[] = [
  { kind: 'status', status: 503 },
  { kind: 'hang' },
  { kind: 'ok' },
  { kind: 'reset' },
  { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
  { kind: 'answer lost' },
];

async function setUp(t: TestContext) {
  const receiver = await FakeReceiver.start();
  t.after(() => receiver.close());
  const folder = temporaryFolder(t);
  const { config, lines } = numberedAgent(t, {
    folder,
    data: join(folder, 'data'),
    url: receiver.url,
    intervalMs: INTERVAL_MS,
    buffer: `commit_interval: ${COMMIT_MS}ms`,
    sender: 'timeout: 1s,',
  });
  const start = () => new AgentProcess(t, { folder, config });
  /** Runs until so many more numbers were produced, while the receiver changes its mind once. */
  const runFor = async (runs: number, round: number) => {
    const agent = start();
    const before = lines().length;
    receiver.behaviour = BEHAVIOURS[round % BEHAVIOURS.length]!;
    await until('the first half', () => lines().length >= before + runs / 2, 30_000);
    receiver.behaviour = BEHAVIOURS[(round * 5 + 2) % BEHAVIOURS.length]!;
    await until('the other half', () => lines().length >= before + runs, 30_000);
    return agent;
  };
  return { receiver, lines, start, runFor };
}

const pauseOf = (round: number) => 60 + ((round * 7919) % 131);

test('the agent killed at random times, the receiver failing in every way: nothing older than commit_interval is lost', async (t) => {
  const { receiver, lines, start, runFor } = await setUp(t);
  const must: number[] = [];
  for (let round = 0; round < KILLS; round++) {
    const before = lines().length;
    const agent = await runFor(pauseOf(round), round);
    const deathMs = systemClock.now();
    await agent.stop('SIGKILL');
    for (const { number, endedMs } of lines().slice(before))
      if (endedMs < deathMs - COMMIT_MS - LATE_MS) must.push(number);
  }
  receiver.behaviour = { kind: 'ok' };
  const last = start();
  const missing = () => {
    const got = new Set(numbersIn(receiver.samples));
    return must.filter((number) => !got.has(number));
  };
  assert.ok(must.length > KILLS * 10, `${must.length} numbers followed`);
  await until('everything', () => missing().length === 0, 20_000).catch(() => undefined);
  assert.deepEqual(missing(), [], `lost of ${must.length}`);
  assert.equal((await last.stop()).code, 0);
  const produced = new Set(lines().map(({ number }) => number));
  const got = numbersIn(receiver.samples);
  assert.ok(
    got.every((number) => produced.has(number)),
    'nothing that was not produced',
  );
  // Only where an answer was lost: the requests that were stored before their connection was cut, and those in flight at each kill.
  const twice = got.length - new Set(got).size;
  t.diagnostic(`${must.length} numbers followed over ${KILLS} kills, ${twice} came twice`);
});

test('the agent told to stop, again and again, the receiver failing in every way: nothing is lost, and nothing comes twice', async (t) => {
  const { receiver, lines, start, runFor } = await setUp(t);
  for (let round = 0; round < 5; round++) {
    const agent = await runFor(40, round);
    assert.equal((await agent.stop('SIGTERM')).code, 0);
  }
  receiver.behaviour = { kind: 'ok' };
  const last = start();
  const before = lines().length;
  await until('more of them', () => lines().length > before + 20);
  assert.equal((await last.stop()).code, 0);
  const got = numbersIn(receiver.samples);
  assert.deepEqual(
    lines()
      .map(({ number }) => number)
      .filter((number) => !got.includes(number)),
    [],
  );
});
