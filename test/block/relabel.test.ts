import assert from 'node:assert/strict';
import test from 'node:test';
import { routesOf } from '../../src/block/index.js';
import type { ByteColumn, Labels, SeriesTable } from '../../src/model/index.js';
import type { RelabelRule } from '../../src/relabel/index.js';
import { decodeWriteRequest } from '../receiver.js';
import { rulesOf } from '../relabel/rules.js';
import { PLAIN, stageOf } from './set-up.js';

const NONE: RelabelRule[] = [];

const to = (name: string, relabel: RelabelRule[] = []) => ({
  ...PLAIN,
  name,
  batchSize: 100,
  flushIntervalMs: 60_000,
  relabel,
});

const SETTINGS = { commitIntervalMs: 60_000, externalLabels: {}, writeRelabel: NONE };

type Set = ReturnType<typeof stageOf>;

/** Seals, and gives what each route had: `destinations: series ...`, labels in the order in which they are sent. */
function sent({ stage, blocks }: Pick<Set, 'stage' | 'blocks'>): string[] {
  stage.flush();
  return blocks.splice(0).map(({ bytes }) => {
    const series = decodeWriteRequest(bytes).map(({ names, labels }) =>
      names.map((name) => (name === '__name__' ? labels[name] : `${name}=${labels[name]}`)).join(','),
    );
    return series.join(' ');
  });
}

test('order: external labels where absent, rules for all, rules of the destination, then sorted', () => {
  const f = (global: string, own: string, external: Record<string, string>, want: string[]) => {
    const set = stageOf([to('d', own === '' ? [] : rulesOf(own))], {
      externalLabels: external,
      writeRelabel: global === '' ? [] : rulesOf(global),
    });
    set.push({ up: 1 });
    assert.deepEqual(sent(set), want);
  };
  f('', '', {}, ['up,instance=i1,job=node']);
  // A rule sees external labels, and a series' own value counts before them.
  f('{source_labels: [job, site], target_label: both}', '', { site: 'x', job: 'no' }, [
    'up,both=node;x,instance=i1,job=node,site=x',
  ]);
  // A rule can take an external label away, for all or for one destination.
  f('{regex: site|job, action: labeldrop}', '', { site: 'x' }, ['up,instance=i1']);
  f('', '{regex: site|job, action: labeldrop}', { site: 'x' }, ['up,instance=i1']);
  // The destination's rules come last.
  f(
    '{target_label: job, replacement: one}',
    '{source_labels: [job], target_label: Z, replacement: $1-two}',
    {},
    ['Z=one-two,up,instance=i1,job=one'],
  );
  f('{source_labels: [__name__], regex: up, action: drop}', '', {}, []);
  f('', '{regex: .*, action: labeldrop}', {}, []);
});

test('a dropped series is counted, and is in no block', () => {
  const set = stageOf([to('d', rulesOf('{source_labels: [__name__], regex: go_.*, action: drop}'))]);
  const [route] = routesOf([to('d', rulesOf('{source_labels: [__name__], regex: go_.*, action: drop}'))]);
  const metric = (name: string) => set.metric(`sentinel_block_samples_${name}`);
  const labels = `route="${route!.name}"`;
  const balance = () => [
    metric(`in_total{${labels}}`),
    metric(`out_total{${labels}}`),
    metric(`dropped_total{${labels},reason="relabel"}`),
    metric(`pending{${labels}}`),
  ];
  set.push({ go_a: 1, up: 1, go_b: 1 });
  set.push({ go_a: 2, up: 2, go_b: 2 });
  assert.deepEqual(balance(), [6, 1, 4, 1]);
  assert.deepEqual(sent(set), ['up,instance=i1,job=node', 'up,instance=i1,job=node']);
  assert.deepEqual(balance(), [6, 2, 4, 0]);
  // Nothing but dropped series: no block.
  set.push({ go_a: 3 });
  assert.deepEqual(sent(set), []);
  assert.deepEqual(balance(), [7, 2, 5, 0]);
});

test('any name is sent; a series without one is dropped and counted', () => {
  const f = (rule: string, want: string[], notes: number) => {
    const set = stageOf([to('d')], { writeRelabel: rulesOf(rule) });
    set.push({ up: 1 });
    assert.deepEqual(sent(set), want, rule);
    assert.equal(
      set.metric('sentinel_block_samples_dropped_total{route="100/1m",reason="name"}'),
      want.length === 0 ? 1 : 0,
    );
    assert.equal(set.warnings.length, want.length === 0 ? 1 : 0);
    assert.equal(set.notes.length, notes, rule);
  };
  f('{target_label: good_1, replacement: ü}', ['up,good_1=ü,instance=i1,job=node'], 0);
  f('{target_label: __name__, replacement: "a:b"}', ['a:b,instance=i1,job=node'], 0);
  // beyond the legacy names: sent, and told of
  f('{target_label: a.b, replacement: x}', ['up,a.b=x,instance=i1,job=node'], 1);
  f('{target_label: "a:b", replacement: x}', ['up,a:b=x,instance=i1,job=node'], 1);
  f('{target_label: __name__, replacement: a.b}', ['a.b,instance=i1,job=node'], 1);
  f('{target_label: __name__, replacement: 1a}', ['1a,instance=i1,job=node'], 1);
  f('{target_label: ü, replacement: " "}', ['up,instance=i1,job=node,ü= '], 1);
  // without a name
  f('{regex: __name__, action: labeldrop}', [], 0);
  f('{target_label: __name__, replacement: ""}', [], 0);
});

test('a label without a name is dropped', () => {
  const set = stageOf([to('d')], { externalLabels: { '': 'x' } });
  set.push({ up: 1 });
  assert.deepEqual(sent(set), []);
  assert.equal(set.metric('sentinel_block_samples_dropped_total{route="100/1m",reason="name"}'), 1);
});

test('series that cannot be sent are told of, some of many', async () => {
  const set = stageOf([to('d')], { writeRelabel: rulesOf('{regex: __name__, action: labeldrop}') });
  set.push({ up: 1, down: 1 });
  set.push({ up: 1, down: 1 });
  const labels = { instance: 'i1', job: 'node' };
  assert.deepEqual(set.warnings, [{ labels, suppressed: 0 }]);
  await set.clock.advance(60_000);
  set.push({ other: 1 });
  assert.deepEqual(set.warnings[1], { labels, suppressed: 1 });
});

test('of names beyond the legacy ones only the first is told of, whatever the routes', async () => {
  const rename = rulesOf('{source_labels: [__name__], target_label: __name__, replacement: $1.x}');
  const set = stageOf([to('a', rename), to('b', [...rename, ...rename])]);
  set.push({ up: 1, down: 1 });
  await set.clock.advance(60_000);
  set.push({ up: 1, down: 1, other: 1 });
  assert.deepEqual(set.notes, [{ labels: { __name__: 'up.x', instance: 'i1', job: 'node' }, suppressed: 0 }]);
});

test('each route has its own rules; those with equal rules share what is decided, once per series', () => {
  const rename = rulesOf('{target_label: site, replacement: b}');
  const set = stageOf([to('a'), to('b', rename), { ...to('c', rename), batchSize: 50 }]);
  let asked = 0;
  const labels = set.table.labels.bind(set.table);
  (set.table as { labels: SeriesTable['labels'] }).labels = (ref): Labels => {
    asked++;
    return labels(ref);
  };
  for (let i = 0; i < 3; i++) set.push({ up: i, down: i });
  assert.equal(asked, 4);
  const plain = 'up,instance=i1,job=node';
  const renamed = 'up,instance=i1,job=node,site=b';
  sent(set);
  set.push({ up: 1 });
  assert.deepEqual(sent(set), [plain, renamed, renamed]);
});

/** The columns of bytes that are asked of the table. */
function columnsOf(table: SeriesTable): Map<symbol, ByteColumn> {
  const columns = new Map<symbol, ByteColumn>();
  const bytes = table.bytes.bind(table);
  table.bytes = (stage) => {
    columns.set(stage, bytes(stage));
    return bytes(stage);
  };
  return columns;
}

test('series that several rules leave as they are have their bytes once in memory', () => {
  const set = stageOf([
    to('a'),
    to('b', rulesOf('{source_labels: [__name__], regex: down, target_label: site, replacement: b}')),
    to('c', rulesOf('{source_labels: [__name__], regex: down, action: drop}')),
  ]);
  const columns = columnsOf(set.table);
  for (let i = 0; i < 2; i++) {
    set.push({ up: 1, down: 1 });
    const [up, down] = ['up,instance=i1,job=node', 'down,instance=i1,job=node'];
    assert.deepEqual(sent(set), [`${up} ${down}`, `${up} ${down},site=b`, up]);
  }
  const copies = (name: string) =>
    [...columns.values()].filter((column) => column.length(set.table.find(name)!) > 10).length;
  assert.equal(columns.size, 3);
  assert.equal(copies('up'), 1);
  assert.equal(copies('down'), 2);
});

test('apply: the bytes that a route had from one that goes or comes to stand elsewhere are its own then', () => {
  const mark = (name: string) =>
    rulesOf(`{source_labels: [__name__], regex: down, target_label: site, replacement: ${name}}`);
  const want = (name: string) => `up,instance=i1,job=node down,instance=i1,job=node,site=${name}`;
  const set = stageOf([to('a', mark('a')), to('b', mark('b'))]);
  const f = (...names: string[]) => {
    set.stage.apply(routesOf(names.map((name) => to(name, mark(name)))), SETTINGS);
    for (let i = 0; i < 2; i++) {
      set.push({ up: 1, down: 1 });
      assert.deepEqual(sent(set).sort(), names.map(want).sort());
    }
  };
  f('a', 'b');
  f('b', 'a');
  f('b', 'c', 'a');
  f('c', 'a');
  f('a');
  f('d', 'a', 'c');
});

test('route names: equal settings give one, and its name does not depend on the order of keys', () => {
  const rule = rulesOf('{source_labels: [a], target_label: b}')[0]!;
  const turned = Object.fromEntries(Object.entries(rule).reverse()) as unknown as RelabelRule;
  const names = (...destinations: ReturnType<typeof to>[]) =>
    routesOf(destinations).map((route) => `${route.name}: ${route.destinations.join(' ')}`);
  assert.deepEqual(names(to('a'), to('b')), ['100/1m: a b']);
  assert.match(names(to('a', [rule]), to('b', [turned])).join(), /^100\/1m\/rules-[0-9a-f]{12}: a b$/);
  assert.equal(names(to('a', [rule]), to('b', [{ ...rule, targetLabel: 'c' }])).length, 2);
  assert.deepEqual(names({ ...to('a'), sendExemplars: true }, { ...to('b'), sendNativeHistograms: true }), [
    '100/1m/exemplars: a',
    '100/1m/histograms: b',
  ]);
});

test('apply: equal rules keep the open block and what was decided; other rules seal it and decide anew', () => {
  const [one, other] = [
    rulesOf('{target_label: site, replacement: one}'),
    rulesOf('{target_label: site, replacement: other}'),
  ];
  const set = stageOf([to('d')], { writeRelabel: one });
  set.push({ up: 1 });
  assert.deepEqual(sent(set), ['up,instance=i1,job=node,site=one']);
  set.push({ up: 2 });
  const again = rulesOf('{target_label: site, replacement: one}');
  set.stage.apply(routesOf([to('d')]), { ...SETTINGS, writeRelabel: again });
  assert.equal(set.blocks.length, 0);
  set.stage.apply(routesOf([to('d')]), { ...SETTINGS, writeRelabel: other });
  assert.equal(set.blocks.length, 1);
  set.push({ up: 3 });
  assert.deepEqual(sent(set), ['up,instance=i1,job=node,site=one', 'up,instance=i1,job=node,site=other']);
});

test('apply: the columns of a table do not grow in number with reloads, and none shows what another rule decided', () => {
  const set = stageOf([to('d')]);
  const columns = columnsOf(set.table);
  for (let i = 0; i < 20; i++) {
    const writeRelabel = rulesOf(`{target_label: site, replacement: s${i}}`);
    set.stage.apply(routesOf([to('d')]), { ...SETTINGS, writeRelabel });
    set.push({ up: i });
    assert.deepEqual(sent(set), [`up,instance=i1,job=node,site=s${i}`]);
  }
  assert.ok(columns.size <= 2, `${columns.size} columns`);
  const known = [...columns.values()].filter((column) => column.length(0) >= 0);
  assert.equal(known.length, 1, 'the column of a rule that is gone is empty');
});

test('apply: a rule that does not compile is refused, and changes nothing', () => {
  const set = stageOf([to('d')]);
  const [rule] = rulesOf('{source_labels: [a], regex: x, target_label: b}');
  const broken = [{ ...rule!, regex: '(' }];
  assert.throws(() => set.stage.apply(routesOf([to('d'), to('e', broken)]), SETTINGS), {
    code: 'SEN_CONFIG_INVALID',
  });
  set.push({ up: 1 });
  assert.deepEqual(sent(set), ['up,instance=i1,job=node']);
});
