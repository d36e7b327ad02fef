import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '../buffer/set-up.js';
import { type Behaviour, FakeReceiver } from '../receiver.js';
import { until } from '../until.js';

const COMMIT_MS = 200;
/** What the loop of a busy machine may be late by. */
const LATE_MS = 300;
const PROGRAM = fileURLToPath(new URL('./agent-process.js', import.meta.url));

/** Runs the agent until it has produced `count` numbers; gives them with their times, and the process. */
async function runAgent(t: TestContext, args: readonly string[], count: number) {
  const child: ChildProcess = spawn(process.execPath, [PROGRAM, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  let text = '';
  child.stdout!.on('data', (chunk: Buffer) => {
    text += chunk;
  });
  const produced = () =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split(' ').map(Number) as [number, number]);
  await until('numbers', () => produced().length >= count);
  return { child, produced };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

const BEHAVIOURS: Behaviour[] = [
  { kind: 'status', status: 503 },
  { kind: 'ok' },
  { kind: 'hang' },
  { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
  { kind: 'reset' },
  { kind: 'ok' },
];

test('sender: an agent killed at random times loses nothing older than the commit interval', async (t) => {
  const receiver = await FakeReceiver.start();
  t.after(() => receiver.close());
  const directory = temporaryDirectory(t);
  const must = new Set<number>();
  let next = 1;
  for (const behaviour of BEHAVIOURS) {
    receiver.behaviour = behaviour;
    const count = 100 + ((next * 7919) % 97);
    const { child, produced } = await runAgent(
      t,
      [directory, receiver.url, String(next), String(COMMIT_MS)],
      count,
    );
    const deathMs = Date.now();
    await end(child, 'SIGKILL');
    for (const [number, atMs] of produced()) {
      if (atMs < deathMs - COMMIT_MS - LATE_MS) must.add(number);
      next = number + 1;
    }
  }
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
    const { child, produced } = await runAgent(t, [directory, receiver.url, String(next), '60000'], 50);
    await end(child, 'SIGTERM');
    next = produced().at(-1)![0] + 1;
  }
  receiver.behaviour = { kind: 'ok' };
  const { child, produced } = await runAgent(t, [directory, receiver.url, String(next), '60000'], 10);
  await end(child, 'SIGTERM');
  next = produced().at(-1)![0] + 1;
  const got = receiver.samples.map(({ value }) => value).sort((a, b) => a - b);
  assert.deepEqual(
    got,
    Array.from({ length: next - 1 }, (_, i) => i + 1),
  );
});
