import assert from 'node:assert/strict';
import test from 'node:test';
import { Bench, OPTIONS, temporaryDirectory } from './set-up.js';

test('buffer: other options hold from now on, for what is queued too', async (t) => {
  const bench = await Bench.open(temporaryDirectory(t));
  t.after(() => bench.buffer.close());
  bench.push(1);
  await bench.clock.advance(1000);
  assert.equal(bench.metric('sentinel_buffer_memory_bytes'), 100);
  bench.buffer.setOptions({ ...OPTIONS, commitIntervalMs: 500, maxAgeMs: 60_000 });
  await bench.clock.advance(2000);
  await bench.buffer.safe();
  assert.equal(bench.metric('sentinel_buffer_memory_bytes'), 0, 'committed by the shorter interval');
  await bench.clock.advance(120_000);
  assert.equal(await bench.take('a'), undefined, 'too old by the new age');
  assert.equal(bench.metric('sentinel_buffer_samples_dropped_total{destination="a",reason="age"}'), 10);
  bench.buffer.setOptions({ ...OPTIONS, commitIntervalMs: 0 });
  bench.push(2);
  await bench.buffer.safe();
  assert.equal(bench.metric('sentinel_buffer_memory_bytes'), 0, 'write-through');
  bench.checkSums();
});
