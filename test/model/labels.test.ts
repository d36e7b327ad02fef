import assert from 'node:assert/strict';
import test from 'node:test';
import { labelsBeside, labelsOf, labelsToMap } from '../../src/model/index.js';

/** Labels with names that every object inherits something by. */
const INHERITED = ['constructor', 'a', 'toString', 'b', '__proto__', 'c'];

test('labels beside those of the owner: what is set there is exported_ here, as often as it takes', () => {
  const base = { job: 'x', exported_job: 'y', empty: '' };
  assert.deepEqual(labelsBeside(base, ['job', '1', 'empty', '2', 'own', '3', '__name__', 'm']), {
    ...base,
    empty: '2',
    own: '3',
    exported_exported_job: '1',
  });
});

test('a label may have the name of something that objects inherit', () => {
  const map = labelsBeside({ job: 'x' }, INHERITED);
  assert.deepEqual(Object.entries(map), [
    ['job', 'x'],
    ['constructor', 'a'],
    ['toString', 'b'],
    ['__proto__', 'c'],
  ]);
  assert.deepEqual(labelsOf(map), ['__proto__', 'c', 'constructor', 'a', 'job', 'x', 'toString', 'b']);
  assert.deepEqual(Object.entries(labelsToMap(INHERITED)), [
    ['constructor', 'a'],
    ['toString', 'b'],
    ['__proto__', 'c'],
  ]);
});
