import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { until } from '../../../test/until.js';
import { Pacer } from '../pacer.js';
import { TimerQueue } from '../timer-queue.js';

test('timers fire in the order of their time, none early, none twice', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(15), { minLength: 1, maxLength: 60 }), async (delays) => {
      const timers = new TimerQueue();
      const startedMs = performance.now();
      const fired: number[] = [];
      await new Promise<void>((resolve) => {
        for (const delay of delays)
          timers.at(startedMs + delay, () => {
            assert.ok(performance.now() >= startedMs + delay);
            if (fired.push(delay) === delays.length) resolve();
          });
      });
      assert.deepEqual(
        fired,
        delays.toSorted((a, b) => a - b),
      );
    }),
    { numRuns: 15 },
  );
});

test('a timer may set another one, and closing forgets all', async () => {
  const timers = new TimerQueue();
  const order: string[] = [];
  timers.at(performance.now() + 5, () => order.push('later'));
  timers.at(performance.now(), () => {
    order.push('first');
    timers.at(performance.now(), () => order.push('chained'));
  });
  await until('all of them', () => order.length === 3);
  // A process that is held up for longer than 5 ms has 'later' due before it sets the other.
  assert.equal(order[0], 'first');
  assert.deepEqual(order.toSorted(), ['chained', 'first', 'later']);
  timers.at(performance.now(), () => order.push('never'));
  timers.close();
  await new Promise<void>((resolve) => timers.at(performance.now() + 5, resolve));
  assert.equal(order.length, 3);
});

test('the pacer keeps the order and the rate; what is not sent costs nothing', async () => {
  const timers = new TimerQueue();
  const pacer = new Pacer(1000, timers);
  const sentMs: number[] = [];
  const order: number[] = [];
  const COUNT = 200;
  await new Promise<void>((resolve) => {
    for (let i = 0; i < COUNT; i++) {
      pacer.push(() => false);
      pacer.push(() => {
        order.push(i);
        if (sentMs.push(performance.now()) === COUNT) resolve();
        return true;
      });
    }
  });
  assert.deepEqual(
    order,
    Array.from({ length: COUNT }, (_, i) => i),
  );
  // Never more than the rate and the few that make up for a late timer, in any window.
  for (let i = 50; i < COUNT; i++)
    assert.ok(sentMs[i]! - sentMs[i - 50]! >= 50 - 5, `packets ${i - 50}..${i}`);
});

test('a timer that was taken back does not run, and those behind it do', async () => {
  const timers = new TimerQueue();
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    const nowMs = performance.now();
    const alarms = [1, 3, 5, 7].map((ms) => timers.at(nowMs + ms, () => order.push(`dropped ${ms}`)));
    timers.at(nowMs + 4, () => order.push('kept'));
    timers.at(nowMs + 9, resolve);
    for (const alarm of alarms) timers.drop(alarm);
  });
  assert.deepEqual(order, ['kept']);
});
