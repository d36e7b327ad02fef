import assert from 'node:assert/strict';
import test from 'node:test';
import { ProcessStart } from '../../src/lib/index.js';
import { ManualClock } from '../manual-clock.js';

test('the start of a process is told by the clock as it is, and changes only when that was wrong', () => {
  const clock = new ManualClock(0);
  const start = new ProcessStart(clock, { id: 'a boot', uptimeMs: () => clock.monotonic() }, 300);
  assert.equal(start.ms, -300);
  clock.jump(10_000);
  assert.equal(start.ms, -300);
  // NTP corrects a little
  clock.step(500);
  assert.equal(start.ms, -300);
  // the time was found
  clock.step(Date.UTC(2026, 0, 1) - clock.now());
  assert.equal(start.ms, Date.UTC(2026, 0, 1) - 10_300);
});
