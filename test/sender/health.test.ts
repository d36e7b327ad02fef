import assert from 'node:assert/strict';
import test from 'node:test';
import { pino } from 'pino';
import { Health } from '../../src/sender/health.js';
import { ManualClock } from '../manual-clock.js';
import { destinationOf } from './set-up.js';

const SECOND = 1000;
const RETRY = { kind: 'retry', reason: 'server', words: '500', retryAfterMs: undefined } as const;
const WRONG = { kind: 'wrong', reason: 'endpoint', words: '404', advice: 'look' } as const;

function setUp() {
  const clock = new ManualClock();
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line).msg) });
  const destination = destinationOf('http://r/', { minBackoffMs: SECOND, maxBackoffMs: 8 * SECOND });
  const health = new Health({ destination, clock, log, pendingSamples: () => 5 });
  return { clock, lines, health };
}

async function fail(set: ReturnType<typeof setUp>, failure: typeof RETRY | typeof WRONG, seconds: number) {
  set.health.failed(failure);
  const ms = set.health.waitMs;
  assert.ok(ms > 0.8 * seconds * SECOND - 1 && ms <= seconds * SECOND, `${ms} ms, wanted up to ${seconds} s`);
  await set.clock.advance(ms);
  assert.equal(set.health.waitMs, 0);
}

test('health: waiting times double up to max_backoff, and begin anew after a success', async () => {
  const set = setUp();
  assert.equal(set.health.waitMs, 0);
  for (const seconds of [1, 2, 4, 8, 8]) await fail(set, RETRY, seconds);
  set.health.succeeded(set.clock.monotonic());
  assert.equal(set.health.waitMs, 0);
  for (const seconds of [1, 2]) await fail(set, RETRY, seconds);
});

test('health: a wrong endpoint is asked ever more slowly, down to once a minute', async () => {
  const set = setUp();
  for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) await fail(set, WRONG, seconds);
});

test('health: requests that fail together make the waiting time grow once', async () => {
  const set = setUp();
  set.health.failed(RETRY);
  await fail(set, RETRY, 1);
  await fail(set, RETRY, 2);
});

test('health: Retry-After is the least to wait', () => {
  const f = (retryAfterMs: number, wantAtLeast: number, wantAtMost: number) => {
    const { health } = setUp();
    health.failed({ ...RETRY, retryAfterMs });
    assert.ok(health.waitMs >= wantAtLeast && health.waitMs <= wantAtMost, `${health.waitMs}`);
  };
  f(20 * SECOND, 20 * SECOND, 20 * SECOND);
  f(1, 0.8 * SECOND, SECOND);
});

test('health: hurry lets the next request go at once', () => {
  const { health } = setUp();
  health.failed(RETRY);
  health.hurry();
  assert.equal(health.waitMs, 0);
  assert.equal(health.isGood, false);
});

test('health: each kind of failure is logged at once, then once a minute with the number held back', async () => {
  const { health, clock, lines } = setUp();
  for (let i = 0; i < 59; i++) {
    health.failed(RETRY);
    await clock.advance(SECOND);
  }
  assert.deepEqual(lines, ['Cannot send to "main": 500; samples are kept and sent again']);
  health.failed(WRONG);
  assert.equal(lines[1], '"main" does not take samples: 404; look (url: http://r/). They are kept');
  await clock.advance(SECOND);
  health.failed(RETRY);
  assert.equal(lines.length, 3);
  health.succeeded(clock.monotonic());
  assert.deepEqual(lines.slice(3), ['"main" answers again after 1m; samples waiting: 5']);
  health.succeeded(clock.monotonic());
  assert.equal(lines.length, 4);
  health.failed(RETRY);
  assert.equal(lines.length, 5);
});

test('health: a refusal is an answer', () => {
  const { health, clock, lines } = setUp();
  health.failed(RETRY);
  health.refused('400 no', 3, clock.monotonic());
  assert.equal(health.isGood, true);
  assert.equal(health.lastError, '400 no');
  assert.deepEqual(lines.slice(1), [
    '"main" refused a block, which is dropped: 400 no',
    '"main" answers again after 0s; samples waiting: 5',
  ]);
});

test('health: a success that was asked for before a failure does not end it', async () => {
  const { health, clock } = setUp();
  const askedMs = clock.monotonic();
  await clock.advance(10);
  health.failed({ ...RETRY, retryAfterMs: 60 * SECOND });
  health.succeeded(askedMs);
  assert.deepEqual([health.isGood, health.waitMs, health.lastError], [false, 60 * SECOND, '500']);
  assert.equal(health.lastSuccessMs, clock.now());
  health.succeeded(clock.monotonic());
  assert.deepEqual([health.isGood, health.waitMs, health.lastError], [true, 0, undefined]);
});
