import assert from 'node:assert/strict';
import test from 'node:test';
import { type TaskState, type TaskStatus, taskState } from '../../src/probe/index.js';
import { taskOf } from './watched-probes.js';

test('the state of a task', () => {
  const f = (given: Partial<TaskStatus>, afterMs: number, want: TaskState) => {
    const task = taskOf('a', 'steady', {}, 20_000);
    const counts = { runs: 0, failures: 0, skipped: 0, missed: 0, aborted: 0 };
    const status = { task, lane: task.lane, sinceMs: 0, last: undefined, problem: undefined, ...counts, ...given };
    assert.equal(taskState(status, afterMs), want);
  };
  const last = (ok: boolean): TaskStatus['last'] => ({
    plannedMs: 100_000,
    startedMs: 100_000,
    durationSeconds: 1,
    ok,
    reason: ok ? undefined : 'timeout',
    evidence: undefined,
    samples: 0,
    values: {},
  });
  // three intervals and the timeout
  f({}, 80_000, 'waiting');
  f({}, 80_001, 'late');
  // a short interval does not make the begin of its host a late one
  f({ task: taskOf('a', 'steady', {}, 100) }, 60_000, 'waiting');
  f({ task: taskOf('a', 'steady', {}, 100) }, 60_001, 'late');
  f({ last: last(true) }, 180_000, 'ok');
  f({ last: last(false) }, 180_000, 'failed');
  f({ last: last(true) }, 180_001, 'late');
  f({ last: last(true), problem: 'set aside' }, 180_001, 'blocked');
});
