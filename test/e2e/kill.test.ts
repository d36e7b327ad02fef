import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { describe, type TestContext } from 'node:test';
import { systemClock } from '../../src/lib/index.js';
import { type Behaviour, FakeReceiver } from '../receiver.js';
import { until } from '../until.js';
import { numberedAgent, numbersIn } from './numbered.js';
import { AgentProcess, run, temporaryFolder } from './sentinel.js';

/** How often the agent is killed; more of it by the environment. */
const KILLS = Number(process.env.SENTINEL_TEST_KILLS ?? 8);
const COMMIT_MS = 400;
/** What a loop of a busy machine may be late by: the result's way from its host, the commit. */
const LATE_MS = 600;
const INTERVAL_MS = 20;
/** So many of the last numbers may be lost with the agent: a machine that stands still makes none, however long ago the last one was. */
const YOUNG_NUMBERS = (COMMIT_MS + LATE_MS) / INTERVAL_MS;
/** Requests that may be in flight: one for live data, one for the backlog. */
const IN_FLIGHT = 2;

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
    await until('the first half', () => lines().length >= before + runs / 2, 60_000);
    receiver.behaviour = BEHAVIOURS[(round * 5 + 2) % BEHAVIOURS.length]!;
    await until('the other half', () => lines().length >= before + runs, 60_000);
    return agent;
  };
  return { receiver, lines, start, runFor };
}

/** The numbers in the requests that were in flight when so many had been stored: whether their answer was noted, nobody can tell. */
function inFlightAt({ samples, stored }: FakeReceiver, requests: number): number[] {
  const from = stored[Math.max(0, requests - IN_FLIGHT)];
  return numbersIn(samples.slice(from, stored[requests + IN_FLIGHT]));
}

/** Numbers that came twice, and whose answer was not lost at their first coming. */
function doubled(receiver: FakeReceiver): { numbers: number[]; twice: number[]; unexplained: number[] } {
  const numbers = numbersIn(receiver.samples);
  const unanswered = new Set(numbersIn(receiver.unanswered));
  const twice = numbers.filter((number, i) => numbers.indexOf(number) !== i);
  return { numbers, twice, unexplained: twice.filter((number) => !unanswered.has(number)) };
}

/** As a terminal or systemd does that signals the whole process group. */
async function tellHosts(agent: AgentProcess): Promise<void> {
  const { stdout } = await run('pgrep', ['-P', String(agent.child.pid)]);
  const hosts = stdout.trim().split('\n').map(Number);
  assert.ok(hosts[0]! > 0, 'the agent has a probe host');
  for (const pid of hosts) process.kill(pid, 'SIGTERM');
}

const pauseOf = (round: number) => 60 + ((round * 7919) % 131);

// They mostly wait, so beside each other.
describe('killed or stopped', { concurrency: 2 }, () => {
  test('the agent killed at random times, the receiver failing in every way: nothing older than commit_interval is lost', async (t) => {
    const { receiver, lines, start, runFor } = await setUp(t);
    const must: number[] = [];
    /** How many requests had been stored at each kill. */
    const deaths: number[] = [];
    for (let round = 0; round < KILLS; round++) {
      const before = lines().length;
      const agent = await runFor(pauseOf(round), round);
      const deathMs = systemClock.now();
      await agent.stop('SIGKILL');
      deaths.push(receiver.stored.length);
      for (const { number, endedMs } of lines().slice(before, -YOUNG_NUMBERS))
        if (endedMs < deathMs - COMMIT_MS - LATE_MS) must.push(number);
    }
    receiver.behaviour = { kind: 'ok' };
    const last = start();
    const missing = () => {
      const got = new Set(numbersIn(receiver.samples));
      return must.filter((number) => !got.has(number));
    };
    assert.ok(must.length > KILLS * 10, `${must.length} numbers followed`);
    await until('everything', () => missing().length === 0).catch(() => undefined);
    assert.deepEqual(missing(), [], `lost of ${must.length}`);
    assert.equal((await last.stop()).code, 0);
    const produced = new Set(lines().map(({ number }) => number));
    const { numbers, twice, unexplained } = doubled(receiver);
    assert.ok(
      numbers.every((number) => produced.has(number)),
      'nothing that was not produced',
    );
    t.diagnostic(
      `${must.length} numbers followed over ${KILLS} kills, ${twice.length} came twice, ${unexplained.length} of them in flight at a kill`,
    );
    // Where the answer came and the agent died before it had noted that: the last requests before a kill.
    const wereInFlight = new Set(deaths.flatMap((requests) => inFlightAt(receiver, requests)));
    assert.deepEqual(
      unexplained.filter((number) => !wereInFlight.has(number)),
      [],
      'came twice without a reason',
    );
  });

  test('the agent told to stop, again and again, the receiver failing in every way: nothing is lost, and what comes twice had its answer lost', async (t) => {
    const { receiver, lines, start, runFor } = await setUp(t);
    for (let round = 0; round < 5; round++) {
      const agent = await runFor(40, round);
      if (round % 2 === 1) await tellHosts(agent);
      assert.equal((await agent.stop('SIGTERM')).code, 0);
    }
    receiver.behaviour = { kind: 'ok' };
    const last = start();
    const before = lines().length;
    await until('more of them', () => lines().length > before + 20);
    assert.equal((await last.stop()).code, 0);
    const { numbers, unexplained } = doubled(receiver);
    const got = new Set(numbers);
    assert.deepEqual(
      lines().filter(({ number }) => !got.has(number)),
      [],
    );
    assert.deepEqual(unexplained, []);
  });
});
