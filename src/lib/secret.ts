import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { inspect } from 'node:util';

/** A text that prints as `<secret>` wherever it could leak: templates, JSON, logs, inspect. */
export class Secret {
  #text: string;
  readonly #file: string | undefined;

  constructor(text: string, file?: string) {
    this.#text = text;
    this.#file = file;
  }

  /** A secret that stands in a file; `read` must be called before `reveal`. */
  static inFile(file: string): Secret {
    return new Secret('', file);
  }

  /** Reads the file, relative to `directory`, without the line end behind its text; gives what is wrong, or nothing. A no-op without a file. Sync: only while a configuration is loaded. */
  read(directory: string): string | undefined {
    if (this.#file === undefined) return undefined;
    try {
      this.#text = readFileSync(resolve(directory, this.#file), 'utf8').trim();
    } catch (error) {
      return `cannot read "${this.#file}": ${(error as NodeJS.ErrnoException).code ?? String(error)}`;
    }
    return this.#text === '' ? `"${this.#file}" is empty` : undefined;
  }

  /** The text itself. Only for the place that sends it. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return '<secret>';
  }

  toJSON(): string {
    return '<secret>';
  }

  [inspect.custom](): string {
    return '<secret>';
  }
}

/** What is wrong with a file, as `read` says it, without the file's name: that may come from a variable. */
export const withoutFile = (problem: string): string => problem.replace(/".*"/s, 'the file');

/**
 * A URL for logs and errors: userinfo and the values of the query are masked. A text that is no URL loses all behind `?` and, behind `//`, all
 * before `@`; `host:8080` and `fe80::1` stay as they are (the URL parser would take their first word for a scheme).
 */
export function redactUrl(url: string): string {
  const parsed = url.includes('://') && URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined) {
    return url.replace(/\?.*$/s, '?<secret>').replace(/\/\/[^/]*@/, '//<secret>@');
  }
  const userinfo = parsed.username === '' && parsed.password === '' ? '' : '<secret>@';
  const names = [...parsed.searchParams.keys()].map((name) => `${encodeURIComponent(name)}=<secret>`);
  const query = names.length === 0 ? '' : `?${names.join('&')}`;
  return `${parsed.protocol}//${userinfo}${parsed.host}${parsed.pathname}${query}`;
}
