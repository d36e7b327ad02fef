import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { lockDirectory } from '../../src/buffer/index.js';
import { until } from '../until.js';
import { temporaryDirectory } from './set-up.js';

const HOLDER = `import { lockDirectory } from ${JSON.stringify(fileURLToPath(new URL('../../src/buffer/index.js', import.meta.url)))};
lockDirectory(process.argv[1]);
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
