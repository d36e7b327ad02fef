import { RE2JS } from 're2js';
import { SentinelError } from '../lib/index.js';
import { Memo } from './memo.js';
import { type TextTest, trySimpleTest, withoutOuterGroup } from './simple-pattern.js';

/** Longer patterns are refused: what an engine needs grows with the pattern. */
const LONGEST = 64 * 1024;

/** What a pattern's groups matched: the whole match, then each group; one that took no part is empty. */
export type Groups = readonly string[];

/** The groups of a pattern, for those who write templates. */
export interface GroupNames {
  /** Groups without the whole match. */
  groupCount: number;
  namedGroups: Readonly<Record<string, number>>;
}

/** A RE2 pattern that must match the whole text, as Prometheus compiles it: `^(?s:PATTERN)$`. Linear in the text, whatever the pattern is. */
export class Pattern implements GroupNames {
  readonly groupCount: number;
  readonly namedGroups: Readonly<Record<string, number>>;
  /** It matches every text. */
  readonly matchesAll: boolean;
  readonly #test: TextTest;
  readonly #groups: (text: string) => Groups | undefined;

  /** Throws SEN_CONFIG_INVALID with RE2's own words. */
  constructor(pattern: string) {
    const { inner, captures } = withoutOuterGroup(pattern);
    const simple = trySimpleTest(inner);
    this.matchesAll = inner === '.*';
    if (simple !== undefined) {
      this.groupCount = captures ? 1 : 0;
      this.namedGroups = {};
      this.#test = simple;
      this.#groups = (text) => (simple(text) ? (captures ? [text, text] : [text]) : undefined);
      return;
    }
    const compiled = compileWhole(pattern);
    this.groupCount = compiled.groupCount();
    this.namedGroups = compiled.namedGroups();
    const tested = new Memo((text) => compiled.testExact(text));
    const matched = new Memo((text) => groupsOf(compiled, text));
    this.#test = (text) => tested.get(text);
    this.#groups = (text) => matched.get(text);
  }

  /** Whether the whole text matches. */
  test(text: string): boolean {
    return this.#test(text);
  }

  /** What the groups matched; `undefined` when the text does not match. */
  groups(text: string): Groups | undefined {
    return this.#groups(text);
  }
}

/**
 * A RE2 pattern that is looked for anywhere in a text, as vmagent's actions on all matches do it: here the dot matches no line break. Each search is
 * linear; one that reads to the end at every match (`a.*?b|a` on many a) is quadratic over all of them, as it is in Go.
 */
export class PartPattern implements GroupNames {
  readonly groupCount: number;
  readonly namedGroups: Readonly<Record<string, number>>;
  readonly #compiled: RE2JS;

  /** Throws SEN_CONFIG_INVALID with RE2's own words. */
  constructor(pattern: string) {
    this.#compiled = compile(pattern);
    this.groupCount = this.#compiled.groupCount();
    this.namedGroups = this.#compiled.namedGroups();
  }

  /** The text with every match replaced. An empty match right behind another match is none (Go's ReplaceAll). */
  replaceAll(text: string, replacement: (groups: Groups) => string): string {
    const matcher = this.#compiled.matcher(text);
    let result = '';
    let copied = 0;
    for (let from = 0; from <= text.length && matcher.find(from); ) {
      const [start, end] = [matcher.start(), matcher.end()];
      result += text.slice(copied, start);
      if (end > copied || start === 0) result += replacement(groupsIn(matcher));
      copied = end;
      const next = from + ((text.codePointAt(from) ?? 0) > 0xffff ? 2 : 1);
      from = Math.max(end, next);
    }
    return result + text.slice(copied);
  }
}

/** Whether Prometheus would compile it depends on what stands around it: `a)(b` is a pattern there. A fault is told of the pattern as written where that has one. */
function compileWhole(pattern: string): RE2JS {
  try {
    return compile(`^(?s:${pattern})$`);
  } catch (error) {
    compile(pattern);
    throw error;
  }
}

function compile(pattern: string): RE2JS {
  if (pattern.length > LONGEST)
    throw new SentinelError(
      'SEN_CONFIG_INVALID',
      `a regular expression of ${pattern.length} characters is too long; at most ${LONGEST} are allowed`,
    );
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    throw new SentinelError('SEN_CONFIG_INVALID', (error as Error).message);
  }
}

function groupsOf(compiled: RE2JS, text: string): Groups | undefined {
  const matcher = compiled.matcher(text);
  return matcher.matches() ? groupsIn(matcher) : undefined;
}

function groupsIn(matcher: ReturnType<RE2JS['matcher']>): Groups {
  const groups: string[] = [];
  for (let i = 0; i <= matcher.groupCount(); i++) groups.push(matcher.group(i) ?? '');
  return groups;
}
