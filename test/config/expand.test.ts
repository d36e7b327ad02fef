import assert from 'node:assert/strict';
import test from 'node:test';
import { expand, expandLabel } from '../../src/config/expand.js';

const env = { HOST: 'gw', PORT: '9100', EMPTY: '' };

test('variables in a value', () => {
  const f = (text: string, want: string) => {
    const { text: got, faults } = expand(text, env);
    assert.deepEqual(faults, [], text);
    assert.equal(got, want, text);
  };
  f('', '');
  f('plain', 'plain');
  f('${HOST}', 'gw');
  f('http://${HOST}:${PORT}/x', 'http://gw:9100/x');
  f('%{HOST}:%{PORT}', 'gw:9100');
  // defaults: for a missing and for an empty variable
  f('${NONE:-a b}', 'a b');
  f('${NONE:-}', '');
  f('${EMPTY:-x}', 'x');
  f('${HOST:-x}', 'gw');
  f('${EMPTY}', '');
  // $$ before { is a literal $
  f('$${HOST}', '${HOST}');
  f('$${', '${');
  f('a$$b', 'a$$b');
  // a $ or % alone stays
  f('$HOST 5% $', '$HOST 5% $');
  f('%{not a name}', '%{not a name}');
});

test('faults name the variable, never the text', () => {
  const f = (text: string, ...want: RegExp[]) => {
    const { faults } = expand(text, env);
    assert.equal(faults.length, want.length, text);
    for (const [i, pattern] of want.entries()) assert.match(faults[i]!, pattern);
    assert.doesNotMatch(faults.join(), /hunter2/);
  };
  f('hunter2${NONE}', /NONE is not set/);
  f('%{NONE}', /NONE is not set/);
  f('${A}${B}', /A is not set/, /B is not set/);
  f('${hunter2!}', /expected \$\{NAME\}/);
  f('${}', /expected \$\{NAME\}/);
  f('hunter2${', /expected \$\{NAME\}/);
  f('${A:-${HOST}}', /plain default/);
});

test('variables in an external label, as Prometheus', () => {
  const f = (text: string, want: string, missing: string[] = []) => {
    const got = expandLabel(text, env);
    assert.equal(got.text, want, text);
    assert.deepEqual(got.missing, missing, text);
  };
  f('foo', 'foo');
  f('foo${HOST}bar', 'foogwbar');
  f('$HOST-x', 'gw-x');
  f('a$$b', 'a$b');
  f('$${HOST}', '${HOST}');
  f('foo${NONE}', 'foo', ['NONE']);
  f('$EMPTY', '', ['EMPTY']);
  f('${NONE:-x}', 'x');
  f('%{HOST}', 'gw');
  f('cost $', 'cost $');
});
