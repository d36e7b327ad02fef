import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '../buffer/set-up.js';
import { type Behaviour, FakeReceiver } from '../receiver.js';
import { until } from '../until.js';

const COMMIT_MS = 200;
/** What a commit may take in the middle, its worker's start included; that none is late by a ms is for tests with a clock of their own. */
const LATE_MS = 300;
const PROGRAM = fileURLToPath(new URL('./agent-process.js', import.meta.url));

/** What an agent told: when each number was made, ms of its own clock, and when how many were safe. */
interface Told {
  made: ReadonlyMap<number, number>;
  safe: readonly { last: number; atMs: number }[];
}

function read(text: string): Told {
  const lines = text
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split(' '));
  const of = (what: string) =>
    lines.filter(([first]) => first === what).map(([, number, ms]) => [Number(number), Number(ms)] as const);
  return { made: new Map(of('made')), safe: of('safe').map(([last, atMs]) => ({ last, atMs })) };
}

/** Runs the agent until it has produced `count` numbers; gives the process, and what it told. */
async function runAgent(t: TestContext, args: readonly string[], count: number) {
  const child: ChildProcess = spawn(process.execPath, [PROGRAM, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  let text = '';
  child.stdout!.on('data', (chunk: Buffer) => {
    text += chunk;
  });
  const told = () => read(text);
  await until('numbers', () => told().made.size >= count);
  return { child, told };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  // With the last of what it told.
  const closed = once(child, 'close');
  child.kill(signal);
  await closed;
}

const lastOf = ({ made }: Told) => Math.max(...made.keys());

const BEHAVIOURS: Behaviour[] = [
  { kind: 'status', status: 503 },
  { kind: 'ok' },
  { kind: 'hang' },
  { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
  { kind: 'reset' },
  { kind: 'ok' },
];

test('sender: an agent killed at random times loses nothing that was said to be safe, and that is soon so', async (t) => {
  const receiver = await FakeReceiver.start();
  t.after(() => receiver.close());
  const directory = temporaryDirectory(t);
  const must = new Set<number>();
  const agesMs: number[] = [];
  let next = 1;
  for (const behaviour of BEHAVIOURS) {
    receiver.behaviour = behaviour;
    const count = 100 + ((next * 7919) % 97);
    const { child, told } = await runAgent(
      t,
      [directory, receiver.url, String(next), String(COMMIT_MS)],
      count,
    );
    await end(child, 'SIGKILL');
    const { made, safe } = told();
    for (const [number, atMs] of made) {
      next = number + 1;
      const isSafe = safe.find(({ last }) => last >= number);
      if (isSafe === undefined) continue;
      must.add(number);
      agesMs.push(isSafe.atMs - atMs);
    }
  }
  const ageMs = agesMs.sort((a, b) => a - b)[agesMs.length >> 1]!;
  t.diagnostic(`${must.size} numbers were safe, ${Math.round(ageMs)} ms after they were made in the middle`);
  assert.ok(ageMs < COMMIT_MS + LATE_MS, `${ageMs} ms`);
  receiver.behaviour = { kind: 'ok' };
  const { child } = await runAgent(t, [directory, receiver.url, String(next), String(COMMIT_MS)], 10);
  const missing = () => {
    const got = new Set(receiver.samples.map(({ value }) => value));
    return [...must].filter((number) => !got.has(number));
  };
  assert.ok(must.size > 200, `${must.size} numbers followed`);
  await until('everything', () => missing().length === 0);
  await end(child, 'SIGTERM');
  const doubled = receiver.samples.length - new Set(receiver.samples.map(({ value }) => value)).size;
  // At most the blocks in flight at each kill: their answer was lost.
  assert.ok(doubled <= BEHAVIOURS.length * 2 * 10, `${doubled} samples came twice`);
});

test('sender: an agent that is told to stop loses nothing at all', async (t) => {
  const receiver = await FakeReceiver.start();
  t.after(() => receiver.close());
  const directory = temporaryDirectory(t);
  let next = 1;
  for (const behaviour of BEHAVIOURS) {
    receiver.behaviour = behaviour;
    const { child, told } = await runAgent(t, [directory, receiver.url, String(next), '60000'], 50);
    await end(child, 'SIGTERM');
    next = lastOf(told()) + 1;
  }
  receiver.behaviour = { kind: 'ok' };
  const { child, told } = await runAgent(t, [directory, receiver.url, String(next), '60000'], 10);
  await end(child, 'SIGTERM');
  next = lastOf(told()) + 1;
  const got = receiver.samples.map(({ value }) => value).sort((a, b) => a - b);
  assert.deepEqual(
    got,
    Array.from({ length: next - 1 }, (_, i) => i + 1),
  );
});
