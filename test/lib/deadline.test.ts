import assert from 'node:assert/strict';
import test from 'node:test';
import { startDeadline } from '../../src/lib/index.js';
import { ManualClock } from '../manual-clock.js';

/** Starts a deadline of a second; gives the clock, the function that ends it, and when it came. */
function second() {
  const clock = new ManualClock();
  const startMs = clock.monotonic();
  const cameMs: number[] = [];
  const end = startDeadline(clock, 1000, () => cameMs.push(clock.monotonic() - startMs));
  return { clock, end, cameMs };
}

test('a deadline comes when its time is over, once', async () => {
  const { clock, cameMs } = second();
  await clock.advance(5000);
  assert.deepEqual(cameMs, [1000]);
  assert.equal(clock.waiting, 0);
});

test('time in which our own process stood still is added, once and at most as much as there was', async () => {
  const f = async (heldMs: number, want: number) => {
    const { clock, cameMs } = second();
    clock.jump(1000 + heldMs);
    await clock.advance(5000);
    assert.deepEqual(cameMs, [want], `held for ${heldMs} ms`);
  };
  // As late as any timer may be.
  await f(10, 1010);
  await f(300, 1600);
  await f(1000, 3000);
  await f(4000, 6000);
});

test('one that was ended does not come, nor while time is given back', async () => {
  const { clock, end, cameMs } = second();
  end();
  assert.equal(clock.waiting, 0);
  const held = second();
  held.clock.jump(1500);
  await held.clock.advance(100);
  held.end();
  await held.clock.advance(5000);
  assert.deepEqual([cameMs, held.cameMs, held.clock.waiting], [[], [], 0]);
});
