import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';
import { labelsOf } from '../../src/model/index.js';
import { compileRelabel } from '../../src/relabel/index.js';
import { check as f, rulesOf } from './rules.js';

test('replace', () => {
  f(
    'a: node',
    "{source_labels: [a], regex: 'n(.*)', target_label: b, replacement: '<${1}-${1}>'}",
    'a: node, b: <ode-ode>',
  );
  // several sources, and a second rule that reads what the first one wrote
  f(
    'a: one, b: two, c: six',
    `[{source_labels: [a, b], regex: 'o(.*);(.*)o', target_label: a, replacement: 'x\${1}\${2}y'},
      {source_labels: [c, a], regex: '(s).*x(.*)tw(.*)', target_label: d, replacement: '$1$2$2$3'}]`,
    'a: xnetwy, b: two, c: six, d: sneney',
  );
  // only the group
  f('a: xyz', "{source_labels: [a], regex: '.*(y).*', target_label: d, replacement: $1}", 'a: xyz, d: y');
  // no match: nothing; the whole value must match
  f('a: zoo', '{source_labels: [a], regex: z, target_label: b, replacement: bar}', 'unchanged');
  // an empty result takes the target away
  f('a: foo, f: baz', "{source_labels: [a], regex: '(f).*', target_label: $1, replacement: $2}", 'a: foo');
  // names by groups
  f(
    'a: some-key-word',
    "{source_labels: [a], regex: 'some-([^-]+)-([^,]+)', target_label: '${1}', replacement: '${2}'}",
    'a: some-key-word, key: word',
  );
  // a group that is not there: no value, or no name
  f(
    'a: some-key-word',
    "{source_labels: [a], regex: 'some-([^-]+)-([^,]+)', target_label: '${1}', replacement: '${3}'}",
    'unchanged',
  );
  f(
    'a: some-key-word',
    "[{source_labels: [a], regex: 'some-([^-]+)-([^,]+)', target_label: '${3}', replacement: '${1}'}, {source_labels: [a], regex: 'some-([^-]+)-([^,]+)', target_label: '${3}', replacement: x}, {source_labels: [a], regex: 'some-([^-]+)(-[^,]+)', target_label: '${3}', replacement: '${3}'}]",
    'unchanged',
  );
  // tags in one label
  const tag = (key: string, target: string) =>
    `{source_labels: [__meta_tags], regex: '(?:.+,|^)${key}:([^,]+).*', target_label: ${target}}`;
  const named =
    "{source_labels: [__meta_tags], regex: '(?:.+,|^)tag:([^=]+)=([^,]+).*', target_label: '${1}', replacement: '${2}'}";
  f(
    "__meta_tags: 'path:/metrics2,job:web,tag:rack=r1'",
    `[${tag('path', '__metrics_path__')}, ${tag('job', 'job')}, ${named}]`,
    "__meta_tags: 'path:/metrics2,job:web,tag:rack=r1', __metrics_path__: /metrics2, job: web, rack: r1",
  );
  // a dot matches a line break; a group that is not there is empty
  f(
    'a: "up\\ndown"',
    "{source_labels: [a], regex: 'up.*down', target_label: d, replacement: 'is${1}'}",
    'a: "up\\ndown", d: is',
  );
  // named groups
  f(
    'a: "one two"',
    "{source_labels: [a], regex: '(one).*(?<other>two)', target_label: 'is_$1', replacement: 'v_$other'}",
    'a: "one two", is_one: v_two',
  );
  f(
    'a: "one two"',
    "{source_labels: [a], regex: '(?P<x>one).*', target_label: d, replacement: '${x}!'}",
    'a: "one two", d: one!',
  );
  // the name of the metric
  f(
    '__name__: requests_total',
    "{source_labels: [__name__], regex: '.*_total$', target_label: __type__, replacement: counter}",
    '__name__: requests_total, __type__: counter',
  );
  // no source: a constant, or the label goes
  f('a: x', '{target_label: b, replacement: c}', 'a: x, b: c');
  f('a: x, b: y', "{target_label: b, replacement: ''}", 'a: x');
  f('a: x', '{target_label: a, replacement: x}', 'unchanged');
});

test('the template is expanded as in Go', () => {
  const g = (replacement: string, want: string) =>
    f(
      'a: v',
      `{source_labels: [a], regex: '(v)', target_label: d, replacement: '${replacement}'}`,
      want === '' ? 'a: v' : `a: v, d: '${want}'`,
    );
  g('$1', 'v');
  g('$0', 'v');
  g('$1x', '');
  g('${1}x', 'vx');
  g('$1-x', 'v-x');
  g('$$1', '$1');
  g('$$$1', '$v');
  g('$', '$');
  g('a$', 'a$');
  g('${', '${');
  g('${1', '${1');
  g('${}', '${}');
  g('$-', '$-');
  g('${01}', '');
  g('$99999999999', '');
  g('$é', '');
});

test('names under the two schemes', () => {
  f('utf-8.label: x', '{source_labels: [utf-8.label], target_label: b}', 'utf-8.label: x, b: x');
  f('a: x', '{source_labels: [a], target_label: utf-8.label}', 'a: x, utf-8.label: x');
  f(
    'a: x',
    "{source_labels: [a], regex: x, target_label: 'utf-8.label${1}', replacement: y}",
    'a: x, utf-8.label: y',
  );
  // a name that groups give is looked at when they did
  f('a: x-y', "{source_labels: [a], target_label: 'n_$1', replacement: z}", 'unchanged', 'legacy');
  f('a: x-y', "{source_labels: [a], target_label: 'n_$1', replacement: z}", 'a: x-y, n_x-y: z');
});

test('keep and drop', () => {
  // what is dropped is not looked at any more
  f(
    'a: foo',
    "[{source_labels: [a], regex: '.*o.*', action: drop}, {source_labels: [a], regex: 'f(.*)', target_label: d}]",
    'dropped',
  );
  f('a: foo', '{source_labels: [a], regex: other, action: drop}', 'unchanged');
  f('a: foo', "{source_labels: [a], regex: 'f|o', action: drop}", 'unchanged');
  f('a: foo', '{source_labels: [a], regex: other, action: keep}', 'dropped');
  f('a: foo', "{source_labels: [a], regex: 'f.*', action: keep}", 'unchanged');
  // no source: an empty text; the default matches it
  f('a: foo', '{action: drop}', 'dropped');
  f('a: foo', "{action: keep, regex: '.+'}", 'dropped');
  // an empty regex matches what is absent
  f('a: foo', "{source_labels: [b], regex: '', action: keep}", 'unchanged');
  f('a: foo', "{source_labels: [a], regex: '', action: keep}", 'dropped');
  // separators
  f('a: x, b: y', "{source_labels: [a, b], separator: '', regex: xy, action: keep}", 'unchanged');
  f('a: x, b: y', "{source_labels: [a, b, c], regex: 'x;y;', action: keep}", 'unchanged');
});

test('keepequal and dropequal', () => {
  const equal = '{source_labels: [__tmp_port], target_label: __port1, action: ';
  f("__tmp_port: '80', __port1: '80'", `${equal}keepequal}`, 'unchanged');
  f("__tmp_port: '80', __port1: '80'", `${equal}dropequal}`, 'dropped');
  f("__tmp_port: '80', __port1: '81'", `${equal}keepequal}`, 'dropped');
  f("__tmp_port: '80', __port1: '81'", `${equal}dropequal}`, 'unchanged');
});

test('hashmod', () => {
  f('c: baz', '{source_labels: [c], target_label: d, action: hashmod, modulus: 1000}', "c: baz, d: '976'");
  f(
    'a: "foo\\nbar"',
    '{source_labels: [a], target_label: b, action: hashmod, modulus: 1000}',
    'a: "foo\\nbar", b: \'734\'',
  );
  f('a: x', '{source_labels: [none], target_label: b, action: hashmod, modulus: 1000}', "a: x, b: '958'");
  // however large the modulus: by another way
  for (const modulus of [1, 7, 2 ** 21, 2 ** 21 + 1, 2 ** 32, 2 ** 53 - 1])
    for (const value of ['', 'x', 'ö', 'node-17:9100']) {
      const bytes = createHash('md5').update(value).digest();
      const want = String(bytes.readBigUInt64BE(8) % BigInt(modulus));
      f(
        `a: '${value}'`,
        `{source_labels: [a], target_label: b, action: hashmod, modulus: ${modulus}}`,
        `a: '${value}', b: '${want}'`,
      );
    }
});

test('labelmap', () => {
  f(
    'a: x, b1: y, b2: z',
    "{regex: '(b.*)', replacement: 'bar_${1}', action: labelmap}",
    'a: x, b1: y, b2: z, bar_b1: y, bar_b2: z',
  );
  f(
    'a: x, __meta_my_p: y, __meta_my_q: z, __meta_other: w',
    "{regex: '__meta_(my.*)', replacement: '${1}', action: labelmap}",
    'a: x, __meta_my_p: y, __meta_my_q: z, __meta_other: w, my_p: y, my_q: z',
  );
  // what it sets is not mapped again
  f('a: x', "{regex: '(.*)', replacement: 'a$1', action: labelmap}", 'a: x, aa: x');
  // two that become one: the last in the order of names
  f('b1: y, b2: z', '{regex: b., replacement: c, action: labelmap}', 'b1: y, b2: z, c: z');
  // a label that was set before comes behind those that were not
  f(
    'b1: y, b2: z',
    '[{target_label: b1, replacement: w}, {regex: b., replacement: c, action: labelmap}]',
    'b1: w, b2: z, c: w',
  );
});

test('labeldrop and labelkeep', () => {
  f('a: x, b1: y, b2: z', "{regex: '(b.*)', action: labeldrop}", 'a: x');
  f('a: x, b1: y, b2: z', "{regex: '(b.*)', action: labelkeep}", 'b1: y, b2: z');
  // what was taken away can come again
  f(
    'a: metrics',
    "[{regex: a, action: labeldrop}, {target_label: a, replacement: metrics}, {source_labels: [a], regex: '^metrics$', action: keep}]",
    'unchanged',
  );
  // nothing left is no drop
  f('a: x', '{regex: a, action: labeldrop}', '');
  f('__name__: x', '{regex: __name__, action: labeldrop}', '');
});

test('lowercase and uppercase', () => {
  f(
    'foo: bAr123Foo',
    '[{source_labels: [foo], target_label: up, action: uppercase}, {source_labels: [foo], target_label: low, action: lowercase}]',
    'foo: bAr123Foo, low: bar123foo, up: BAR123FOO',
  );
  // rune by rune: no two letters for one, no final sigma
  f('a: straße', '{source_labels: [a], target_label: a, action: uppercase}', 'a: STRAßE');
  f('a: ΟΔΟΣ', '{source_labels: [a], target_label: a, action: lowercase}', 'a: οδοσ');
  f('a: İ', '{source_labels: [a], target_label: a, action: lowercase}', 'a: i');
  f('a: ᾳῳᾀ', '{source_labels: [a], target_label: a, action: uppercase}', 'a: ᾼῼᾈ');
});

test('the action is written as one likes', () => {
  f('a: x', '{source_labels: [a], action: DROP, regex: x}', 'dropped');
  f('a: x, b: y', '{action: LabelDrop, regex: b}', 'a: x');
});

test('RE2', () => {
  const g = (regex: string, value: string, want: boolean) => {
    const rules = [{ ...rulesOf('{action: keep, source_labels: [a]}')[0]!, regex }];
    assert.equal(
      compileRelabel(rules, 'utf8').apply(labelsOf({ a: value })) !== undefined,
      want,
      `${regex} on ${value}`,
    );
  };
  g('(?i)AbC', 'aBc', true);
  g('\\s+', '\v', false);
  g('\\s+', '\u00a0', false);
  g('\\w', 'é', false);
  g('\\pL', 'é', true);
  g('\\d', '٣', false);
  g('\\Aa\\z', 'a', true);
  g('\\Qa.b\\E', 'a.b', true);
  g('\\Qa.b\\E', 'axb', false);
  g('[[:alpha:]]+', 'abc', true);
  g('(?U)a+', 'aaa', true);
  g('(?-s).', '\n', false);
  g('.', '😀', true);
  g('..', '😀', false);
  g('^a$|^b$', 'b', true);
  g('a)(b', 'ab', true);
  g('a{2}', 'aa', true);
  g('a', 'a\n', false);
});

test('a repeated group keeps the last value that it took part with', () => {
  f(
    'a: ab',
    "{source_labels: [a], regex: '(?:(a)|b)*', target_label: d, replacement: '<$1>'}",
    'a: ab, d: <a>',
  );
  f(
    'a: bcabcb',
    "{source_labels: [a], regex: '(a|b(c)?)+', target_label: d, replacement: '$1$2'}",
    'a: bcabcb, d: bc',
  );
});
