import assert from 'node:assert/strict';
import test from 'node:test';
import { Backoff, Metrics, Throttle } from '../../src/lib/index.js';

test('metrics render as the text exposition format', () => {
  const metrics = new Metrics();
  metrics.counter('b_total', 'Things.').inc(2);
  const family = metrics.family('gauge', 'a', 'Line\nwith \\.');
  family.with({ x: '1', y: 'q"\\\n' }).set(-1.5);
  family.read({ x: '2' }, () => Infinity);
  assert.equal(
    metrics.render(),
    '# HELP a Line\\nwith \\\\.\n# TYPE a gauge\na{x="1",y="q\\"\\\\\\n"} -1.5\na{x="2"} +Inf\n# HELP b_total Things.\n# TYPE b_total counter\nb_total 2\n',
  );
  family.remove({ x: '2' });
  assert.ok(!metrics.render().includes('x="2"'));
});

test('a family declared twice is one', () => {
  const metrics = new Metrics();
  metrics.family('counter', 'a_total', 'A.').with({ x: '1' }).inc();
  metrics.family('counter', 'a_total', 'A.').with({ x: '1' }).inc();
  assert.match(metrics.render(), /a_total\{x="1"\} 2\n$/);
});

test('backoff doubles to its limit, with jitter, until reset', () => {
  const plain = new Backoff(500, 3000, () => 0);
  assert.deepEqual(
    [plain.next(), plain.next(), plain.next(), plain.next(), plain.next()],
    [500, 1000, 2000, 3000, 3000],
  );
  plain.reset();
  assert.equal(plain.next(), 500);
  assert.equal(new Backoff(500, 3000, () => 1).next(), 400);
});

test('equal messages: the first passes, then one per period with the number held back', () => {
  let now = 0;
  const throttle = new Throttle(1000, () => now);
  assert.equal(throttle.pass('a'), 0);
  assert.equal(throttle.pass('a'), undefined);
  assert.equal(throttle.pass('b'), 0);
  now = 1000;
  assert.equal(throttle.pass('a'), 1);
  throttle.forget('a');
  assert.equal(throttle.pass('a'), 0);
});
