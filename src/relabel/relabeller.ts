// Hot path: `apply` runs per new series. Benchmark: test/bench/relabel.
import { SentinelError } from '../lib/index.js';
import type { Labels } from '../model/index.js';
import { ACTIONS } from './actions.js';
import type { CompiledRule } from './label-action.js';
import { LabelSet, sameLabels } from './label-set.js';
import type { NameScheme, RelabelRule } from './rule.js';
import { ruleFaults, schemeFaults } from './rule-faults.js';
import { ruleText } from './rule-text.js';
import { parseSelector } from './selector.js';

/** What one rule did. */
export interface RelabelStep {
  /** The rule on one line of YAML. */
  rule: string;
  /** It changed a label, or dropped them all. */
  applied: boolean;
  before: Labels;
  /** `undefined`: the rule dropped them; it is the last one then. */
  after: Labels | undefined;
}

/** A rule that runs, and how it is written. */
interface Step {
  run: CompiledRule;
  rule: RelabelRule;
}

/** Rules that are ready to run, in their order. Pure: the same labels give the same. */
export class Relabeller {
  readonly isEmpty: boolean;
  readonly #steps: readonly Step[];
  readonly #set = new LabelSet();

  constructor(steps: readonly Step[]) {
    this.#steps = steps;
    this.isEmpty = steps.length === 0;
  }

  /** The labels after all rules; `undefined` when a rule dropped them; the same array when nothing changed. It may be empty: rules can take every label away. */
  apply(labels: Labels): Labels | undefined {
    const set = this.#set;
    set.reset(labels);
    for (const { run } of this.#steps) if (!run(set)) return undefined;
    return set.labels();
  }

  /** What each rule sees and gives, up to the one that drops the labels. */
  explain(labels: Labels): RelabelStep[] {
    const set = new LabelSet();
    set.reset(labels);
    const steps: RelabelStep[] = [];
    let before = labels;
    for (const { run, rule } of this.#steps) {
      const after = run(set) ? set.labels() : undefined;
      const applied = after === undefined || !sameLabels(before, after);
      steps.push({ rule: ruleText(rule), applied, before, after });
      if (after === undefined) break;
      before = after;
    }
    return steps;
  }
}

/** Makes rules run. Throws SEN_CONFIG_INVALID that names the rule; a checked configuration has none that is wrong. */
export function compileRelabel(rules: readonly RelabelRule[], scheme: NameScheme): Relabeller {
  return new Relabeller(rules.map((rule, i) => ({ rule, run: compileRule(rule, scheme, i) })));
}

function compileRule(rule: RelabelRule, scheme: NameScheme, index: number): CompiledRule {
  const [fault] = [...ruleFaults(rule), ...schemeFaults(rule, scheme)];
  if (fault !== undefined)
    throw new SentinelError(
      'SEN_CONFIG_INVALID',
      `relabel rule ${index + 1} ${ruleText(rule)}: ${fault.message}`,
    );
  const run = ACTIONS[rule.action](rule, scheme);
  return rule.if.length === 0 ? run : onlyIf(rule, run);
}

/** A rule with `if` does nothing to other labels - unless it keeps: then it keeps those only (vmagent). */
function onlyIf(rule: RelabelRule, run: CompiledRule): CompiledRule {
  const selectors = rule.if.map(parseSelector);
  const otherwise = rule.action !== 'keep' && rule.action !== 'keep_metrics';
  return (labels) => {
    const now = labels.labels();
    for (const selector of selectors) if (selector.matches(now)) return run(labels);
    return otherwise;
  };
}
