import assert from 'node:assert/strict';
import test from 'node:test';
import { Batch, SeriesTable } from '../../src/model/index.js';

test('the parts of a batch are the batch, with what is beside its samples', () => {
  const batch = new Batch({ kind: 'scrape', id: 't' }, new SeriesTable(), {
    plannedMs: 0,
    startedMs: 0,
    finishedMs: 0,
  });
  for (let ref = 0; ref < 5; ref++) batch.add(ref, ref * 10, 1000 + ref);
  batch.addStale(5, 1005);
  const exemplar = { labels: [], value: 1, timestampMs: 1 };
  batch.exemplars = new Map([[3, [exemplar]]]);
  const parts = [...batch.parts(2)];
  assert.deepEqual(
    parts.map(({ refs, values, timestamps, flags, length }) => [
      length,
      [...refs],
      [...values],
      [...timestamps],
      [...flags],
    ]),
    [
      [2, [0, 1], [0, 10], [1000, 1001], [0, 0]],
      [2, [2, 3], [20, 30], [1002, 1003], [0, 0]],
      [2, [4, 5], [40, 0], [1004, 1005], [0, 1]],
    ],
  );
  assert.deepEqual(
    parts.map(({ exemplars }) => exemplars && [...exemplars]),
    [undefined, [[1, [exemplar]]], undefined],
  );
  assert.deepEqual([...new Batch(batch.source, batch.table, batch.times).parts(2)], []);
});
