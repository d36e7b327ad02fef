import assert from 'node:assert/strict';
import test from 'node:test';
import { matchesWildcard } from '../../src/discovery/wildcard.js';

test('wildcards of file names', () => {
  const f = (name: string, pattern: string, want: boolean) =>
    assert.equal(matchesWildcard(name, pattern), want, `${name} ${pattern}`);

  // no wildcard
  f('a.json', 'a.json', true);
  f('a.json', 'b.json', false);
  f('a.json', 'a.jso', false);
  f('a.jso', 'a.json', false);
  // any text
  f('a.json', '*.json', true);
  f('.json', '*.json', true);
  f('a.json.tmp', '*.json', false);
  f('targets-7.json', 'targets-*.json', true);
  f('a.json.json', '*.json', true);
  f('abcabc.yml', 'a*b*c.yml', true);
  f('abcab.yml', 'a*b*c.yml', false);
  f('', '*', true);
  // one character
  f('a1.json', 'a?.json', true);
  f('a.json', 'a?.json', false);
  // what means something to regular expressions
  f('a+(b).json', 'a+(b).json', true);
  f('axjson', 'a.json', false);
  // a name that takes long where each * is tried at each place
  f('a'.repeat(255), `${'*a'.repeat(100)}b`, false);
});
