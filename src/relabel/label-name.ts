import type { NameScheme } from './rule.js';

const LEGACY = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
/** Words and references to groups, beginning as a name does; the same language as Prometheus's own pattern, with one way to read each text. */
const LEGACY_TEMPLATE = /^(?:[a-zA-Z_]|\$(?:\{\w+\}|\w))(?:\w|\$(?:\{\w+\}|\w))*$/;

/** Whether a label may be called so. Values that are no Unicode (a lone half of a pair) are no names. */
export function isLabelName(name: string, scheme: NameScheme): boolean {
  return scheme === 'legacy' ? LEGACY.test(name) : name !== '' && !/\p{Surrogate}/u.test(name);
}

/** Whether a template with references to groups may give the name of a label. */
export function isNameTemplate(template: string, scheme: NameScheme): boolean {
  return scheme === 'legacy' ? LEGACY_TEMPLATE.test(template) : isLabelName(template, scheme);
}
