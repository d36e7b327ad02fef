import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { normaliseBound, readFloat } from '../../src/exposition/float.js';

const out = new Float64Array(1);

/** The value of a whole text, or `undefined` when it is no number. */
function read(text: string): number | undefined {
  const bytes = Buffer.from(`${text}\n`, 'latin1');
  return readFloat(bytes, 0, out) === text.length ? out[0] : undefined;
}

/** Go's decimal grammar, as a second opinion. */
const GRAMMAR = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

function expected(text: string): number | undefined {
  if (!GRAMMAR.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

test('float: every double is read back from its shortest text', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      for (const text of [String(value), value.toExponential(), value.toPrecision(17)])
        assert.ok(Object.is(read(text), Number(text)), text);
      assert.ok(Object.is(read(Object.is(value, -0) ? '-0' : String(value)), value));
    }),
    { numRuns: 3000 },
  );
});

test('float: decimals of all shapes round as the exact value does', () => {
  const decimal = fc
    .tuple(
      fc.constantFrom('', '-', '+'),
      fc.stringMatching(/^\d{0,25}$/),
      fc.constantFrom('', '.'),
      fc.stringMatching(/^\d{0,25}$/),
      fc.constantFrom('', 'e5', 'E-7', 'e+22', 'e-22', 'e23', 'e-330', 'e308', 'e400', 'e', 'e+'),
    )
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(decimal, (text) => assert.ok(Object.is(read(text), expected(text)), text)),
    { numRuns: 5000 },
  );
});

test('float: at the edge of the exact integers and powers', () => {
  const f = (text: string) => assert.ok(Object.is(read(text), Number(text)), text);
  for (const text of ['9007199254740991', '9007199254740992', '9007199254740993', '9007199254740993e1'])
    f(text);
  for (const text of ['9007199254740991e22', '9007199254740991e-22', '1e22', '1e23', '1e-22', '1e-23'])
    f(text);
  for (const text of ['0.1', '0.3', '123456.789', '1.0000000000000002', '2.2250738585072011e-308']) f(text);
  f(`1${'0'.repeat(308)}`);
  f(`0.${'0'.repeat(400)}1`);
  f(`${'0'.repeat(5000)}7`);
  assert.equal(read(`1${'0'.repeat(309)}`), undefined);
  assert.equal(read('1.7976931348623159e308'), undefined);
});

test('float: any short text is read as Go reads it', () => {
  const letters = fc.string({ unit: fc.constantFrom(...'0123456789.eE+-infINFatyxXpP_ '), maxLength: 10 });
  fc.assert(
    fc.property(letters, (text) => {
      if (/^[+-]?inf(inity)?$|^nan$/i.test(text)) assert.notEqual(read(text), undefined);
      else assert.ok(Object.is(read(text), expected(text)), JSON.stringify(text));
    }),
    { numRuns: 5000 },
  );
});

test('float: bounds are written as Go prints the shortest %g, with a point', () => {
  const f = (text: string, want: string) => assert.equal(normaliseBound(text), want);
  f('1', '1.0');
  f('-1', '-1.0');
  f('0', '0.0');
  f('0.50', '0.5');
  f('1e3', '1000.0');
  f('100000', '100000.0');
  f('1000000', '1e+06');
  f('1234567', '1.234567e+06');
  f('1e21', '1e+21');
  f('1e100', '1e+100');
  f('0.0001', '0.0001');
  f('0.00001', '1e-05');
  f('0.000012', '1.2e-05');
  f('+Inf', '+Inf');
  f('-inf', '-Inf');
  f('nan', 'NaN');
  f('1e400', '1e400');
  f('', '');
  f(' 1', ' 1');
  f('1 ', '1 ');
  f('abc', 'abc');
});
