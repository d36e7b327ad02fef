import { hashmod } from './hashmod.js';
import { type CompiledRule, type CompileRule, sourceOf } from './label-action.js';
import { isLabelName } from './label-name.js';
import type { LabelSet } from './label-set.js';
import { lowercase, uppercase } from './letter-case.js';
import { Memo } from './memo.js';
import { Pattern } from './pattern.js';
import type { RelabelAction, RelabelRule } from './rule.js';
import { Template } from './template.js';
import { VMAGENT_ACTIONS } from './vmagent-actions.js';

/** `$1` of `(.*)` copies the source; most rules do that, so they are spared the groups. */
const copies = ({ regex, replacement }: RelabelRule) =>
  regex === '(.*)' && /^\$(?:1|\{1\})$/.test(replacement);

const replace: CompileRule = (rule, scheme) => {
  const source = sourceOf(rule);
  const pattern = new Pattern(rule.regex);
  const target = new Template(rule.targetLabel, pattern);
  const value = new Template(rule.replacement, pattern, 'labels');
  const fixed = target.fixed !== undefined && isLabelName(target.fixed, scheme) ? target.fixed : undefined;
  if (target.fixed !== undefined && fixed === undefined) return () => true;
  if (fixed !== undefined && copies(rule)) return always((labels) => labels.set(fixed, source(labels)));
  if (fixed !== undefined && value.fixed !== undefined) {
    const text = value.fixed;
    return always((labels) => {
      if (pattern.test(source(labels))) labels.set(fixed, text);
    });
  }
  return always((labels) => {
    const groups = pattern.groups(source(labels));
    if (groups === undefined) return;
    const name = fixed ?? target.expand(groups);
    if (fixed === undefined && !isLabelName(name, scheme)) return;
    labels.set(name, value.expand(groups, labels));
  });
};

const always =
  (change: (labels: LabelSet) => void): CompiledRule =>
  (labels) => {
    change(labels);
    return true;
  };

const keep: CompileRule = (rule) => {
  const source = sourceOf(rule);
  const pattern = new Pattern(rule.regex);
  return (labels) => pattern.test(source(labels));
};

const drop: CompileRule = (rule) => {
  const source = sourceOf(rule);
  const pattern = new Pattern(rule.regex);
  return (labels) => !pattern.test(source(labels));
};

const keepequal: CompileRule = (rule) => {
  const source = sourceOf(rule);
  return (labels) => source(labels) === labels.get(rule.targetLabel);
};

const dropequal: CompileRule = (rule) => {
  const source = sourceOf(rule);
  return (labels) => source(labels) !== labels.get(rule.targetLabel);
};

/** Sets the target label to what a function makes of the source. */
const computed =
  (compute: (text: string) => string): CompileRule =>
  (rule) => {
    const source = sourceOf(rule);
    return always((labels) => labels.set(rule.targetLabel, compute(source(labels))));
  };

const hashed: CompileRule = (rule) => {
  const source = sourceOf(rule);
  const numbers = new Memo((text) => hashmod(text, rule.modulus));
  return always((labels) => labels.set(rule.targetLabel, numbers.get(source(labels))));
};

const labelmap: CompileRule = (rule) => {
  const pattern = new Pattern(rule.regex);
  const template = new Template(rule.replacement, pattern);
  const names = new Memo((name) => {
    const groups = pattern.groups(name);
    return groups && template.expand(groups);
  });
  return always((labels) => {
    // The rule sees the labels as they were: what it sets must not be mapped again.
    const before = labels.entries();
    for (let i = 0; i < before.length; i += 2) {
      const name = before[i + 1] === '' ? undefined : names.get(before[i]!);
      if (name !== undefined) labels.set(name, before[i + 1]!);
    }
  });
};

const deleteWhere = (isGone: (name: string) => boolean): CompiledRule =>
  always((labels) => {
    for (let i = 0; i < labels.size; i += 2)
      if (labels.at(i + 1) !== '' && isGone(labels.at(i))) labels.deleteAt(i);
  });

const labeldrop: CompileRule = (rule) => {
  const pattern = new Pattern(rule.regex);
  return deleteWhere((name) => pattern.test(name));
};

const labelkeep: CompileRule = (rule) => {
  const pattern = new Pattern(rule.regex);
  return deleteWhere((name) => !pattern.test(name));
};

/** Every action, and how a rule of it is made to run. */
export const ACTIONS: Readonly<Record<RelabelAction, CompileRule>> = {
  replace,
  keep,
  drop,
  keepequal,
  dropequal,
  hashmod: hashed,
  labelmap,
  labeldrop,
  labelkeep,
  lowercase: computed(lowercase),
  uppercase: computed(uppercase),
  ...VMAGENT_ACTIONS,
  keep_metrics: (rule, scheme) => keep({ ...rule, sourceLabels: ['__name__'] }, scheme),
  drop_metrics: (rule, scheme) => drop({ ...rule, sourceLabels: ['__name__'] }, scheme),
};
