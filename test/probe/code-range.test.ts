import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { codeRangeBytes } from '../../src/probe/code-range.js';

test('code range: with it on top, a limit of data lets Node start, and still bounds what it takes', () => {
  const limitKib = 160 * 1024 + Math.round(codeRangeBytes() / 1024);
  const f = (program: string) =>
    spawnSync(
      '/bin/sh',
      [
        '-c',
        'ulimit -S -s 8192; ulimit -d "$1"; exec "$2" -e "$3"',
        'sh',
        String(limitKib),
        process.execPath,
        program,
      ],
      { encoding: 'utf8' },
    );
  const small = f('process.stdout.write("up")');
  assert.equal(small.stdout, 'up', small.stderr);
  const large = f('Buffer.alloc(160 * 2 ** 20, 1); process.stdout.write("up")');
  assert.equal(large.stdout, '', large.stderr);
  assert.notEqual(large.status, 0);
});
