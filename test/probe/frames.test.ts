import assert from 'node:assert/strict';
import test from 'node:test';
import { encodeFrame, FrameReader, type ToAgent } from '../../src/probe/frames.js';

const aborted = (id: string): ToAgent => ({ kind: 'aborted', id });

test('frames come back whole, however the stream cuts them', () => {
  const messages = [aborted('a'), aborted('b'.repeat(100_000)), aborted(''), aborted('ü€𝄞')];
  const bytes = Buffer.concat(messages.map(encodeFrame));
  for (const size of [1, 3, 4, 5, 1000, bytes.length]) {
    const reader = new FrameReader<ToAgent>();
    const got: ToAgent[] = [];
    for (let at = 0; at < bytes.length; at += size) got.push(...reader.push(bytes.subarray(at, at + size)));
    assert.deepEqual(got, messages, `cut every ${size} bytes`);
  }
});

test('numbers that JSON cannot say survive', () => {
  const values = Float64Array.of(Number.NaN, Infinity, -Infinity, -0);
  const samples = {
    shape: { names: ['a', 'b', 'c', 'd'], labels: [undefined, ['x', 'y'], undefined, undefined] },
    values,
    timestamps: undefined,
  };
  const result = {
    plannedMs: 1,
    startedMs: 1.5,
    finishedMs: 2.5,
    ok: false,
    reason: 'timeout' as const,
    evidence: undefined,
    samples,
  };
  const [back] = new FrameReader<ToAgent>().push(encodeFrame({ kind: 'result', id: 't', result }));
  assert.deepEqual(back, { kind: 'result', id: 't', result });
});

test('a length that cannot be is a broken stream', () => {
  const reader = new FrameReader<ToAgent>();
  assert.throws(() => [...reader.push(Buffer.from([255, 255, 255, 255, 0]))], /frame of 4294967295 bytes/);
});
