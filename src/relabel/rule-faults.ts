import { type Fault, SentinelError } from '../lib/index.js';
import { DEFAULT_RULE } from './default-rule.js';
import { isLabelName, isNameTemplate } from './label-name.js';
import { PartPattern, Pattern } from './pattern.js';
import type { NameScheme, RelabelAction, RelabelRule } from './rule.js';
import { parseSelector } from './selector.js';
import { hasReference } from './template.js';

/** The keys of a rule as they are written, beside `action` and `if`. */
const WRITTEN = {
  sourceLabels: 'source_labels',
  separator: 'separator',
  regex: 'regex',
  modulus: 'modulus',
  targetLabel: 'target_label',
  replacement: 'replacement',
  match: 'match',
  labels: 'labels',
} as const;

type Key = keyof typeof WRITTEN;

/** Actions that write to `target_label`, or compare with it. */
const NEED_TARGET: readonly RelabelAction[] = [
  'replace',
  'hashmod',
  'lowercase',
  'uppercase',
  'keepequal',
  'dropequal',
  'replace_all',
  'keep_if_contains',
  'drop_if_contains',
];

/** Keys that an action would not look at. Prometheus refuses them in these actions; of vmagent's all that mean nothing are refused. */
const UNUSED: Partial<Record<RelabelAction, readonly Key[]>> = {
  lowercase: ['replacement'],
  uppercase: ['replacement'],
  keep_if_equal: ['targetLabel', 'regex', 'replacement', 'modulus'],
  drop_if_equal: ['targetLabel', 'regex', 'replacement', 'modulus'],
  keep_if_contains: ['regex', 'replacement', 'modulus'],
  drop_if_contains: ['regex', 'replacement', 'modulus'],
  keep_metrics: ['sourceLabels', 'targetLabel', 'replacement', 'modulus'],
  drop_metrics: ['sourceLabels', 'targetLabel', 'replacement', 'modulus'],
  graphite: ['sourceLabels', 'targetLabel', 'regex', 'replacement', 'modulus'],
};

/** Actions that know no other keys than these, in Prometheus's words. */
const ONLY: Partial<Record<RelabelAction, { keys: readonly Key[]; words: string }>> = {
  keepequal: { keys: ['sourceLabels', 'targetLabel'], words: "'source_labels' and `target_label`" },
  dropequal: { keys: ['sourceLabels', 'targetLabel'], words: "'source_labels' and `target_label`" },
  labeldrop: { keys: ['regex'], words: "'regex'" },
  labelkeep: { keys: ['regex'], words: "'regex'" },
};

/** What is wrong with a rule under any scheme of names; the path is the key, as it is written. */
export function ruleFaults(rule: RelabelRule): Fault[] {
  return [
    ...keyFaults(rule),
    ...vmagentFaults(rule),
    ...nameFaults(rule, 'utf8'),
    ...patternFaults(rule),
    ...rule.if.flatMap((text, i) => faultOf(['if', i], () => parseSelector(text))),
  ];
}

/** What the legacy scheme of names finds wrong beyond that. */
export function schemeFaults(rule: RelabelRule, scheme: NameScheme): Fault[] {
  return scheme === 'utf8' || nameFaults(rule, 'utf8').length > 0 ? [] : nameFaults(rule, scheme);
}

function keyFaults(rule: RelabelRule): Fault[] {
  const { action } = rule;
  const faults: Fault[] = [];
  const at = (key: Key, message: string) => faults.push({ path: [WRITTEN[key]], message });
  if (action === 'hashmod' && rule.modulus === 0)
    at('modulus', 'relabel configuration for hashmod requires non-zero modulus');
  if (NEED_TARGET.includes(action) && rule.targetLabel === '')
    at('targetLabel', `relabel configuration for ${action} action requires 'target_label' value`);
  for (const key of UNUSED[action] ?? [])
    if (isGiven(rule, key)) at(key, `'${WRITTEN[key]}' can not be set for ${action} action`);
  const only = ONLY[action];
  const other = (
    ['sourceLabels', 'targetLabel', 'regex', 'modulus', 'separator', 'replacement'] as const
  ).find((key) => only !== undefined && !only.keys.includes(key) && isGiven(rule, key));
  if (only !== undefined && other !== undefined)
    at(other, `${action} action requires only ${only.words}, and no other fields`);
  return faults;
}

function vmagentFaults(rule: RelabelRule): Fault[] {
  const { action, sourceLabels } = rule;
  const faults: Fault[] = [];
  const at = (key: Key, message: string) => faults.push({ path: [WRITTEN[key]], message });
  const least = LEAST_SOURCES[action] ?? 0;
  if (sourceLabels.length < least)
    at('sourceLabels', `${action} action requires at least ${least} 'source_labels'`);
  if (
    (action === 'keep_metrics' || action === 'drop_metrics') &&
    !isGiven(rule, 'regex') &&
    rule.if.length === 0
  )
    at('regex', `${action} action requires a 'regex' or an 'if'`);
  if (action === 'graphite') {
    if (rule.match === '') at('match', 'graphite action requires a \'match\' such as "*.*.total"');
    if (!isGiven(rule, 'labels')) at('labels', "graphite action requires 'labels'");
  } else
    for (const key of ['match', 'labels'] as const)
      if (isGiven(rule, key)) at(key, `'${key}' belongs to the graphite action, and this is ${action}`);
  return faults;
}

const LEAST_SOURCES: Partial<Record<RelabelAction, number>> = {
  replace_all: 1,
  keep_if_equal: 2,
  drop_if_equal: 2,
  keep_if_contains: 1,
  drop_if_contains: 1,
};

const isGiven = (rule: RelabelRule, key: Key) =>
  JSON.stringify(rule[key]) !== JSON.stringify(DEFAULT_RULE[key]);

/** Names that a rule gives must be names under the scheme; where groups decide, what can be said of the template. */
function nameFaults(rule: RelabelRule, scheme: NameScheme): Fault[] {
  const { action, targetLabel, replacement } = rule;
  const faults: Fault[] = [];
  if (NEED_TARGET.includes(action) && targetLabel !== '') {
    const isTemplate = action === 'replace' && hasReference(targetLabel);
    const fits = (isTemplate ? isNameTemplate : isLabelName)(targetLabel, scheme);
    if (!fits) faults.push(invalid('target_label', targetLabel, action));
  }
  if (action === 'labelmap' && !isNameTemplate(replacement, scheme))
    faults.push(invalid('replacement', replacement, action));
  for (const [i, name] of rule.sourceLabels.entries())
    if (!isLabelName(name, 'utf8'))
      faults.push({
        path: ['source_labels', i],
        message: `${JSON.stringify(name)} is not a valid label name`,
      });
  for (const name of Object.keys(rule.labels))
    if (!isLabelName(name, scheme)) faults.push(invalid(`labels`, name, action));
  return faults;
}

const invalid = (key: string, value: string, action: RelabelAction): Fault => ({
  path: [key],
  message: `${JSON.stringify(value)} is invalid '${key}' for ${action} action`,
});

function patternFaults({ action, regex }: RelabelRule): Fault[] {
  const isPart = action === 'replace_all' || action === 'labelmap_all';
  return faultOf(['regex'], () => (isPart ? new PartPattern(regex) : new Pattern(regex)));
}

function faultOf(path: Fault['path'], compile: () => unknown): Fault[] {
  try {
    compile();
    return [];
  } catch (error) {
    if (!(error instanceof SentinelError)) throw error;
    return [{ path, message: error.message }];
  }
}
