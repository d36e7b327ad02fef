import { SentinelError } from '../lib/index.js';

/** One condition of a selector, as written. */
export interface WrittenMatcher {
  label: string;
  operator: '=' | '!=' | '=~' | '!~';
  value: string;
}

/** A selector as written: its name, and the groups of conditions between `or`. */
export interface WrittenSelector {
  name: string | undefined;
  groups: readonly (readonly WrittenMatcher[])[];
}

const SPACE = /[ \t\r\n]*/y;
/** Dots and colons: names of vmagent's graphite and of recording rules. */
const WORD = /[a-zA-Z_:][a-zA-Z0-9_:.]*/y;
const OPERATOR = /=~|!~|!=|=/y;
const QUOTED = /"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*'|`[^`]*`/y;
const ESCAPE = /(?:\\(?:x[0-9a-fA-F]{2}|[0-7]{3}))+|\\(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)/gs;
const LETTERS: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

/** Reads the text of one selector from left to right. */
export class SelectorReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The whole selector. Throws SEN_CONFIG_INVALID. */
  read(): WrittenSelector {
    const name = this.#take(WORD);
    if (!this.#takeChar('{')) {
      if (name === '') this.#fail('expected a series selector such as name{label="value"}');
      this.#end();
      return { name, groups: [[]] };
    }
    const groups: WrittenMatcher[][] = [[]];
    const names = name === '' ? [] : [name];
    for (let more = !this.#peek('}'); more; ) {
      this.#item(groups.at(-1)!, names);
      if (this.#takeChar(',') || this.#peek('}')) more = !this.#peek('}');
      else if (this.#take(WORD) === 'or') groups.push([]);
      else this.#fail('expected a comma, "or" or }');
    }
    this.#takeChar('}');
    this.#end();
    return { name: names[0], groups };
  }

  /** `label="value"`, or the metric's name in quotes. */
  #item(group: WrittenMatcher[], names: string[]): void {
    const start = this.#at;
    const word = this.#take(WORD);
    const label = word === '' ? this.#quoted('a label') : word;
    const operator = this.#take(OPERATOR) as WrittenMatcher['operator'] | '';
    const isName = operator === '' && word === '';
    if ((isName || label === '__name__') && names.length > 0)
      this.#fail('the name of the metric is given twice', start);
    if (isName) names.push(label);
    else if (operator === '') this.#fail('expected one of = != =~ !~');
    else group.push({ label, operator, value: this.#quoted('a value') });
  }

  #quoted(what: string): string {
    const text = this.#take(QUOTED);
    if (text === '') this.#fail(`expected ${what}${what === 'a value' ? ' in quotes' : ''}`);
    return text.startsWith('`') ? text.slice(1, -1) : this.#unescaped(text.slice(1, -1));
  }

  /** Escapes as in Go's strings; `\x` and octal ones give bytes. */
  #unescaped(text: string): string {
    return text.replace(ESCAPE, (escaped) => {
      if (/^\\[x0-7]./.test(escaped)) return this.#bytes(escaped);
      if (/^\\[uU]./.test(escaped)) return this.#character(escaped);
      return LETTERS[escaped.slice(1)] ?? this.#fail(`unknown escape sequence ${escaped}`);
    });
  }

  #bytes(run: string): string {
    const numbers = run.split('\\').slice(1);
    const bytes = Buffer.from(
      numbers.map((n) => (n.startsWith('x') ? Number.parseInt(n.slice(1), 16) : Number.parseInt(n, 8))),
    );
    const text = bytes.toString('utf8');
    return Buffer.from(text).equals(bytes) ? text : this.#fail('the escaped bytes are not UTF-8');
  }

  #character(escaped: string): string {
    const point = Number.parseInt(escaped.slice(2), 16);
    const isOne = point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
    return isOne ? String.fromCodePoint(point) : this.#fail(`${escaped} is no character`);
  }

  #take(token: RegExp): string {
    SPACE.lastIndex = this.#at;
    SPACE.test(this.#text);
    token.lastIndex = SPACE.lastIndex;
    const match = token.exec(this.#text);
    if (match === null) return '';
    this.#at = token.lastIndex;
    return match[0];
  }

  #peek(char: string): boolean {
    SPACE.lastIndex = this.#at;
    SPACE.test(this.#text);
    return this.#text[SPACE.lastIndex] === char;
  }

  #takeChar(char: string): boolean {
    if (!this.#peek(char)) return false;
    this.#at = SPACE.lastIndex + 1;
    return true;
  }

  #end(): void {
    if (this.#text.slice(this.#at).trim() !== '') this.#fail('nothing may follow the selector');
  }

  #fail(message: string, at = this.#at): never {
    const rest = this.#text.slice(at).trimStart();
    const found =
      rest === '' ? 'the end' : JSON.stringify(rest.length > 20 ? `${rest.slice(0, 20)}...` : rest);
    throw new SentinelError(
      'SEN_CONFIG_INVALID',
      `selector ${JSON.stringify(this.#text.slice(0, 200))}: ${message}, got ${found}`,
    );
  }
}
