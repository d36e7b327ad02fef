import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { lockDirectory, lockWhenWritable } from '../../src/buffer/index.js';
import { ManualClock } from '../manual-clock.js';
import { until } from '../until.js';
import { temporaryDirectory } from './set-up.js';

const HOLDER = `import { lockDirectory, lockWhenWritable } from ${JSON.stringify(fileURLToPath(new URL('../../src/buffer/index.js', import.meta.url)))};
// Kept: a lock that is collected is let go.
globalThis.lock = lockDirectory(process.argv[1]);
process.stdout.write('locked');
setInterval(() => {}, 1000);`;

test('lock: one agent per directory; the second one learns who holds it', (t) => {
  const directory = join(temporaryDirectory(t), 'data');
  const lock = lockDirectory(directory);
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  assert.throws(() => lockDirectory(directory), {
    code: 'SEN_LOCKED',
    message: `data directory "${directory}" is in use by another agent, process ${process.pid}`,
  });
  lock.release();
  lockDirectory(directory).release();
});

test('lock: kill -9 of its holder lets it go', async (t) => {
  const directory = temporaryDirectory(t);
  const child = spawn(process.execPath, ['--input-type=module', '-e', HOLDER, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (text: Buffer) => {
    output += text;
  });
  await until('the lock', () => output === 'locked');
  assert.throws(() => lockDirectory(directory), {
    code: 'SEN_LOCKED',
    message: new RegExp(`process ${child.pid}$`),
  });
  child.kill('SIGKILL');
  await once(child, 'exit');
  lockDirectory(directory).release();
});

test('lock: a directory that cannot be made', (t) => {
  const directory = join(temporaryDirectory(t), 'x');
  assert.throws(() => lockDirectory(`${directory}\0`), { code: 'SEN_BUFFER' });
});

test('lock: a directory that cannot be written yet is taken when it can be', async (t) => {
  const directory = join(temporaryDirectory(t), 'data');
  writeFileSync(directory, 'a file where the directory should be');
  const clock = new ManualClock();
  const logged: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => logged.push(JSON.parse(line).msg) });
  const lock = lockWhenWritable(directory, { clock, log });
  await clock.advance(15_000);
  assert.equal(logged.length, 1);
  assert.match(logged[0]!, /^cannot lock data directory .*; until it can be written nothing is kept/);
  rmSync(directory);
  const other = lockDirectory(directory);
  await clock.advance(10_000);
  assert.match(logged[1]!, /is in use by another agent, process \d+; this one goes on without a lock/);
  other.release();
  await clock.advance(10_000);
  assert.equal(logged[2], 'The data directory can be written now, and is locked');
  assert.throws(() => lockDirectory(directory), { code: 'SEN_LOCKED' });
  lock.release();
  lockDirectory(directory).release();
  assert.equal(clock.waiting, 0);
});
