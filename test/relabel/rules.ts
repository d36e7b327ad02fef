import assert from 'node:assert/strict';
import { parse } from 'yaml';
import { field } from '../../src/lib/index.js';
import { type Labels, labelsOf, labelsToMap } from '../../src/model/index.js';
import { compileRelabel, type NameScheme, type RelabelRule } from '../../src/relabel/index.js';
import { relabelField, relabelRules } from '../../src/relabel/schema.js';

const list = relabelField('Rules.', 'target');

/** Rules as they stand in a file: one of them, or a list. */
export function rulesOf(yaml: string): RelabelRule[] {
  const { value, issues } = field.check(list, written(yaml));
  assert.deepEqual(issues, undefined, yaml);
  return relabelRules(value!);
}

/** What is wrong with rules: `[path] message`, in the order of the keys. */
export function faultsOf(yaml: string): string[] {
  const { issues } = field.check(list, written(yaml));
  return (issues ?? []).map(({ path, message }) => `${path.slice(1).join('.')}: ${message}`);
}

/** The rules of a text, as they are written. */
export function written(yaml: string): unknown {
  const value = parse(yaml) as unknown;
  return Array.isArray(value) ? value : [value];
}

/** `{a: x, b: y}` as labels. */
export const labels = (yaml: string): Labels => labelsOf(parse(`{${yaml}}`) as Record<string, string>);

/** Asserts what rules make of labels; `dropped` when nothing is left of them. */
export function check(before: string, rules: string, want: string, scheme: NameScheme = 'utf8'): void {
  const given = labels(before);
  const after = compileRelabel(rulesOf(rules), scheme).apply(given);
  if (want === 'dropped') {
    assert.equal(after, undefined, rules);
    return;
  }
  const expected = want === 'unchanged' ? given : labels(want);
  assert.deepEqual(after && labelsToMap(after), labelsToMap(expected), rules);
  assert.deepEqual(after, expected, 'sorted');
  if (want === 'unchanged') assert.equal(after, given, 'the same array');
}
