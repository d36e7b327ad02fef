import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import test, { type TestContext } from 'node:test';
import { isRunning, statusOf } from '../running.js';
import { until } from '../until.js';

/** A process that has children of its own; it starts one that spins for each line `spin`, kills them all at `kill`, and ends with its input. */
const PARENT = `
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { endWithUs } from ${JSON.stringify(new URL('../../src/lib/index.js', import.meta.url).href)};
const children = [];
createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'kill') for (const child of children.splice(0)) child.kill('SIGKILL');
  if (line !== 'spin') return;
  const child = spawn('/bin/sh', ['-c', 'trap "" TERM; while :; do :; done'], { stdio: 'ignore' });
  child.unref();
  endWithUs(child);
  children.push(child);
  console.log(child.pid);
});`;

/** Whether SIGTERM does nothing to a process. */
const isDeaf = (pid: number) =>
  (Number.parseInt(/^SigIgn:\t(\S+)$/m.exec(statusOf(pid) ?? '')?.[1] ?? '0', 16) & 0x4000) !== 0;

function childrenOf({ pid }: ChildProcess): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
}

function parentOf(t: TestContext) {
  const parent = spawn(process.execPath, ['--input-type=module', '-e', PARENT], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const spinning: number[] = [];
  t.after(() => {
    parent.kill('SIGKILL');
    for (const pid of spinning) if (isRunning(pid)) process.kill(pid, 'SIGKILL');
  });
  const spin = async () => {
    parent.stdin.write('spin\n');
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    spinning.push(Number(line));
  };
  return { parent, spinning, spin };
}

test('children that spin end with their parent, however it ends, and whatever its group was told', async (t) => {
  const f = async (end: (parent: ChildProcess) => void) => {
    const { parent, spinning, spin } = parentOf(t);
    await spin();
    await spin();
    await until('the children and their guard', () => childrenOf(parent).filter(isDeaf).length === 3);
    for (const pid of childrenOf(parent)) process.kill(pid, 'SIGTERM');
    end(parent);
    await until('their end', () => !spinning.some(isRunning));
  };
  await f((parent) => parent.kill('SIGKILL'));
  await f((parent) => parent.kill('SIGTERM'));
  // Nothing but the children is left to do.
  await f((parent) => parent.stdin?.end());
});

test('the guard goes with the last child, and comes again with the next', async (t) => {
  const { parent, spin } = parentOf(t);
  for (let round = 0; round < 2; round++) {
    await spin();
    await until('the guard', () => childrenOf(parent).length === 2);
    parent.stdin.write('kill\n');
    await until('the end of both', () => childrenOf(parent).length === 0);
  }
});

test('a guard that somebody killed has a successor', async (t) => {
  const { parent, spinning, spin } = parentOf(t);
  await spin();
  const guardOf = () => childrenOf(parent).find((pid) => !spinning.includes(pid));
  const guard = await until('the guard', guardOf);
  process.kill(guard, 'SIGKILL');
  await until('another one', () => ![guard, undefined].includes(guardOf()));
  parent.kill('SIGKILL');
  await until('the end of its child', () => !spinning.some(isRunning));
});
