import assert from 'node:assert/strict';
import test from 'node:test';
import type { TargetGroup } from '../../src/discovery/index.js';
import { TimeSlice } from '../../src/lib/index.js';
import { type Labels, labelValue } from '../../src/model/index.js';
import { compileRelabel, type Relabeller } from '../../src/relabel/index.js';
import { PoolTargets, type SortedTargets } from '../../src/scrape/pool-targets.js';
import { scrapeConfig } from './scrape-config.js';

const group = (...addresses: string[]): TargetGroup => ({
  source: addresses.join(),
  targets: addresses.map((__address__) => ({ __address__ })),
  labels: { site: 'hq' },
});

/** Rules that drop targets called `no...`, and which targets they were asked about. */
function rules(): { relabel: Relabeller; asked: string[] } {
  const asked: string[] = [];
  const relabel = compileRelabel([], 'utf8');
  const apply = (labels: Labels) => {
    const address = labelValue(labels, '__address__');
    asked.push(address);
    return address.startsWith('no') ? undefined : labels;
  };
  return { relabel: Object.assign(Object.create(relabel), { apply, explain: () => [] }), asked };
}

const namesOf = ({ active, dropped, counts }: SortedTargets) => [
  [...active.values()].map(({ labels }) => labelValue(labels, 'instance')).join(' '),
  dropped
    .map(({ discoveredLabels, reason }) => `${labelValue(discoveredLabels, '__address__')} ${reason}`)
    .join(', '),
  Object.values(counts).join(' '),
];

const ONE = { members: 1, member: 0, replicationFactor: 1 };

test('a group that was there the last time is not judged again, wherever it stands now', async () => {
  const { relabel, asked } = rules();
  const targets = new PoolTargets({ config: scrapeConfig(), relabel, cluster: ONE });
  const sort = async (...groups: TargetGroup[]) => {
    asked.length = 0;
    return targets.sort(groups, new TimeSlice());
  };
  const [a, b, c] = [group('a:1', 'no:1'), group('b:1', 'a:1', 'bad/x'), group('c:1')];
  const first = await sort(a!, b!);
  assert.deepEqual(namesOf(first), ['a:1 b:1', 'no:1 relabel, a:1 duplicate, bad/x invalid', '1 0 1 1']);
  assert.equal(asked.length, 5);
  const second = await sort(b!, c!, a!);
  assert.deepEqual(asked, ['c:1']);
  assert.deepEqual(namesOf(second), ['b:1 a:1 c:1', 'bad/x invalid, a:1 duplicate, no:1 relabel', '1 0 1 1']);
  for (const [key, target] of first.active)
    if (labelValue(target.labels, 'instance') === 'b:1') assert.equal(second.active.get(key), target);
  // the same targets with other labels, and a group that was away for a while
  await sort({ ...b!, labels: { site: 'lab' } }, c!);
  assert.deepEqual(asked, ['b:1', 'a:1', 'bad/x']);
  await sort(a!, c!);
  assert.deepEqual(asked, ['a:1', 'no:1']);
});

test('of dropped targets those that are told of are kept, also when it is another one’s turn', async () => {
  const { relabel, asked } = rules();
  const config = scrapeConfig({ keepDroppedTargets: 2 });
  const targets = new PoolTargets({ config, relabel, cluster: ONE });
  const groups = Array.from({ length: 5 }, (_, i) => group(`no${i}:1`));
  const told = async (...sorted: TargetGroup[]) =>
    namesOf(await targets.sort(sorted, new TimeSlice())).slice(1);
  assert.deepEqual(await told(...groups), ['no0:1 relabel, no1:1 relabel', '5 0 0 0']);
  asked.length = 0;
  assert.deepEqual(await told(...groups.slice(1)), ['no1:1 relabel, no2:1 relabel', '4 0 0 0']);
  assert.deepEqual(asked, ['no2:1']);
  assert.deepEqual(await told(...groups), ['no0:1 relabel, no1:1 relabel', '5 0 0 0']);
});

test('10,000 targets are sorted in many turns of the loop', async () => {
  const { relabel } = rules();
  const targets = new PoolTargets({ config: scrapeConfig(), relabel, cluster: ONE });
  let turns = 0;
  const count = () => {
    turns++;
    timer = setImmediate(count);
  };
  let timer = setImmediate(count);
  const addresses = Array.from({ length: 10_000 }, (_, i) => `t${i}:1`);
  const sorted = await targets.sort([group(...addresses)], new TimeSlice(1));
  clearImmediate(timer);
  assert.equal(sorted.active.size, 10_000);
  assert.ok(turns > 5, `${turns} turns`);
});
