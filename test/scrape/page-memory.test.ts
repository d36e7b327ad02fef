import assert from 'node:assert/strict';
import test from 'node:test';
import { PageMemory } from '../../src/scrape/page-memory.js';

const MIB = 2 ** 20;

test('large pages share a memory, small ones are never refused, and one alone may be of any size', () => {
  const memory = new PageMemory();
  const [one, two, three] = [memory.share(), memory.share(), memory.share()];
  assert.ok(one.hold(200 * MIB));
  assert.ok(!two.hold(2 * MIB));
  assert.ok(two.isRefused);
  assert.ok(two.hold(MIB));
  assert.ok(!two.isRefused);
  // What is not alone does not grow beyond the limit, but may shrink.
  assert.ok(!one.hold(201 * MIB));
  assert.ok(one.hold(60 * MIB));
  assert.ok(three.hold(3 * MIB));
  assert.ok(!three.hold(4 * MIB));
  for (const share of [one, two, three]) share.release();
  assert.equal(memory.held, 0);
});
