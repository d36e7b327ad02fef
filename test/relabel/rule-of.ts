import { DEFAULT_RULE } from '../../src/relabel/default-rule.js';
import type { RelabelRule } from '../../src/relabel/index.js';

/** A rule with the defaults, but what `more` says. */
export function ruleOf(more: Partial<RelabelRule>): RelabelRule {
  return { ...DEFAULT_RULE, ...more };
}
