import assert from 'node:assert/strict';
import test from 'node:test';
import { Secret, sameValue } from '../../src/lib/index.js';

test('sameValue: plain data, whatever its keys are called', () => {
  const f = (a: unknown, b: unknown, want: boolean) => {
    assert.equal(sameValue(a, b), want);
    assert.equal(sameValue(b, a), want);
  };
  f({ a: [1, { b: null }] }, { a: [1, { b: null }] }, true);
  f({ a: 1 }, { a: 1, b: undefined }, true);
  f({ a: 1 }, { a: 1, b: 2 }, false);
  f([1], [1, 2], false);
  f([], {}, false);
  f(Number.NaN, Number.NaN, true);
  f({ a: new Secret('x') }, { a: new Secret('x') }, true);
  f({ a: new Secret('x') }, { a: new Secret('y') }, false);
  // what every object inherits is not its own
  f({}, { constructor: 'acme' }, false);
  f({ constructor: 'acme' }, { constructor: 'acme' }, true);
  f({}, JSON.parse('{"__proto__":"x"}'), false);
  f(JSON.parse('{"__proto__":"x"}'), JSON.parse('{"__proto__":"x"}'), true);
});
