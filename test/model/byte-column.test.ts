import assert from 'node:assert/strict';
import test from 'node:test';
import { ByteColumn } from '../../src/model/index.js';

const bytesOf = (text: string) => Buffer.from(text, 'latin1');

function copyOf(column: ByteColumn, ref: number): string {
  const target = new Uint8Array(200).fill(0x2e);
  const end = column.copy(ref, new DataView(target.buffer), 3);
  assert.equal(end, 3 + column.length(ref));
  assert.equal(target[end], 0x2e);
  return Buffer.from(target.subarray(3, end)).toString('latin1');
}

test('bytes come back as they were', () => {
  const column = new ByteColumn();
  assert.equal(column.length(0), -1);
  const texts = ['', 'a', 'abcd', 'abcde', '\xff\x00\x7f\x80', 'x'.repeat(120)];
  texts.forEach((text, ref) => {
    column.set(ref * 3, bytesOf(text));
  });
  texts.forEach((text, ref) => {
    assert.equal(copyOf(column, ref * 3), text);
    assert.deepEqual(Buffer.from(column.get(ref * 3)), bytesOf(text));
  });
  assert.equal(column.length(1), -1);
  assert.equal(column.length(1000), -1);
});

test('a series that goes makes room', () => {
  const column = new ByteColumn();
  for (let round = 0; round < 50; round++) {
    for (let ref = 0; ref < 40; ref++) {
      column.clear(ref);
      column.set(ref, bytesOf(`${round} ${ref} ${'.'.repeat(ref)}`));
    }
  }
  for (let ref = 0; ref < 40; ref++) assert.equal(copyOf(column, ref), `49 ${ref} ${'.'.repeat(ref)}`);
  column.clear(7);
  column.clear(7);
  assert.equal(column.length(7), -1);
});

test('after a reset nothing is known, and all can be set again', () => {
  const column = new ByteColumn();
  for (let round = 0; round < 3; round++) {
    for (let ref = 0; ref < 5; ref++) column.set(ref, bytesOf(`${round} ${ref}`));
    column.clear(1);
    assert.equal(copyOf(column, 4), `${round} 4`);
    column.reset();
    for (let ref = 0; ref < 5; ref++) assert.equal(column.length(ref), -1);
  }
});

test('what is not known cannot be got, and what is known is not set again', () => {
  const column = new ByteColumn();
  assert.throws(() => column.get(0), /nothing is known of series 0/);
  column.set(0, bytesOf('a'));
  assert.throws(() => column.set(0, bytesOf('b')), /series 0 is known already/);
});
