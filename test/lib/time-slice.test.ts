import assert from 'node:assert/strict';
import test from 'node:test';
import { TimeSlice } from '../../src/lib/index.js';

test('works whose slice is over go on one in each turn of the loop, in the order of asking', async () => {
  const order: number[] = [];
  let [inTurn, most] = [0, 0];
  const next = () => {
    inTurn = 0;
    timer = setImmediate(next);
  };
  let timer = setImmediate(next);
  const work = async (name: number) => {
    const slice = new TimeSlice();
    for (let i = 0; i < 5; i++) {
      await slice.next();
      most = Math.max(most, ++inTurn);
      order.push(name);
    }
  };
  await Promise.all([1, 2, 3, 4].map(work));
  clearImmediate(timer);
  assert.equal(most, 1);
  assert.deepEqual(order, Array.from({ length: 5 }, () => [1, 2, 3, 4]).flat());
});

test('a slice is up once its time is over, and begins anew after it', async () => {
  const slice = new TimeSlice(5);
  while (!slice.isUp);
  await slice.next();
  assert.equal(new TimeSlice(60_000).isUp, false);
  assert.equal(new TimeSlice(0).isUp, true);
});
