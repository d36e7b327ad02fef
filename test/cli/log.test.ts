import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { createAgentLog, LineWriter } from '../../src/cli/log.js';

test('lines on a full disk are lost, counted, and told of when there is room again', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-log-'));
  const file = join(folder, 'a.log');
  const full = openSync('/dev/full', 'w');
  const writer = new LineWriter(() => full);
  writer.write('one\n');
  writer.write('two\n');
  // The lowest free descriptor is taken: the same number now is a file with room.
  closeSync(full);
  const fd = openSync(file, 'a');
  try {
    assert.equal(fd, full);
    writer.write('three\n');
    const [first, second, ...rest] = readFileSync(file, 'utf8').split('\n');
    assert.match((JSON.parse(first!) as { msg: string }).msg, /^2 log lines were lost: ENOSPC/);
    assert.deepEqual([second, ...rest], ['three', '']);
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
});

test('levels below the configured one are not written; children carry their fields', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-log-'));
  const file = join(folder, 'deep/er/a.log');
  try {
    const { logger: log } = await createAgentLog({
      level: 'warn',
      format: 'json',
      stdout: false,
      file,
      maxSizeBytes: 0,
      maxFiles: 1,
    });
    log.info('not this');
    log.child({ component: 'sender' }).warn({ count: 2 }, 'but this');
    const { time, ...line } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    assert.deepEqual(line, { level: 'warn', component: 'sender', count: 2, msg: 'but this' });
    assert.equal(typeof time, 'string');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
