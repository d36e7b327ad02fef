// Go's ToLower and ToUpper map one code point to one code point. JavaScript's write "ß" as "SS" and know a final sigma.

/** Letters whose capital is two letters in JavaScript and one (of title case) in Go: Greek ones with an iota below. */
const IOTA_BELOW = /[\u1f80-\u1f87\u1f90-\u1f97\u1fa0-\u1fa7\u1fb3\u1fc3\u1ff3]/;

/** The text in small letters, as Go writes it. */
export function lowercase(text: string): string {
  return mapLetters(text, (letter) => (letter === 'İ' ? 'i' : letter.toLowerCase()));
}

/** The text in capitals, as Go writes it. */
export function uppercase(text: string): string {
  return mapLetters(text, (letter) => {
    if (IOTA_BELOW.test(letter))
      return String.fromCodePoint(letter.codePointAt(0)! + (letter >= '\u1fb0' ? 9 : 8));
    const capital = letter.toUpperCase();
    return capital.length > letter.length ? letter : capital;
  });
}

function mapLetters(text: string, map: (letter: string) => string): string {
  let result = '';
  for (const letter of text) result += map(letter);
  return result;
}
