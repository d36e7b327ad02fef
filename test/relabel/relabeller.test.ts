import assert from 'node:assert/strict';
import test from 'node:test';
import { labelsToMap } from '../../src/model/index.js';
import { compileRelabel, type RelabelRule } from '../../src/relabel/index.js';
import { labels, rulesOf } from './rules.js';

test('explain: each rule with what it saw and gave, up to the one that drops', () => {
  const rules = rulesOf(`
    - {source_labels: [a], target_label: b}
    - {source_labels: [a], regex: other, target_label: c}
    - {action: labeldrop, regex: 'a|x'}
    - {action: keep, if: '{b="y"}'}
    - {action: drop}`);
  const steps = compileRelabel(rules, 'utf8').explain(labels('a: x'));
  assert.deepEqual(
    steps.map(({ rule, applied, before, after }) => [
      rule,
      applied,
      labelsToMap(before),
      after && labelsToMap(after),
    ]),
    [
      ['{action: replace, source_labels: [a], target_label: b}', true, { a: 'x' }, { a: 'x', b: 'x' }],
      [
        '{action: replace, source_labels: [a], regex: other, target_label: c}',
        false,
        { a: 'x', b: 'x' },
        { a: 'x', b: 'x' },
      ],
      ['{action: labeldrop, regex: "a|x"}', true, { a: 'x', b: 'x' }, { b: 'x' }],
      ['{action: keep, if: ["{b=\\"y\\"}"]}', true, { b: 'x' }, undefined],
    ],
  );
});

test('apply and explain agree, and one call leaves nothing for the next', () => {
  const relabeller = compileRelabel(
    rulesOf("[{source_labels: [a], regex: '(x).*', target_label: b}, {action: labeldrop, regex: c}]"),
    'utf8',
  );
  for (const text of ['a: x1, c: z', 'a: y', 'b: q', '', 'a: x1, c: z']) {
    const given = labels(text);
    const steps = relabeller.explain(given);
    assert.deepEqual(relabeller.apply(given), steps.at(-1)?.after, text);
  }
});

test('no rules', () => {
  const relabeller = compileRelabel([], 'utf8');
  const given = labels('a: x');
  assert.equal(relabeller.isEmpty, true);
  assert.equal(relabeller.apply(given), given);
  assert.deepEqual(relabeller.explain(given), []);
});

test('a rule that is wrong is named', () => {
  const f = (rule: Partial<RelabelRule>, want: RegExp, scheme: 'utf8' | 'legacy' = 'utf8') => {
    const rules = [...rulesOf('{action: keep}'), { ...rulesOf('{target_label: a}')[0]!, ...rule }];
    assert.throws(() => compileRelabel(rules, scheme), { code: 'SEN_CONFIG_INVALID', message: want });
  };
  f(
    { regex: '(' },
    /^relabel rule 2 \{action: replace, regex: \(, target_label: a\}: error parsing regexp: missing closing \)/,
  );
  f({ targetLabel: '' }, /requires 'target_label' value$/);
  f({ targetLabel: 'a-b' }, /"a-b" is invalid 'target_label' for replace action$/, 'legacy');
});

test('names are sorted by bytes, also those that were set', () => {
  const relabeller = compileRelabel(
    rulesOf(
      '[{target_label: "\uffee", replacement: x}, {target_label: "\u{1f600}", replacement: y}, {target_label: A, replacement: z}]',
    ),
    'utf8',
  );
  assert.deepEqual(relabeller.apply(labels('a: x')), ['A', 'z', 'a', 'x', '\uffee', 'x', '\u{1f600}', 'y']);
});
