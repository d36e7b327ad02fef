import assert from 'node:assert/strict';
import test from 'node:test';
import { isOurs } from '../../src/scrape/cluster.js';

const keys = Array.from({ length: 5000 }, (_, i) => `target ${i}`);

/** The members that scrape a target. */
function owners(key: string, members: number, replicationFactor = 1): number[] {
  const all = Array.from({ length: members }, (_, member) => member);
  return all.filter((member) => isOurs(key, { members, member, replicationFactor }));
}

test('one agent scrapes everything', () => {
  for (const key of keys) assert.deepEqual(owners(key, 1), [0]);
});

test('each target is scraped by exactly as many members as asked for', () => {
  for (const [members, factor] of [
    [2, 1],
    [3, 2],
    [7, 3],
    [4, 4],
    [3, 5],
  ] as const)
    for (const key of keys.slice(0, 500))
      assert.equal(owners(key, members, factor).length, Math.min(members, factor));
});

test('members have equal parts', () => {
  const counts = new Array<number>(8).fill(0);
  for (const key of keys) for (const member of owners(key, 8, 2)) counts[member]!++;
  const fair = (keys.length * 2) / 8;
  for (const count of counts) assert.ok(Math.abs(count - fair) < fair * 0.1, counts.join(' '));
});

test('with another member only the targets that it takes over move', () => {
  let moved = 0;
  for (const key of keys) {
    const [before, after] = [owners(key, 5)[0], owners(key, 6)[0]];
    if (before === after) continue;
    moved++;
    assert.equal(after, 5, 'to the new member, not between the old ones');
  }
  assert.ok(Math.abs(moved - keys.length / 6) < keys.length / 30, `${moved} moved`);
});
