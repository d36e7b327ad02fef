import assert from 'node:assert/strict';
import test from 'node:test';
import { field } from '../../src/lib/index.js';
import { relabelFaults, relabelField } from '../../src/relabel/schema.js';
import { faultsOf, rulesOf } from './rules.js';

const f = (rule: string, ...want: string[]) => assert.deepEqual(faultsOf(rule), want, rule);

test('what Prometheus refuses at load', () => {
  // a target is needed
  for (const action of ['replace', 'lowercase', 'uppercase', 'keepequal', 'dropequal'])
    f(
      `{action: ${action}, source_labels: [a]}`,
      `target_label: relabel configuration for ${action} action requires 'target_label' value`,
    );
  f(
    '{action: hashmod, source_labels: [a], target_label: b}',
    'modulus: relabel configuration for hashmod requires non-zero modulus',
  );
  // names
  f('{target_label: "a\\ud800"}', 'target_label: "a\\ud800" is invalid \'target_label\' for replace action');
  f("{action: labelmap, replacement: ''}", 'replacement: "" is invalid \'replacement\' for labelmap action');
  f("{source_labels: [''], action: keep}", 'source_labels.0: "" is not a valid label name');
  f('{target_label: "-${3}"}');
  // keys that the action does not know
  for (const action of ['lowercase', 'uppercase'])
    f(
      `{action: ${action}, target_label: b, replacement: x}`,
      `replacement: 'replacement' can not be set for ${action} action`,
    );
  for (const action of ['keepequal', 'dropequal'])
    for (const [key, value] of [
      ['regex', 'x'],
      ['modulus', '1'],
      ['separator', ','],
      ['replacement', 'x'],
    ])
      f(
        `{action: ${action}, target_label: b, ${key}: '${value}'}`.replace("'1'", '1'),
        `${key}: ${action} action requires only 'source_labels' and \`target_label\`, and no other fields`,
      );
  for (const action of ['labeldrop', 'labelkeep'])
    for (const [key, value] of [
      ['source_labels', '[a]'],
      ['target_label', 'b'],
      ['modulus', '1'],
      ['separator', ','],
      ['replacement', 'x'],
    ])
      f(
        `{action: ${action}, ${key}: ${value === ',' ? "','" : value}}`,
        `${key}: ${action} action requires only 'regex', and no other fields`,
      );
  // what is written as it is anyway is not set
  f("{action: lowercase, target_label: b, replacement: $1, separator: ';'}");
});

test('regular expressions that RE2 does not know', () => {
  const g = (regex: string, message: string) =>
    f(`{action: keep, regex: '${regex}'}`, `regex: error parsing regexp: ${message}`);
  g('(', 'missing closing ): `(`');
  g('[a', 'missing closing ]: `[a`');
  g('(?=a)', 'invalid or unsupported Perl syntax: `(?=`');
  g('(?!a)', 'invalid or unsupported Perl syntax: `(?!`');
  g('(a)\\1', 'invalid escape sequence: `\\1`');
  g('a{1001}', 'invalid repeat count: `{1001}`');
  g('*', 'missing argument to repetition operator: `*`');
  g('(?P<a>.)(?P<a>.)', 'duplicate capture group name: `a`');
  f(
    `{action: replace_all, source_labels: [a], target_label: b, regex: '('}`,
    'regex: error parsing regexp: missing closing ): `(`',
  );
  assert.match(
    faultsOf(`{action: keep, regex: '${'a?'.repeat(40_000)}'}`).join(),
    /^regex: .*too long; at most 65536/,
  );
});

test("what vmagent's actions want", () => {
  f(
    '{action: replace_all, target_label: b}',
    "source_labels: replace_all action requires at least 1 'source_labels'",
  );
  f(
    '{action: keep_if_equal, source_labels: [a]}',
    "source_labels: keep_if_equal action requires at least 2 'source_labels'",
  );
  f(
    '{action: drop_if_equal, source_labels: [a, b], target_label: c}',
    "target_label: 'target_label' can not be set for drop_if_equal action",
  );
  f(
    '{action: keep_if_contains, source_labels: [a]}',
    "target_label: relabel configuration for keep_if_contains action requires 'target_label' value",
  );
  f(
    '{action: drop_if_contains, source_labels: [a], target_label: b, regex: x}',
    "regex: 'regex' can not be set for drop_if_contains action",
  );
  f('{action: keep_metrics}', "regex: keep_metrics action requires a 'regex' or an 'if'");
  f('{action: keep_metrics, if: up}');
  f(
    '{action: drop_metrics, regex: up, source_labels: [a]}',
    "source_labels: 'source_labels' can not be set for drop_metrics action",
  );
  f(
    '{action: graphite}',
    'match: graphite action requires a \'match\' such as "*.*.total"',
    "labels: graphite action requires 'labels'",
  );
  f(
    "{action: graphite, match: '*.x', labels: {'': a}}",
    'labels: "" is invalid \'labels\' for graphite action',
  );
  f("{action: keep, match: '*.x'}", "match: 'match' belongs to the graphite action, and this is keep");
  f('{action: keep, if: "{a=b}"}', 'if.0: selector "{a=b}": expected a value in quotes, got "b}"');
  f(`{action: keep, if: ['up', '{a=~"("}']}`, 'if.1: error parsing regexp: missing closing ): `(`');
});

test('a key that is wrong by itself is told of once', () => {
  assert.match(faultsOf('{action: nope}').join('\n'), /^action: expected one of replace, .*, got "nope"$/);
  f('{action: hashmod, target_label: b, modulus: a}', 'modulus: expected a whole number, got "a"');
  f('{action: keep, regex: {}}', 'regex: expected a text or a list of texts, got a map');
  f('{action: keep, regex: [a, {}]}', 'regex.1: expected a text, got a map');
  assert.match(
    faultsOf('{targetlabel: x, action: keep}').join(),
    /unknown key "targetlabel"; did you mean "target_label"/,
  );
});

test('an entry that is not there', () => {
  const g = (subject: 'target' | 'metric' | 'write', want: string) => {
    const { issues } = field.check(relabelField('Rules.', subject), [undefined]);
    assert.deepEqual(
      issues?.map(({ message }) => message),
      [want],
    );
  };
  g('target', 'empty or null target relabeling rule in scrape config');
  g('metric', 'empty or null metric relabeling rule in scrape config');
  g('write', 'empty or null relabeling rule in remote write config');
});

test('what the legacy scheme of names refuses beyond that', () => {
  const g = (rule: string, ...want: string[]) => {
    const rules = rulesOf(`[{action: keep}, ${rule}]`);
    assert.deepEqual(
      relabelFaults(rules, 'legacy').map(({ path, message }) => `${path.join('.')}: ${message}`),
      want,
      rule,
    );
    assert.deepEqual(relabelFaults(rules, 'utf8'), []);
  };
  for (const target of ['label${1}', '${1}label', '$1', 'asd$2asd', '_${1}_', 'foo${bar}foo', 'a', '$1$2'])
    g(`{target_label: '${target}'}`);
  for (const target of [
    '-label',
    '${',
    '$',
    '${}',
    'foo${',
    '-foo${1}bar-',
    'bar.foo${1}bar',
    '$1-$2',
    '1a',
    'a-b',
  ])
    g(
      `{target_label: '${target}'}`,
      `1.target_label: "${target}" is invalid 'target_label' for replace action`,
    );
  g(
    "{action: lowercase, target_label: '${3}'}",
    '1.target_label: "${3}" is invalid \'target_label\' for lowercase action',
  );
  g(
    "{action: hashmod, modulus: 2, target_label: 'a-b'}",
    '1.target_label: "a-b" is invalid \'target_label\' for hashmod action',
  );
  g("{action: labelmap, replacement: '$1'}");
  g(
    "{action: labelmap, replacement: 'a-$1'}",
    '1.replacement: "a-$1" is invalid \'replacement\' for labelmap action',
  );
});

test('defaults, and what is given empty', () => {
  const [rule] = rulesOf('{target_label: a}');
  assert.deepEqual(rule, {
    action: 'replace',
    sourceLabels: [],
    separator: ';',
    regex: '(.*)',
    modulus: 0,
    targetLabel: 'a',
    replacement: '$1',
    if: [],
    match: '',
    labels: {},
  });
  const [empty] = rulesOf("{target_label: a, separator: '', regex: '', replacement: ''}");
  assert.deepEqual([empty!.separator, empty!.regex, empty!.replacement], ['', '', '']);
  const [several] = rulesOf('{action: KEEP, regex: [a, b.*], if: up}');
  assert.deepEqual([several!.action, several!.regex, several!.if], ['keep', 'a|b.*', ['up']]);
});
