import assert from 'node:assert/strict';
import test from 'node:test';
import type { Labels } from '../../src/model/index.js';
import type { TargetLoop } from '../../src/scrape/loop.js';
import { LoopsByLabels } from '../../src/scrape/loops-by-labels.js';

/** A loop of which only its labels are asked; counts how often. */
class Looked {
  static times = 0;
  readonly #labels: Labels;

  constructor(...labels: string[]) {
    this.#labels = labels;
  }

  get target(): { labels: Labels } {
    Looked.times++;
    return { labels: this.#labels };
  }
}

const loop = (...labels: string[]) => new Looked(...labels) as unknown as TargetLoop;

test('loops are found by their labels, until they are removed', () => {
  const loops = new LoopsByLabels();
  const [a, twin, b] = [loop('job', 'a'), loop('job', 'a'), loop('job', 'b')];
  for (const one of [a, twin, b]) loops.add(one);
  assert.deepEqual(loops.of(['job', 'a']), [a, twin]);
  loops.remove(a);
  loops.remove(loop('job', 'b'));
  assert.deepEqual(loops.of(['job', 'a']), [twin]);
  assert.deepEqual(loops.of(['job', 'b']), [b]);
  loops.remove(twin);
  assert.deepEqual(loops.of(['job', 'a']), []);
  assert.deepEqual(loops.of([]), []);
});

test('nobody is looked at but those with the labels', () => {
  const loops = new LoopsByLabels();
  for (let i = 0; i < 10_000; i++) loops.add(loop('instance', `host-${i}`));
  Looked.times = 0;
  assert.equal(loops.of(['instance', 'host-77']).length, 1);
  assert.equal(loops.of(['instance', 'none']).length, 0);
  assert.ok(Looked.times <= 3, `${Looked.times} looks`);
});
