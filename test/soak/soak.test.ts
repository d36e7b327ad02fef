import assert from 'node:assert/strict';
import test from 'node:test';
import { soak } from './soak.js';

test('two minutes at a fast pace under faults, reloads and kills: nothing is missing, nothing grows', async (t) => {
  const { produced, missing, exitCode, growth } = await soak(
    Number(process.env.SOAK_SECONDS ?? 120),
    (line) => t.diagnostic(line),
  );
  assert.equal(exitCode, 0);
  assert.ok(produced > 1000, `${produced} results`);
  assert.deepEqual(missing, []);
  assert.deepEqual(growth, []);
});
