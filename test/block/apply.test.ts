import assert from 'node:assert/strict';
import test from 'node:test';
import { createBlockStage, routesOf } from '../../src/block/index.js';
import { silentLog } from '../../src/cli/command-log.js';
import { Metrics } from '../../src/lib/index.js';
import { Batch, type Block, labelsOf, SeriesTable } from '../../src/model/index.js';
import { ManualClock } from '../manual-clock.js';
import { decodeWriteRequest } from '../receiver.js';
import { PLAIN } from './set-up.js';

type RouteSettings = Parameters<typeof routesOf>[0][number];

const SECOND = 1000;
const SETTINGS = { commitIntervalMs: 60 * SECOND, externalLabels: {}, writeRelabel: [] };

const to = (name: string, more: Partial<RouteSettings> = {}): RouteSettings => ({
  name,
  batchSize: 10,
  flushIntervalMs: 5 * SECOND,
  ...PLAIN,
  ...more,
});

/** A stage whose blocks are noted as `route:samples`, with one sample in each open block. */
function setUp(...destinations: RouteSettings[]) {
  const clock = new ManualClock();
  const metrics = new Metrics();
  const blocks: Block[] = [];
  const table = new SeriesTable();
  const ref = table.add('m', labelsOf({ __name__: 'm' }));
  const stage = createBlockStage({
    ...SETTINGS,
    routes: routesOf(destinations),
    clock,
    metrics,
    log: silentLog,
    next: (block) => {
      blocks.push(block);
      return 'taken';
    },
  });
  const push = () => {
    const batch = new Batch({ kind: 'task', id: 't' }, table, { plannedMs: 0, startedMs: 0, finishedMs: 0 });
    batch.add(ref, 1, clock.now());
    return stage.push(batch);
  };
  const taken = () =>
    blocks
      .splice(0)
      .map(({ route, samples }) => `${route}:${samples}`)
      .join(' ');
  push();
  push();
  taken();
  return { clock, metrics, blocks, stage, push, taken };
}

test('apply: a route that stays keeps its open block', async () => {
  const { clock, stage, push, taken } = setUp(to('a'));
  stage.apply(routesOf([to('a')]), SETTINGS);
  push();
  assert.equal(taken(), '');
  await clock.advance(5 * SECOND);
  assert.equal(taken(), '10/5s:2');
  assert.equal(clock.waiting, 0);
});

test('apply: what was collected for other destinations, or under other labels, is sealed before', () => {
  const f = (destinations: RouteSettings[], more: object, want: string) => {
    const { stage, taken } = setUp(to('a'), to('b'));
    stage.apply(routesOf(destinations), { ...SETTINGS, ...more });
    assert.equal(taken(), want);
  };
  f([to('a'), to('b')], {}, '');
  f([to('a')], {}, '10/5s:1');
  f([to('a'), to('b'), to('c')], {}, '10/5s:1');
  f([to('a'), to('b')], { externalLabels: { fleet: 'x' } }, '10/5s:1');
  f([to('a', { batchSize: 7 }), to('b')], {}, '10/5s:1');
  f([], {}, '10/5s:1');
});

test('apply: new labels hold from the next batch on', () => {
  const { stage, push, blocks } = setUp(to('a'));
  stage.apply(routesOf([to('a')]), { ...SETTINGS, externalLabels: { fleet: 'x' } });
  push();
  stage.flush();
  const fleets = blocks.map(({ bytes }) => decodeWriteRequest(bytes).map(({ labels }) => labels.fleet));
  assert.deepEqual(fleets, [[undefined], ['x']]);
});

test('apply: a shorter commit interval holds for the open block too', async () => {
  const { clock, stage, taken } = setUp(to('a'));
  stage.apply(routesOf([to('a')]), { ...SETTINGS, commitIntervalMs: SECOND });
  await clock.advance(SECOND);
  assert.equal(taken(), '10/5s:1');
});

test('apply: a route that goes leaves no metric and no timer, and without one samples are refused', () => {
  const { clock, stage, push, taken, metrics } = setUp(to('a'));
  stage.apply(routesOf([to('a', { flushIntervalMs: SECOND })]), SETTINGS);
  taken();
  assert.doesNotMatch(metrics.render(), /route="10\/5s"/);
  assert.equal(clock.waiting, 0);
  assert.equal(push(), 'taken');
  stage.apply([], SETTINGS);
  assert.doesNotMatch(metrics.render(), /route="/);
  assert.equal(push(), 'refused');
});
