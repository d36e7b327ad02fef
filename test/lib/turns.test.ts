import assert from 'node:assert/strict';
import test from 'node:test';
import { Turns } from '../../src/lib/turns.js';

test('one work at a time, in order, also after one that failed', async () => {
  const turns = new Turns();
  const seen: string[] = [];
  const work = (name: string) => async () => {
    seen.push(`${name} begins`);
    await new Promise((resolve) => setImmediate(resolve));
    seen.push(`${name} ends`);
    if (name === 'b') throw new Error('b failed');
  };
  const [a, b, c] = ['a', 'b', 'c'].map((name) => turns.take(work(name)));
  await a;
  await assert.rejects(b!, /b failed/);
  await c;
  assert.deepEqual(
    seen,
    ['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]),
  );
});
