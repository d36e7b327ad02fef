import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { inspect } from 'node:util';

/** A file of a secret is looked at again at most once per this time. */
const LOOK_MS = 1000;

/** What a secret is made of, for a pipe to a process of our own. Never for a log. */
export interface SecretParts {
  text: string;
  /** Absolute, when it stands in a file. */
  file: string | undefined;
}

/** A text that prints as `<secret>` wherever it could leak: templates, JSON, logs, inspect. One that stands in a file follows the file. */
export class Secret {
  #text: string;
  #file: string | undefined;
  #stamp = '';
  #lookedMs = -Infinity;

  constructor(text: string, file?: string) {
    this.#text = text;
    this.#file = file;
  }

  /** A secret that stands in a file; `read` must be called before `reveal`. */
  static inFile(file: string): Secret {
    return new Secret('', file);
  }

  /** The secret that gave these parts. */
  static ofParts({ text, file }: SecretParts): Secret {
    return new Secret(text, file);
  }

  /** Reads the file, relative to `directory`, without the line end behind its text; gives what is wrong, or nothing. A no-op without a file. Sync: only while a configuration is loaded. */
  read(directory: string): string | undefined {
    if (this.#file === undefined) return undefined;
    const written = this.#file;
    this.#file = resolve(directory, written);
    try {
      this.#stamp = stampOf(this.#file);
      this.#text = readFileSync(this.#file, 'utf8').trim();
    } catch (error) {
      return `cannot read "${written}": ${(error as NodeJS.ErrnoException).code ?? String(error)}`;
    }
    return this.#text === '' ? `"${written}" is empty` : undefined;
  }

  /** The text itself, as its file has it now. Only for the place that sends it. */
  reveal(): string {
    if (this.#file !== undefined) this.#follow(this.#file);
    return this.#text;
  }

  /** What it is made of. */
  parts(): SecretParts {
    return { text: this.#text, file: this.#file };
  }

  /** Whether both come from the same file, or are the same text. */
  equals(other: Secret): boolean {
    return this.#file === undefined ? this.#text === other.#text : this.#file === other.#file;
  }

  /**
   * Reads a file that changed. One that is gone or empty is being replaced: the last good text holds until it is there again. Sync: a stat of a
   * local file once a second; stat and not fs.watch, for the reasons of net's WatchedFile.
   */
  #follow(file: string): void {
    const now = performance.now();
    if (now - this.#lookedMs < LOOK_MS) return;
    this.#lookedMs = now;
    try {
      const stamp = stampOf(file);
      if (stamp === this.#stamp) return;
      const text = readFileSync(file, 'utf8').trim();
      if (text === '') return;
      this.#text = text;
      this.#stamp = stamp;
    } catch {
      return; // Gone or unreadable: see above. Whoever refuses the old text says so.
    }
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

function stampOf(file: string): string {
  const { dev, ino, size, mtimeNs } = statSync(file, { bigint: true });
  return `${dev}:${ino}:${size}:${mtimeNs}`;
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
