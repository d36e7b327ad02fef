import type { LabelSet } from './label-set.js';
import type { NameScheme, RelabelRule } from './rule.js';

/** A rule as it runs: changes the labels, and says whether they are kept. */
export type CompiledRule = (labels: LabelSet) => boolean;

/** Makes a rule of one action run. Throws SEN_CONFIG_INVALID when a pattern in it is none. */
export type CompileRule = (rule: RelabelRule, scheme: NameScheme) => CompiledRule;

/** The values of a rule's source labels, joined; empty without source labels. */
export function sourceOf({ sourceLabels, separator }: RelabelRule): (labels: LabelSet) => string {
  const [first] = sourceLabels;
  if (first === undefined) return () => '';
  if (sourceLabels.length === 1) return (labels) => labels.get(first);
  return (labels) => {
    let value = labels.get(first);
    for (let i = 1; i < sourceLabels.length; i++) value += separator + labels.get(sourceLabels[i]!);
    return value;
  };
}
