import assert from 'node:assert/strict';
import test from 'node:test';
import { createBlockStage, shiftBlock } from '../../src/block/index.js';
import { silentLog } from '../../src/cli/command-log.js';
import { Metrics } from '../../src/lib/index.js';
import { Batch, type Block, SeriesTable } from '../../src/model/index.js';
import { ManualClock } from '../manual-clock.js';
import { decodeBeside, decodeWriteRequest } from '../receiver.js';
import { PLAIN } from './set-up.js';

/** A block with a value, a stale marker, a NaN, a histogram, exemplars, and times of all lengths. */
function someBlock(): Block {
  const blocks: Block[] = [];
  const stage = createBlockStage({
    clock: new ManualClock(),
    metrics: new Metrics(),
    log: silentLog,
    routes: [
      {
        name: 'r',
        batchSize: 1000,
        flushIntervalMs: 1000,
        ...PLAIN,
        sendExemplars: true,
        sendNativeHistograms: true,
        destinations: ['a'],
      },
    ],
    commitIntervalMs: 1000,
    externalLabels: { site: 'ä' },
    writeRelabel: [],
    next: (block) => {
      blocks.push(block);
      return 'taken';
    },
  });
  const table = new SeriesTable();
  const refs = [0, 1, 2, 3, 4].map((n) => table.add(`s${n}`, ['__name__', `s${n}`, 'job', 'x']));
  const batch = new Batch({ kind: 'task', id: 't' }, table, { plannedMs: 0, startedMs: 0, finishedMs: 0 });
  batch.add(refs[0]!, 1.5, 1_700_000_000_000);
  batch.addStale(refs[1]!, 5000);
  batch.add(refs[2]!, Number.NaN, -7);
  batch.add(refs[3]!, 0, 0);
  const side = { spans: [{ offset: -3, length: 1 }], buckets: [2] };
  const histogram = { isFloat: false, schema: 3, count: 2, sum: 1, zeroThreshold: 0, zeroCount: 0 } as const;
  batch.addHistogram(
    refs[4]!,
    { ...histogram, negative: side, positive: side, customValues: [], resetHint: 1 },
    1_700_000_000_000,
  );
  const exemplar = { labels: ['trace_id', 'x'], value: 0.5 };
  batch.exemplars = new Map([
    [0, [5000, 0].map((timestampMs) => ({ ...exemplar, timestampMs }))],
    [4, [{ ...exemplar, timestampMs: 1_700_000_000_000 }]],
  ]);
  stage.push(batch);
  stage.flush();
  return blocks[0]!;
}

test('a shifted block has the same samples at other times', () => {
  const block = someBlock();
  for (const stepMs of [1_700_000_000_000, 1, -90_000.4, -1_800_000_000_000]) {
    const shifted = shiftBlock(block, stepMs);
    const step = Math.round(stepMs);
    assert.deepEqual(
      decodeWriteRequest(shifted.bytes),
      decodeWriteRequest(block.bytes).map((sample) => ({
        ...sample,
        timestampMs: sample.timestampMs + step,
      })),
    );
    assert.deepEqual([shifted.minMs, shifted.maxMs], [block.minMs + step, block.maxMs + step]);
    assert.equal(shifted.samples, 5);
    const moved = <T extends { timestampMs: number }>(one: T) => ({
      ...one,
      timestampMs: one.timestampMs + step,
    });
    const [before, after] = [decodeBeside(block.bytes), decodeBeside(shifted.bytes)];
    assert.deepEqual([before.exemplars.length, before.histograms.length], [3, 1]);
    assert.deepEqual(after.exemplars, before.exemplars.map(moved));
    assert.deepEqual(after.histograms, before.histograms.map(moved));
  }
});
