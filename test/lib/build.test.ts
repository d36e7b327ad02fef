import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { YOUNG_SPACE_FLAG } from '../../src/lib/index.js';

test('young objects of a probe host have the same bound with every Node', () => {
  const flags = ['--max-old-space-size=192', YOUNG_SPACE_FLAG];
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [...flags, '-p', 'v8.getHeapStatistics().heap_size_limit / 2 ** 20'],
    { encoding: 'utf8' },
  );
  // V8 counts three times the half of it
  assert.equal(Number(stdout), 192 + 3 * 16, stderr);
});
