import type { RelabelRule } from './rule.js';

/** What a rule is where it says nothing else. */
export const DEFAULT_RULE: RelabelRule = {
  action: 'replace',
  sourceLabels: [],
  separator: ';',
  regex: '(.*)',
  modulus: 0,
  targetLabel: '',
  replacement: '$1',
  if: [],
  match: '',
  labels: {},
};
