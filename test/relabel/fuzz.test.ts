import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { field, SentinelError } from '../../src/lib/index.js';
import { compareBytes, type Labels, labelsOf } from '../../src/model/index.js';
import { compileRelabel, type RelabelAction, type RelabelRule } from '../../src/relabel/index.js';
import { Pattern } from '../../src/relabel/pattern.js';
import { relabelField, relabelRules } from '../../src/relabel/schema.js';

const ACTIONS = field.metadataOf(
  field.metadataOf(field.metadataOf(relabelField('Rules.', 'any')).item!).entries!.action!,
).choices as readonly RelabelAction[];

// Small alphabets, so that patterns, names and values meet.
const word = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '😀', '.', '\n', '_'), maxLength: 5 });
const name = fc.constantFrom('a', 'b', 'ab', '__name__', 'job', '\uffee', '😀', 'a.b');
const pieces = fc.constantFrom(
  'a',
  'b',
  'é',
  '😀',
  '.',
  '.*',
  '.+',
  '|',
  '(',
  ')',
  '(?:',
  '^',
  '$',
  '\\.',
  '*',
  '?',
  '[a',
  ']',
  '\\',
  '{2}',
  '(?i)',
  '(?<n>',
);
const regex = fc.array(pieces, { maxLength: 6 }).map((parts) => parts.join(''));
const template = fc
  .array(fc.constantFrom('a', '$1', '${1}', '$', '${', '{{a}}', '{{', '$$', '$n', '-', '\ud800'), {
    maxLength: 4,
  })
  .map((parts) => parts.join(''));
const selector = fc.constantFrom('{a="a"}', 'a{b!="x"}', '{a=~".*a" or b=""}', '{a=', '');

const rule: fc.Arbitrary<RelabelRule> = fc.record({
  action: fc.constantFrom(...ACTIONS),
  sourceLabels: fc.array(name, { maxLength: 3 }),
  separator: fc.constantFrom(';', '', 'a'),
  regex,
  modulus: fc.constantFrom(0, 1, 7, 2 ** 40),
  targetLabel: fc.oneof(name, template),
  replacement: fc.oneof(fc.constant('$1'), template),
  if: fc.oneof(
    { weight: 5, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(selector, { maxLength: 2 }) },
  ),
  match: fc.constantFrom('', '*.a', 'a*', '*'),
  labels: fc.dictionary(name, template, { maxKeys: 2 }),
});
const series = fc.dictionary(name, word, { maxKeys: 6 }).map((map) => labelsOf(map));

/** Only the keys that mean something to the action, so that most rules compile. */
function sensible(given: RelabelRule): RelabelRule {
  const plain = { ...given, match: '', labels: {} };
  switch (given.action) {
    case 'graphite':
      return { ...given, sourceLabels: [], targetLabel: '', regex: '(.*)', replacement: '$1', modulus: 0 };
    case 'labeldrop':
    case 'labelkeep':
      return { ...plain, sourceLabels: [], targetLabel: '', replacement: '$1', modulus: 0, separator: ';' };
    case 'lowercase':
    case 'uppercase':
      return { ...plain, replacement: '$1' };
    case 'keepequal':
    case 'dropequal':
      return { ...plain, regex: '(.*)', replacement: '$1', modulus: 0, separator: ';' };
    case 'keep_if_equal':
    case 'drop_if_equal':
      return { ...plain, targetLabel: '', regex: '(.*)', replacement: '$1', modulus: 0 };
    case 'keep_if_contains':
    case 'drop_if_contains':
      return { ...plain, regex: '(.*)', replacement: '$1', modulus: 0 };
    case 'keep_metrics':
    case 'drop_metrics':
      return { ...plain, sourceLabels: [], targetLabel: '', replacement: '$1', modulus: 0 };
    default:
      return plain;
  }
}

function assertLabels(labels: Labels): void {
  for (let i = 0; i < labels.length; i += 2) {
    assert.notEqual(labels[i + 1], '', 'an empty value is an absent label');
    if (i > 0)
      assert.ok(compareBytes(labels[i - 2]!, labels[i]!) < 0, `${labels} is not sorted, or repeats a name`);
  }
}

test('any rules on any labels: a typed error at load, or sorted labels', () => {
  let compiled = 0;
  fc.assert(
    fc.property(
      fc.array(fc.oneof(rule.map(sensible), rule), { maxLength: 4 }),
      fc.array(series, { maxLength: 3 }),
      (rules, inputs) => {
        let relabeller: ReturnType<typeof compileRelabel>;
        try {
          relabeller = compileRelabel(rules, 'utf8');
        } catch (error) {
          assert.ok(error instanceof SentinelError && error.code === 'SEN_CONFIG_INVALID', String(error));
          return;
        }
        compiled++;
        for (const input of inputs) {
          const before = input.slice();
          const after = relabeller.apply(input);
          assert.deepEqual(input, before, 'what went in is left as it was');
          if (after === undefined) continue;
          assertLabels(after);
          if (after !== input) assert.notDeepEqual(after, input, 'the same labels are the same array');
          assert.deepEqual(relabeller.explain(input).at(-1)?.after ?? input, after);
        }
      },
    ),
    { numRuns: 3000 },
  );
  assert.ok(compiled > 300, `only ${compiled} of 3000 compiled`);
});

test('any written value is rules or a list of faults', () => {
  const list = relabelField('Rules.', 'any');
  const key = fc.constantFrom(
    'action',
    'source_labels',
    'regex',
    'modulus',
    'target_label',
    'replacement',
    'if',
    'match',
    'labels',
    'separator',
    'other',
  );
  const value = fc.oneof(
    fc.constantFrom<unknown>(...ACTIONS, undefined, null, {}),
    regex,
    fc.array(word, { maxLength: 3 }),
    fc.integer(),
    fc.anything(),
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.dictionary(key, value), fc.anything())), (written) => {
      const { value: keys, issues } = field.check(list, written);
      if (keys === undefined) assert.ok(issues.length > 0);
      else compileRelabel(relabelRules(keys), 'utf8');
    }),
    { numRuns: 2000 },
  );
});

test('patterns without an engine match what RE2 matches', () => {
  let valid = 0;
  fc.assert(
    fc.property(regex, fc.array(word, { maxLength: 8 }), (pattern, texts) => {
      let engine: RE2JS;
      try {
        engine = RE2JS.compile(`^(?s:${pattern})$`);
      } catch {
        assert.throws(() => new Pattern(pattern), SentinelError, pattern);
        return;
      }
      valid++;
      const ours = new Pattern(pattern);
      assert.equal(ours.groupCount, engine.groupCount(), pattern);
      for (const text of [...texts, pattern, '', 'a', 'ab', 'aab', 'a\nb']) {
        const matcher = engine.matcher(text);
        const groups = matcher.matches()
          ? Array.from({ length: matcher.groupCount() + 1 }, (_, i) => matcher.group(i) ?? '')
          : undefined;
        assert.equal(ours.test(text), groups !== undefined, `${pattern} on ${JSON.stringify(text)}`);
        assert.deepEqual(ours.groups(text), groups, `${pattern} on ${JSON.stringify(text)}`);
      }
    }),
    { numRuns: 5000 },
  );
  assert.ok(valid > 1000, `only ${valid} of 5000 were patterns`);
});

test('evil patterns: twice the text takes about twice the time', () => {
  const costOf = (pattern: string, action: string, length: number) => {
    const keys =
      action === 'keep'
        ? { action, source_labels: ['a'] }
        : { action, source_labels: ['a'], target_label: 'b' };
    const { value } = field.check(relabelField('Rules.', 'any'), [{ ...keys, regex: pattern }]);
    const relabeller = compileRelabel(relabelRules(value!), 'utf8');
    const labels = labelsOf({ a: 'a'.repeat(length) });
    const start = process.cpuUsage();
    for (let i = 0; i < 3; i++) relabeller.apply(labels);
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  };
  for (const pattern of ['(a+)+$', '(a+)+b', '(a|aa)+b', '(.*)*x', '(a*)*b', '(a|a?)+c', '([a-z]+)*1'])
    for (const action of ['keep', 'replace', 'replace_all']) {
      costOf(pattern, action, 10_000);
      const [small, large] = [costOf(pattern, action, 50_000), costOf(pattern, action, 100_000)];
      assert.ok(large < 8 * small + 300, `${pattern} ${action}: ${small} ms, then ${large} ms`);
    }
});
