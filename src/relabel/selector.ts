import { SentinelError } from '../lib/index.js';
import { type Labels, labelsOf, labelValue } from '../model/index.js';
import { Pattern } from './pattern.js';
import { SelectorReader, type WrittenMatcher } from './selector-reader.js';

/** Tells whether labels fit. An absent label has an empty value. */
type Matcher = (labels: Labels) => boolean;

/** A series selector, ready to use. */
export class Selector {
  /** Groups that stood between `or`; in each all must match. */
  readonly #groups: readonly (readonly Matcher[])[];

  constructor(groups: readonly (readonly Matcher[])[]) {
    this.#groups = groups;
  }

  /** Whether the series with these labels is meant. */
  matches(labels: Labels): boolean {
    for (const group of this.#groups) if (allMatch(group, labels)) return true;
    return false;
  }
}

function allMatch(matchers: readonly Matcher[], labels: Labels): boolean {
  for (const matches of matchers) if (!matches(labels)) return false;
  return true;
}

/**
 * Reads a series selector of PromQL: `name{label="x", other=~"y.*"}`, names in quotes where they are no plain words, and vmagent's
 * `{a="b" or c="d"}`. Throws SEN_CONFIG_INVALID that says what is wrong and where in the text.
 */
export function parseSelector(text: string): Selector {
  const { name, groups } = new SelectorReader(text).read();
  const named = name === undefined ? [] : [{ label: '__name__', operator: '=' as const, value: name }];
  return new Selector(groups.map((group) => [...named, ...group].map(matcherOf)));
}

function matcherOf({ label, operator, value }: WrittenMatcher): Matcher {
  if (operator === '=') return (labels) => labelValue(labels, label) === value;
  if (operator === '!=') return (labels) => labelValue(labels, label) !== value;
  const pattern = new Pattern(value);
  return operator === '=~'
    ? (labels) => pattern.test(labelValue(labels, label))
    : (labels) => !pattern.test(labelValue(labels, label));
}

/** Reads one series or the labels of a target: `name{label="x"}`. Throws SEN_CONFIG_INVALID that says what is wrong and where in the text. */
export function parseSeries(text: string): Labels {
  const { name, groups } = new SelectorReader(text).read();
  const labels: Record<string, string> = name === undefined ? {} : { __name__: name };
  if (groups.length > 1) throw notSeries(text, 'it holds "or"');
  for (const { label, operator, value } of groups[0] ?? []) {
    if (operator !== '=') throw notSeries(text, `it holds ${operator}`);
    if (Object.hasOwn(labels, label)) throw notSeries(text, `the label ${label} is given twice`);
    Object.defineProperty(labels, label, { value, enumerable: true });
  }
  return labelsOf(labels);
}

function notSeries(text: string, reason: string): SentinelError {
  return new SentinelError('SEN_CONFIG_INVALID', `${JSON.stringify(text)} is not one series: ${reason}`);
}
