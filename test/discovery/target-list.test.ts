import assert from 'node:assert/strict';
import test from 'node:test';
import { parseJson } from '../../src/discovery/json-list.js';
import { TargetList } from '../../src/discovery/target-list.js';
import type { SentinelError } from '../../src/lib/index.js';

/** Reads one list after the other. */
function reader(): (...groups: object[]) => ReturnType<TargetList['read']> {
  const list = new TargetList({ source: 'x', label: { __meta_url: 'u' } });
  return (...groups) => list.read(Buffer.from(JSON.stringify(groups)), parseJson);
}

test('a list that changed: what its groups had before is the very same where it did not', async () => {
  const of = reader();
  const group = (target: string, site = 'hq') => ({ targets: [target], labels: { site } });
  const before = await of(group('a:1'), group('b:1'), group('c:1'), group('d:1'));
  const after = await of(group('a:1'), group('new:1'), group('b:1', 'lab'), group('d:1'), group('c:1'));
  assert.equal(after[0], before[0]);
  // another label: nothing is the same
  assert.deepEqual(after[2]!.labels, { site: 'lab', __meta_url: 'u' });
  assert.notEqual(after[2]!.targets, before[1]!.targets);
  // another place in the list
  for (const [was, is] of [
    [before[3]!, after[3]!],
    [before[2]!, after[4]!],
  ] as const) {
    assert.equal(is.targets, was.targets);
    assert.equal(is.labels, was.labels);
  }
  assert.deepEqual(
    after.map(({ source }) => source),
    ['x:0', 'x:1', 'x:2', 'x:3', 'x:4'],
  );
});

test('groups of one address that differ in their labels are found again, too', async () => {
  const of = reader();
  const probed = (...names: string[]) =>
    names.map((name) => ({ targets: ['prober:9115'], labels: { __param_target: name } }));
  const before = await of(...probed('a', 'b', 'c', 'd'));
  const after = await of(...probed('new', 'a', 'c', 'd', 'new2'));
  for (const [was, is] of [
    [0, 1],
    [2, 2],
    [3, 3],
  ] as const)
    assert.equal(after[is]!.targets, before[was]!.targets);
});

test('a label whose name every object inherits comes and goes like any other', async () => {
  const of = reader();
  const group = (labels: string) => JSON.parse(`{"targets":["a:1"],"labels":{${labels}}}`);
  for (const labels of ['', '"constructor":"acme"', '', '"__proto__":"x","toString":"y"', '"__proto__":"x"'])
    assert.deepEqual(Object.entries((await of(group(labels)))[0]!.labels), [
      ...Object.entries(group(labels).labels),
      ['__meta_url', 'u'],
    ]);
});

test('a small list that would make very many labels is refused, and the last good one stays', async () => {
  const of = reader();
  const labels = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`l${i}`, '']));
  const targets = (count: number) => Array.from({ length: count }, () => 'a:1');
  const good = await of({ targets: targets(1000), labels: labels(1000) });
  const f = (want: RegExp, ...groups: object[]) =>
    assert.rejects(of(...groups), (error: SentinelError) => {
      assert.equal(error.code, 'SEN_LIMIT');
      assert.match(error.message, want);
      return true;
    });
  await f(/^group 1: it has 1001 labels; at most 1000/, {}, { targets: ['a:1'], labels: labels(1001) });
  const many = { targets: targets(6000), labels: labels(900) };
  await f(/^its targets have more than 10000000 labels/, many, many);
  assert.equal((await of({ targets: targets(1000), labels: labels(1000) }))[0], good[0]);
});
