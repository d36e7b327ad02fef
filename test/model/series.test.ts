import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  Batch,
  compareBytes,
  FLAG_STALE,
  labelsOf,
  labelsToMap,
  labelValue,
  SeriesTable,
  StaleTracker,
} from '../../src/model/index.js';

test('texts compare by their UTF-8 bytes', () => {
  const unit = fc.string({ unit: 'binary', maxLength: 6 });
  fc.assert(
    fc.property(
      unit,
      unit,
      (a, b) => Math.sign(compareBytes(a, b)) === Buffer.compare(Buffer.from(a), Buffer.from(b)),
    ),
    {
      examples: [
        ['\u{1F600}', '\uFF5E'],
        ['a', ''],
        ['', ''],
      ],
    },
  );
});

test('labels are sorted, and an empty value is an absent label', () => {
  const labels = labelsOf({ b: '2', __name__: 'up', a: '1', c: '' });
  assert.deepEqual(labels, ['__name__', 'up', 'a', '1', 'b', '2']);
  assert.equal(labelValue(labels, 'b'), '2');
  assert.equal(labelValue(labels, 'c'), '');
  assert.deepEqual(labelsToMap(labels), { __name__: 'up', a: '1', b: '2' });
});

test('a ref is used again, and columns forget what went', () => {
  const table = new SeriesTable();
  const column = table.column<string>(Symbol('stage'));
  const a = table.add('a', ['__name__', 'a']);
  column[a] = 'decision about a';
  table.remove(a);
  assert.equal(table.find('a'), undefined);
  const b = table.add('b', ['__name__', 'b']);
  assert.equal(b, a);
  assert.equal(column[b], undefined);
  assert.equal(table.size, 1);
  assert.throws(() => table.add('b', []), /BUG/);
  table.remove(b);
  assert.throws(() => table.remove(b), /BUG/);
});

test('a batch grows and keeps its samples', () => {
  const table = new SeriesTable();
  const ref = table.add('a', ['__name__', 'a']);
  const batch = new Batch({ kind: 'self', id: 'x' }, table, { plannedMs: 0, startedMs: 0, finishedMs: 0 }, 0);
  for (let i = 0; i < 100; i++) batch.add(ref, i, 1000 + i);
  batch.addStale(ref, 5000);
  assert.equal(batch.length, 101);
  assert.deepEqual(
    [batch.values[99], batch.timestamps[99], batch.flags[99], batch.flags[100]],
    [99, 1099, 0, FLAG_STALE],
  );
});

test('a series that ended leaves the table one run later', () => {
  const table = new SeriesTable();
  const tracker = new StaleTracker(table);
  const batchOf = () =>
    new Batch({ kind: 'self', id: 'x' }, table, { plannedMs: 0, startedMs: 0, finishedMs: 0 });
  tracker.begin();
  const a = table.add('a', ['__name__', 'a']);
  tracker.see(a);
  tracker.end(batchOf(), 1000);
  tracker.begin();
  const marked = batchOf();
  tracker.end(marked, 2000);
  assert.deepEqual([marked.length, marked.refs[0], marked.timestamps[0]], [1, a, 2000]);
  assert.equal(table.size, 1, 'its labels are still needed while the batch travels');
  tracker.begin();
  assert.equal(table.size, 0);
});
