import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import test from 'node:test';
import { FrameWriter } from '../../src/probe/frame-writer.js';
import { encodeFrame, FrameReader, type ToAgent } from '../../src/probe/frames.js';
import { until } from '../until.js';

const aborted = (id: string): ToAgent => ({ kind: 'aborted', id });

/** A writer, and the ids of each write to its stream. */
function writerOf() {
  const writes: string[][] = [];
  const reader = new FrameReader<ToAgent>();
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      writes.push([...reader.push(chunk)].map((message) => ('id' in message ? message.id : message.kind)));
      done();
    },
  });
  return { stream, writes, writer: new FrameWriter(stream) };
}

test('what may wait goes with the next frame that may not, in its order and in one write', () => {
  const { writer, writes } = writerOf();
  writer.send(aborted('a'));
  writer.sendSoon(encodeFrame(aborted('b')));
  writer.sendSoon(encodeFrame(aborted('c')));
  assert.deepEqual(writes, [['a']]);
  writer.send(aborted('d'), aborted('e'));
  assert.deepEqual(writes, [['a'], ['b', 'c', 'd', 'e']]);
});

test('what may wait does not wait for ever', async () => {
  const { writer, writes } = writerOf();
  for (const id of ['a', 'b']) writer.sendSoon(encodeFrame(aborted(id)));
  await until('both', () => writes.length > 0);
  writer.sendSoon(encodeFrame(aborted('c')));
  await until('the third', () => writes.length > 1);
  assert.deepEqual(writes, [['a', 'b'], ['c']]);
});

test('many bytes do not wait', () => {
  const { writer, writes } = writerOf();
  const long = aborted('x'.repeat(100_000));
  writer.sendSoon(encodeFrame(aborted('a')));
  writer.sendSoon(encodeFrame(long));
  assert.deepEqual(
    writes.flat().map((id) => id.length),
    [1, 100_000],
  );
});

test('nothing is written to a stream that was ended', () => {
  const { writer, writes, stream } = writerOf();
  stream.end();
  writer.send(aborted('a'));
  assert.deepEqual(writes, []);
});
