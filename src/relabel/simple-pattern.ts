// Most patterns of rules are words, or words with `.*` at an end. Those need no engine.

/** Tells whether a whole text is one that the pattern means. */
export type TextTest = (text: string) => boolean;

/** `(.*)`, `(a|b)`: one group around everything. `undefined` when there are other groups, or more than one. */
export function withoutOuterGroup(pattern: string): { inner: string; captures: boolean } {
  const captures = /^\([^?()]/.test(pattern) || pattern === '()';
  const opening = captures ? 1 : pattern.startsWith('(?:') ? 3 : 0;
  const inner = pattern.slice(opening, -1);
  const isWhole = opening > 0 && pattern.endsWith(')') && !/[()]/.test(inner) && !inner.endsWith('\\');
  return isWhole ? { inner, captures } : { inner: pattern, captures: false };
}

/** What tests a whole text for a pattern that is made of words with `.*` or `.+` at their ends and `|` between them; `undefined` for any other. */
export function trySimpleTest(pattern: string): TextTest | undefined {
  const words = new Set<string>();
  const tests: TextTest[] = [];
  for (const alternative of splitAlternatives(pattern)) {
    const parsed = parseAlternative(alternative);
    if (parsed === undefined) return undefined;
    if (parsed.head === '' && parsed.tail === '') words.add(parsed.word);
    else tests.push(testOf(parsed));
  }
  if (tests.length === 0 && words.size > 1) return (text) => words.has(text);
  const [word] = words;
  if (tests.length === 0) return (text) => text === word;
  const [only] = tests;
  if (words.size === 0 && tests.length === 1) return only;
  return (text) => words.has(text) || tests.some((test) => test(text));
}

/** Between the bars; an escaped bar belongs to its word. */
function splitAlternatives(pattern: string): string[] {
  const parts: string[] = [];
  let from = 0;
  for (let i = 0; i < pattern.length; i++) {
    if (pattern[i] === '\\') i++;
    else if (pattern[i] === '|') {
      parts.push(pattern.slice(from, i));
      from = i + 1;
    }
  }
  return [...parts, pattern.slice(from)];
}

interface Alternative {
  head: '' | '.*' | '.+';
  word: string;
  tail: '' | '.*' | '.+';
}

/** Anchors at the ends say nothing new, because the whole text must match in any case. A word may hold escaped punctuation. */
function parseAlternative(written: string): Alternative | undefined {
  const match =
    /^\^?(\.[*+](?![*+?]))?((?:[^\\.+*?()|[\]{}^$]|\\[!-/:-@[-`{-~])*)(\.[*+](?![*+?]))?\$?$/.exec(written);
  if (match === null) return undefined;
  const [, head = '', escaped = '', tail = ''] = match as unknown as [string, '', string, ''];
  const word = escaped.replace(/\\(.)/g, '$1');
  return word === '' && head !== '' && tail !== '' ? undefined : { head, word, tail };
}

function testOf({ head, word, tail }: Alternative): TextTest {
  const least = word.length + Number(head === '.+') + Number(tail === '.+');
  if (tail === '') return (text) => text.length >= least && text.endsWith(word);
  if (head === '') return (text) => text.length >= least && text.startsWith(word);
  const from = head === '.+' ? 1 : 0;
  const behind = tail === '.+' ? 1 : 0;
  return (text) => {
    const at = text.indexOf(word, from);
    return at >= 0 && at + word.length + behind <= text.length;
  };
}
