import { type CompileRule, sourceOf } from './label-action.js';
import type { LabelSet } from './label-set.js';
import { Memo } from './memo.js';
import { PartPattern, Pattern } from './pattern.js';
import type { RelabelRule } from './rule.js';
import { Template } from './template.js';

/** Actions that vmagent adds to those of Prometheus, without those that are another word for one of these. */
export type VmagentAction =
  | 'replace_all'
  | 'labelmap_all'
  | 'keep_if_equal'
  | 'drop_if_equal'
  | 'keep_if_contains'
  | 'drop_if_contains'
  | 'graphite';

/** Replaces every match in a text; texts that come again are not looked through again. */
function replacer({ regex, replacement }: RelabelRule): (text: string) => string {
  const pattern = new PartPattern(regex);
  const template = new Template(replacement, pattern);
  const known = new Memo((text) => pattern.replaceAll(text, (groups) => template.expand(groups)));
  return (text) => known.get(text);
}

const replaceAll: CompileRule = (rule) => {
  const source = sourceOf(rule);
  const replaced = replacer(rule);
  return (labels) => {
    const text = source(labels);
    const value = replaced(text);
    if (value !== text) labels.set(rule.targetLabel, value);
    return true;
  };
};

/** Renames: the label of the old name goes. */
const labelmapAll: CompileRule = (rule) => {
  const replaced = replacer(rule);
  return (labels) => {
    const before = labels.entries();
    for (let i = 0; i < before.length; i += 2)
      if (replaced(before[i]!) !== before[i]) labels.set(before[i]!, '');
    for (let i = 0; i < before.length; i += 2) {
      const name = replaced(before[i]!);
      if (name !== before[i] && before[i + 1] !== '') labels.set(name, before[i + 1]!);
    }
    return true;
  };
};

function areEqual(labels: LabelSet, names: readonly string[]): boolean {
  const value = labels.get(names[0]!);
  for (let i = 1; i < names.length; i++) if (labels.get(names[i]!) !== value) return false;
  return true;
}

function containsAll(labels: LabelSet, { targetLabel, sourceLabels }: RelabelRule): boolean {
  const value = labels.get(targetLabel);
  for (const name of sourceLabels) if (!value.includes(labels.get(name))) return false;
  return true;
}

/** `*.*.total` splits the metric's name at its dots; a `*` never goes beyond one. */
const graphite: CompileRule = ({ match, labels: templates }) => {
  const escaped = match.split('*').map((word) => word.replace(/[\\.+?()|[\]{}^$]/g, '\\$&'));
  const pattern = new Pattern(escaped.join('([^.]*?)'));
  const values = Object.entries(templates).map(
    ([name, text]) => [name, new Template(text, pattern)] as const,
  );
  return (labels) => {
    const groups = pattern.groups(labels.get('__name__'));
    if (groups !== undefined) for (const [name, value] of values) labels.set(name, value.expand(groups));
    return true;
  };
};

/** How a rule of each is made to run. */
export const VMAGENT_ACTIONS: Readonly<Record<VmagentAction, CompileRule>> = {
  replace_all: replaceAll,
  labelmap_all: labelmapAll,
  keep_if_equal: (rule) => (labels) => areEqual(labels, rule.sourceLabels),
  drop_if_equal: (rule) => (labels) => !areEqual(labels, rule.sourceLabels),
  keep_if_contains: (rule) => (labels) => containsAll(labels, rule),
  drop_if_contains: (rule) => (labels) => !containsAll(labels, rule),
  graphite,
};
