import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { TimeSlice } from '../../src/lib/index.js';

/** Counts what is done in one turn of the loop. */
class Turns {
  most = 0;
  count = 0;
  #inTurn = 0;
  #timer: NodeJS.Immediate;

  constructor(t: TestContext) {
    const turn = () => {
      this.count++;
      this.#inTurn = 0;
      this.#timer = setImmediate(turn);
    };
    this.#timer = setImmediate(turn);
    t.after(() => clearImmediate(this.#timer));
  }

  did(): void {
    this.most = Math.max(this.most, ++this.#inTurn);
  }
}

/** Holds the loop for a millisecond at least. */
function hold(): void {
  const endMs = performance.now() + 1;
  while (performance.now() < endMs);
}

async function work(units: number, unit: () => void, slice = new TimeSlice()): Promise<void> {
  for (let i = 0; i < units; i++) {
    if (slice.isUp) await slice.next();
    unit();
  }
}

test('many works hold a turn of the loop no longer than one', async (t) => {
  const turns = new Turns(t);
  const unit = () => {
    hold();
    turns.did();
  };
  await Promise.all(Array.from({ length: 50 }, () => work(4, unit)));
  // 5 ms each for those who begin and for those who have waited, and the unit that goes beyond.
  assert.ok(turns.most <= 12, `${turns.most} units of a millisecond in a turn`);
  assert.ok(turns.count >= 200 / 12, `${turns.count} turns`);
});

test('each has its portion in the order of asking, and nobody overtakes', async () => {
  const seen: string[] = [];
  const named = async (name: string) => {
    const slice = new TimeSlice(0);
    for (let i = 0; i < 3; i++) {
      await slice.next();
      seen.push(name);
    }
  };
  const all = ['a', 'b', 'c'].map(named);
  const late = new TimeSlice();
  assert.ok(late.isUp, 'others wait');
  all.push(work(1, () => seen.push('late'), late));
  await Promise.all(all);
  assert.deepEqual(seen, ['a', 'b', 'c', 'late', 'a', 'b', 'c', 'a', 'b', 'c']);
  // In a fresh turn, in which nobody waits.
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(new TimeSlice().isUp, false);
});
