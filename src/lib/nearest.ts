/** `unknown key "coutn"; did you mean "count"?`, or the list of known keys when none is near. */
export function unknownKey(key: string, known: readonly string[]): string {
  return unknownWord('key', key, known);
}

/** The same for any kind of word: `unknown plugin "pign"; did you mean "ping"?`. */
export function unknownWord(kind: string, word: string, known: readonly string[]): string {
  const name = JSON.stringify(word.length > 60 ? `${word.slice(0, 57)}...` : word);
  const near = word.length > 60 ? undefined : nearest(word, known);
  if (near !== undefined) return `unknown ${kind} ${name}; did you mean "${near}"?`;
  return known.length === 0
    ? `unknown ${kind} ${name}; no ${kind}s are known here`
    : `unknown ${kind} ${name}; known: ${known.join(', ')}`;
}

/** The word that differs by at most a third of its letters (and at least one typing slip), if there is one. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of words) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j]!, before[j - 2]! + 1);
    }
    [before, above] = [above, row];
  }
  return above[b.length]!;
}
