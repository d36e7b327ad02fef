/** Whether a name fits a pattern of the shell: `*` stands for any text, `?` for one character, all else for itself. In time of at most the product of both lengths. */
export function matchesWildcard(name: string, pattern: string): boolean {
  let at = 0;
  let n = 0;
  /** Behind the last `*`, and where in the name it was tried. */
  let star = -1;
  let tried = 0;
  while (n < name.length) {
    if (pattern[at] === '*') {
      star = ++at;
      tried = n;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === name[n])) {
      at++;
      n++;
    } else if (star >= 0) {
      at = star;
      n = ++tried;
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
