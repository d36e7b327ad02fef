import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import type { Scalar } from 'yaml';
import { ConfigError, type Path } from './error.js';
import type { Environment } from './expand.js';
import { type ParsedFile, parseFile, Source } from './source.js';

/** A file that `scrape_config_files` names. */
export interface ScrapeSource {
  source: Source;
  /** Where its jobs stand in it: below `scrape_configs` as Prometheus has it, or as a bare list, as vmagent has it. */
  path: Path;
  /** Where relative paths of its jobs start: at the file for Prometheus, at the main file for vmagent. */
  directory: string;
}

/** The jobs of such a file, as written. */
export function writtenJobs({ source, path }: ScrapeSource): unknown {
  return path.length === 0
    ? source.written
    : (source.written as { scrape_configs?: unknown })?.scrape_configs;
}

/** Prometheus's rule: a star in the last part of the path alone. */
const PATTERN = /^[^*]*(\*[^/]*)?$/;

/** Opens the files that `scrape_config_files` names; parses each one once, also when a configuration is read in several turns. */
export class ScrapeFiles {
  readonly #main: ParsedFile;
  readonly #environment: Environment;
  readonly #asText: ReadonlySet<Scalar>;
  readonly #parsed = new Map<string, ParsedFile | ConfigError>();

  constructor(main: ParsedFile, environment: Environment, asText: ReadonlySet<Scalar>) {
    this.#main = main;
    this.#environment = environment;
    this.#asText = asText;
  }

  /** The files in the order of their patterns, each pattern's by name, and what is wrong with those that are no YAML. A bad pattern is reported at its place. */
  open(main: Source): { files: ScrapeSource[]; unreadable: readonly string[] } {
    const files: ScrapeSource[] = [];
    const unreadable: string[] = [];
    for (const path of this.#paths(main)) {
      const parsed = this.#parse(path);
      if (parsed instanceof ConfigError) unreadable.push(...parsed.lines);
      else files.push(this.#scrapeSource(new Source(parsed, this.#environment, this.#asText)));
    }
    return { files, unreadable };
  }

  #paths(main: Source): string[] {
    const patterns = (main.written as { scrape_config_files?: unknown } | undefined)?.scrape_config_files;
    if (!Array.isArray(patterns)) return [];
    return patterns.flatMap((pattern: unknown, i) => {
      if (typeof pattern !== 'string' || pattern === '') return [];
      const path = ['scrape_config_files', i];
      if (!PATTERN.test(pattern)) {
        main.report.add(path, 'only the last part of the path may hold *');
        return [];
      }
      const found = filesOf(resolve(dirname(this.#main.path), pattern));
      if (found.length === 0) main.report.warn(path, 'no file of this name is there');
      return found;
    });
  }

  #parse(path: string): ParsedFile | ConfigError {
    let parsed = this.#parsed.get(path);
    if (parsed === undefined) {
      try {
        parsed = parseFile(path, this.#nameOf(path));
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        parsed = error;
      }
      this.#parsed.set(path, parsed);
    }
    return parsed;
  }

  /** As the main file is named: relative to where the user is, when that one is. */
  #nameOf(path: string): string {
    if (isAbsolute(this.#main.name)) return path;
    const folder = `${dirname(this.#main.path)}/`;
    return path.startsWith(folder) ? join(dirname(this.#main.name), path.slice(folder.length)) : path;
  }

  #scrapeSource(source: Source): ScrapeSource {
    return Array.isArray(source.written)
      ? { source, path: [], directory: dirname(this.#main.path) }
      : { source, path: ['scrape_configs'], directory: dirname(source.path) };
  }
}

/** The files that a path with stars in its last part means, by name; none when there are none. As with Prometheus a star also stands for names that begin with a dot. */
function filesOf(pattern: string): string[] {
  const [folder, name] = [dirname(pattern), basename(pattern)];
  if (!name.includes('*')) return isFile(pattern) ? [pattern] : [];
  const names = namesIn(folder).filter((candidate) => matches(candidate, name.split('*')));
  return names
    .sort()
    .map((candidate) => join(folder, candidate))
    .filter(isFile);
}

/** Whether a name consists of these pieces, in this order, with anything between them. */
function matches(name: string, pieces: readonly string[]): boolean {
  const [first = '', last = ''] = [pieces[0], pieces.at(-1)];
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last))
    return false;
  let at = first.length;
  for (const piece of pieces.slice(1, -1)) {
    at = name.indexOf(piece, at);
    if (at < 0) return false;
    at += piece.length;
  }
  return at <= name.length - last.length;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // As Prometheus: a folder that is not there holds no files.
  }
}

/** A path that cannot be looked at (no right to, a NUL in it) counts as one: reading it says why. */
function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return true;
  }
}
