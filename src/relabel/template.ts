import type { GroupNames, Groups } from './pattern.js';

/** Gives the value of a label, or an empty text. */
interface LabelValues {
  get(label: string): string;
}

/** A piece of a template: itself, a group, or a label. */
type Part = string | number | { label: string };

/**
 * A text with references, expanded as Go's regexp.Expand does it: `$1`, `$name`, `${name}`; a bare name is as long as it can be, so `$1x` means the
 * group `1x`; `$$` is `$`; a `$` before anything else is itself; a group that is not there, or took no part, is empty.
 */
export class Template {
  /** The text, when nothing in it is a reference. */
  readonly fixed: string | undefined;
  readonly #parts: readonly Part[];

  /** `labels`: also `{{label}}`, the value of a label as it is at that moment (vmagent). */
  constructor(text: string, groups: GroupNames, labels: 'labels' | 'no labels' = 'no labels') {
    this.#parts = parse(text, groups, labels === 'labels');
    this.fixed = this.#parts.every((part) => typeof part === 'string') ? this.#parts.join('') : undefined;
  }

  /** The text for a match; `labels` are needed where it may refer to some. */
  expand(groups: Groups, labels?: LabelValues): string {
    if (this.fixed !== undefined) return this.fixed;
    let text = '';
    for (const part of this.#parts) {
      if (typeof part === 'string') text += part;
      else text += typeof part === 'number' ? (groups[part] ?? '') : (labels?.get(part.label) ?? '');
    }
    return text;
  }
}

/** Whether a text holds what Prometheus takes for a reference to a group. */
export const hasReference = (text: string) => text.includes('$');

const REFERENCE = /\$\$|\$([\p{L}\p{Nd}_]+)|\$\{([\p{L}\p{Nd}_]+)\}/gu;
const REFERENCE_OR_LABEL = /\$\$|\$([\p{L}\p{Nd}_]+)|\$\{([\p{L}\p{Nd}_]+)\}|\{\{(.*?)\}\}/gsu;

function parse(text: string, groups: GroupNames, labels: boolean): Part[] {
  const parts: Part[] = [];
  let at = 0;
  for (const match of text.matchAll(labels ? REFERENCE_OR_LABEL : REFERENCE)) {
    if (match.index > at) parts.push(text.slice(at, match.index));
    at = match.index + match[0].length;
    const name = match[1] ?? match[2];
    if (match[0] === '$$') parts.push('$');
    else if (name === undefined) parts.push({ label: match[3] ?? '' });
    else {
      const group = groupOf(name, groups);
      if (group !== undefined) parts.push(group);
    }
  }
  if (at < text.length) parts.push(text.slice(at));
  return parts;
}

/** `01` is a name, not the number 1. */
function groupOf(name: string, { groupCount, namedGroups }: GroupNames): number | undefined {
  if (!/^(0|[1-9][0-9]*)$/.test(name))
    return Object.hasOwn(namedGroups, name) ? namedGroups[name] : undefined;
  const number = Number(name);
  return number <= groupCount ? number : undefined;
}
