import assert from 'node:assert/strict';
import test from 'node:test';
import { Outbox, type WaitingResult } from '../../src/probe/outbox.js';

function frame(id: number, samples = 1): WaitingResult {
  const result = {
    plannedMs: 0,
    startedMs: 0,
    finishedMs: 0,
    ok: true,
    reason: undefined,
    evidence: undefined,
  };
  return { id: String(id), result, samples: new Array(samples).fill({ name: 'm', value: 1 }) };
}

function outboxOf(credits: number) {
  const sent: string[] = [];
  return { sent, outbox: new Outbox(credits, (message) => sent.push(message.id)) };
}

test('results go as far as the credit, the rest waits in order', () => {
  const { sent, outbox } = outboxOf(2);
  for (let i = 0; i < 5; i++) outbox.push(frame(i));
  assert.deepEqual(sent, ['0', '1']);
  outbox.credit(2);
  assert.deepEqual(sent, ['0', '1', '2', '3']);
  outbox.flush();
  assert.deepEqual(sent, ['0', '1', '2', '3', '4']);
});

test('too many waiting results: the oldest are dropped and counted', () => {
  const { sent, outbox } = outboxOf(0);
  for (let i = 0; i < 10_007; i++) outbox.push(frame(i));
  assert.equal(outbox.takeDropped(), 7);
  outbox.credit(1);
  assert.deepEqual(sent, ['7']);
});

test('waiting results are bounded by their samples too', () => {
  const { sent, outbox } = outboxOf(0);
  for (let i = 0; i < 4; i++) outbox.push(frame(i, 200_000));
  assert.equal(outbox.takeDropped(), 2);
  outbox.flush();
  assert.deepEqual(sent, ['2', '3']);
});
