import { DEFAULT_RULE } from './default-rule.js';
import type { RelabelRule } from './rule.js';

/** The keys of a rule as they are written, in the order of the text. */
const KEYS = {
  action: 'action',
  if: 'if',
  source_labels: 'sourceLabels',
  separator: 'separator',
  regex: 'regex',
  modulus: 'modulus',
  target_label: 'targetLabel',
  replacement: 'replacement',
  match: 'match',
  labels: 'labels',
} as const satisfies Record<string, keyof RelabelRule>;

/** A rule on one line of YAML, without what is the default: `{action: drop, source_labels: [job], regex: node}`. */
export function ruleText(rule: RelabelRule): string {
  const parts = Object.entries(KEYS).flatMap(([written, key]) => {
    const value = rule[key];
    const isDefault = JSON.stringify(value) === JSON.stringify(DEFAULT_RULE[key]);
    return isDefault && key !== 'action' ? [] : [`${written}: ${valueText(value)}`];
  });
  return `{${parts.join(', ')}}`;
}

function valueText(value: RelabelRule[keyof RelabelRule]): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return plainOrQuoted(value);
  if (Array.isArray(value)) return `[${value.map(plainOrQuoted).join(', ')}]`;
  return `{${Object.entries(value)
    .map(([key, text]) => `${plainOrQuoted(key)}: ${plainOrQuoted(text)}`)
    .join(', ')}}`;
}

const plainOrQuoted = (text: string) =>
  /^[a-zA-Z_$(.^/][\w$().*+/^@-]*$/.test(text) && !/^(?:true|false|null|\.\d.*|\.inf|\.nan)$/i.test(text)
    ? text
    : JSON.stringify(text);
