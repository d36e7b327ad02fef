import assert from 'node:assert/strict';
import test from 'node:test';
import { createBlockStage, routesOf } from '../../src/block/index.js';
import { silentLog } from '../../src/cli/command-log.js';
import { Metrics } from '../../src/lib/index.js';
import { Batch, type Block, labelsOf, SeriesTable, type Taken } from '../../src/model/index.js';
import { ManualClock } from '../manual-clock.js';
import { decodeWriteRequest } from '../receiver.js';
import { PLAIN } from './set-up.js';

const SECOND = 1000;

function setUp(
  route: { batchSize?: number; flushIntervalMs?: number; commitIntervalMs?: number; answer?: Taken } = {},
) {
  const clock = new ManualClock();
  const metrics = new Metrics();
  const blocks: Block[] = [];
  const table = new SeriesTable();
  const ref = table.add('m', labelsOf({ __name__: 'm' }));
  let number = 0;
  const stage = createBlockStage({
    routes: routesOf([
      {
        ...PLAIN,
        name: 'd',
        batchSize: route.batchSize ?? 10,
        flushIntervalMs: route.flushIntervalMs ?? 5 * SECOND,
      },
    ]),
    commitIntervalMs: route.commitIntervalMs ?? 10 * SECOND,
    externalLabels: {},
    writeRelabel: [],
    clock,
    metrics,
    log: silentLog,
    next: (block) => {
      blocks.push(block);
      return route.answer ?? 'taken';
    },
  });
  const push = (samples: number) => {
    const batch = new Batch({ kind: 'task', id: 't' }, table, { plannedMs: 0, startedMs: 0, finishedMs: 0 });
    for (let i = 0; i < samples; i++) batch.add(ref, number++, clock.now());
    return stage.push(batch);
  };
  const sizes = () => blocks.map((block) => block.samples).join(' ');
  return { clock, metrics, blocks, stage, push, sizes };
}

test('stage: after a pause the first batch goes at once, later ones are collected for the flush interval', async () => {
  const { clock, push, sizes } = setUp();
  push(1);
  assert.equal(sizes(), '1');
  await clock.advance(1 * SECOND);
  push(2);
  push(3);
  await clock.advance(3.9 * SECOND);
  assert.equal(sizes(), '1');
  await clock.advance(0.1 * SECOND);
  assert.equal(sizes(), '1 5');
  await clock.advance(5 * SECOND);
  push(1);
  assert.equal(sizes(), '1 5 1');
  assert.equal(clock.waiting, 0);
});

test('stage: a block never holds more samples than the batch size', async () => {
  const { push, sizes, blocks, stage } = setUp({ batchSize: 4 });
  push(10);
  assert.equal(sizes(), '4 4');
  stage.flush();
  assert.equal(sizes(), '4 4 2');
  const values = blocks.flatMap((block) => decodeWriteRequest(block.bytes).map((s) => s.value));
  assert.deepEqual(values, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test('stage: a block is sealed at 1 MiB', () => {
  const { stage, blocks } = setUp({ batchSize: 1e6 });
  const table = new SeriesTable();
  const batch = new Batch({ kind: 'task', id: 't' }, table, { plannedMs: 0, startedMs: 0, finishedMs: 0 });
  for (let i = 0; i < 30; i++)
    batch.add(table.add(`${i}`, labelsOf({ __name__: `i${i}`, x: 'x'.repeat(100_000) })), i, 1e12);
  stage.push(batch);
  stage.flush();
  assert.deepEqual(
    blocks.map((block) => block.samples),
    [11, 11, 8],
  );
});

test('stage: no sample waits for longer than the commit interval', async () => {
  const { clock, push, sizes } = setUp({ flushIntervalMs: 60 * SECOND, commitIntervalMs: 2 * SECOND });
  push(1);
  push(1);
  await clock.advance(1.9 * SECOND);
  assert.equal(sizes(), '1');
  await clock.advance(0.1 * SECOND);
  assert.equal(sizes(), '1 1');
});

test('stage: a commit interval of 0 lets nothing wait', () => {
  const { push, sizes } = setUp({ commitIntervalMs: 0 });
  push(1);
  push(2);
  assert.equal(sizes(), '1 2');
});

test('stage: a block tells its samples, times and birth', async () => {
  const { clock, push, blocks } = setUp();
  push(1);
  await clock.advance(1 * SECOND);
  const bornMs = clock.monotonic();
  const minMs = clock.now();
  push(1);
  await clock.advance(2 * SECOND);
  push(1);
  await clock.advance(2 * SECOND);
  const { samples, minMs: min, maxMs: max, bornMs: born, route } = blocks[1]!;
  assert.deepEqual(
    { samples, min, max, born, route },
    { samples: 2, min: minMs, max: minMs + 2 * SECOND, born: bornMs, route: '10/5s' },
  );
});

test('stage: in = out + dropped + pending', () => {
  const check = (answer: Taken, text: string[]) => {
    const { push, metrics, stage } = setUp({ answer });
    push(1);
    push(2);
    const rendered = () =>
      metrics
        .render()
        .split('\n')
        .filter((line) => line.startsWith('sentinel_block_samples'));
    assert.deepEqual(rendered(), text);
    stage.close();
    assert.equal(push(4), 'refused');
    assert.ok(rendered().includes('sentinel_block_samples_refused_total{reason="stopped"} 4'));
    assert.ok(rendered().includes('sentinel_block_samples_pending{route="10/5s"} 0'));
  };
  const route = '{route="10/5s"}';
  const dropped = 'sentinel_block_samples_dropped_total{route="10/5s",reason="refused"}';
  const lines = (drop: number, out: number) => [
    `${dropped} ${drop}`,
    `sentinel_block_samples_in_total${route} 3`,
    `sentinel_block_samples_out_total${route} ${out}`,
    `sentinel_block_samples_pending${route} 2`,
  ];
  check('taken', lines(0, 1));
  check('refused', lines(1, 0));
});

test('routes: destinations with equal settings share one', () => {
  const f = (settings: [string, number, number][], want: string[]) =>
    assert.deepEqual(
      routesOf(
        settings.map(([name, batchSize, flushIntervalMs]) => ({
          ...PLAIN,
          name,
          batchSize,
          flushIntervalMs,
        })),
      ).map((route) => `${route.name}: ${route.destinations.join(' ')}`),
      want,
    );
  f([], []);
  f(
    [
      ['a', 10, 5000],
      ['b', 10, 5000],
    ],
    ['10/5s: a b'],
  );
  f(
    [
      ['a', 10, 5000],
      ['b', 20, 5000],
      ['c', 10, 1000],
      ['d', 10, 5000],
    ],
    ['10/5s: a d', '20/5s: b', '10/1s: c'],
  );
});
