import { type Fault, field, type Output } from '../lib/index.js';
import { ACTIONS } from './actions.js';
import { DEFAULT_RULE } from './default-rule.js';
import type { NameScheme, RelabelAction, RelabelRule } from './rule.js';
import { ruleFaults, schemeFaults } from './rule-faults.js';

/** Whose labels the rules work on: targets that were discovered, samples of a scrape, samples that are sent, or whatever they are given. */
export type RelabelSubject = 'target' | 'metric' | 'write' | 'any';

/** Prometheus's words for an entry that is not there. */
const EMPTY_ENTRY: Readonly<Record<RelabelSubject, string>> = {
  target: 'empty or null target relabeling rule in scrape config',
  metric: 'empty or null metric relabeling rule in scrape config',
  write: 'empty or null relabeling rule in remote write config',
  any: 'empty or null relabeling rule',
};

const entries = {
  action: field.choice(
    'What is done; those of Prometheus, then those of vmagent.',
    Object.keys(ACTIONS) as RelabelAction[],
    {
      default: DEFAULT_RULE.action,
      ignoreCase: true,
    },
  ),
  source_labels: field.list(
    'Labels whose values are joined: what `regex` is held against.',
    field.text('Name of a label.', { empty: true }),
    {
      default: [],
      example: ['__address__'],
    },
  ),
  separator: field.text('Stands between the values.', { default: DEFAULT_RULE.separator, empty: true }),
  regex: field.texts('RE2; the whole text must match, a dot matches anything. Of several one must match.', {
    default: DEFAULT_RULE.regex,
    empty: true,
  }),
  modulus: field.integer('Of hashmod: how many parts there are.', { default: 0, min: 0 }),
  target_label: field.text('The label that is set; may refer to groups of `regex`.', {
    optional: true,
    empty: true,
    example: 'instance',
  }),
  replacement: field.text(
    'What it is set to: `$1`, `${name}` are groups of `regex`, `{{label}}` is the value of a label.',
    {
      default: DEFAULT_RULE.replacement,
      empty: true,
    },
  ),
  if: field.texts('Series selector, or several: the rule leaves other labels alone; keep drops them.', {
    optional: true,
    example: '{job="node"}',
  }),
  match: field.text('Of graphite: a pattern for the name of the metric, such as `*.*.total`.', {
    default: '',
    empty: true,
  }),
  labels: field.map(
    'Of graphite: labels by name; `$1` is the first `*`.',
    field.text('Value of the label.', { empty: true }),
    {
      default: {},
      example: { job: '$1' },
    },
  ),
} as const;

/** A rule, whatever it works on. */
const ruleSection = field.section('A rule.', entries);

type RuleKeys = { readonly [K in keyof typeof entries]: Output<(typeof entries)[K]> };

/** A list of rules as they are written: `relabel_configs` and its kin. Every rule that Prometheus refuses at load is refused, except for what depends on the scheme of names: see `relabelFaults`. */
export function relabelField(description: string, subject: RelabelSubject) {
  const rule = field.section('A rule.', entries, {
    nothing: EMPTY_ENTRY[subject],
    rules: faultsOf,
  });
  return field.list(description, rule, { default: [] });
}

/** The rules that a checked list says. */
export function relabelRules(keys: readonly RuleKeys[]): RelabelRule[] {
  return keys.map(ruleOf);
}

/** What is wrong with rules only under the scheme of names of their job; the paths begin with the index of the rule. */
export function relabelFaults(rules: readonly RelabelRule[], scheme: NameScheme): Fault[] {
  return rules.flatMap((rule, i) =>
    schemeFaults(rule, scheme).map(({ path, message }) => ({ path: [i, ...path], message })),
  );
}

function ruleOf(keys: RuleKeys): RelabelRule {
  return {
    action: keys.action,
    sourceLabels: keys.source_labels,
    separator: keys.separator,
    regex: keys.regex.join('|'),
    modulus: keys.modulus,
    targetLabel: keys.target_label ?? '',
    replacement: keys.replacement,
    if: keys.if ?? [],
    match: keys.match,
    labels: keys.labels,
  };
}

/** A key that is wrong by itself has been told of, and what would follow from it is not told too. */
function faultsOf(keys: Readonly<Record<string, unknown>>): Fault[] {
  const { value, issues } = field.checkKeys(ruleSection, keys);
  const wrong = new Set(issues.map(({ path }) => path[0]));
  if (wrong.has('action')) return [];
  const defaults = field.check(ruleSection, {}).value as RuleKeys;
  return ruleFaults(ruleOf({ ...defaults, ...value })).filter(({ path }) => !wrong.has(path[0]!));
}
