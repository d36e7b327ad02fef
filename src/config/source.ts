import { readFileSync } from 'node:fs';
import type { Scalar } from 'yaml';
import { errorLine } from '../lib/index.js';
import { ConfigError, type Path } from './error.js';
import type { Environment } from './expand.js';
import { Places } from './place.js';
import { Report } from './report.js';
import { type ParsedYaml, parseYaml } from './syntax.js';
import { ValueReader } from './value.js';

/** A file of a configuration: what is written in it, and all that is wrong with that. */
export class Source {
  /** As errors call it. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  /** Its values, with the environment put in. */
  readonly written: unknown;
  readonly report: Report;
  readonly #reader: ValueReader;

  constructor(file: ParsedFile, env: Environment, asText: ReadonlySet<Scalar>) {
    this.name = file.name;
    this.path = file.path;
    this.report = new Report(file.places);
    this.#reader = new ValueReader(file.yaml, env, asText, 'jobs');
    this.written = this.#reader.read();
    for (const name of this.#reader.emptyVariables)
      this.report.warn(['global', 'external_labels'], `the environment variable ${name} is empty`);
  }

  /** Whether the value at a path comes from the environment. */
  isFromEnvironment(path: Path): boolean {
    return this.#reader.isExpanded(this.report.scalarAt(path));
  }

  /** Values that were read as a number or a flag where their text is meant. `isPrometheus` tells of a path whether Prometheus takes any value there as a text. */
  meantAsText(isPrometheus: (path: Path) => boolean): Scalar[] {
    return this.report.meantAsText(this.#reader, isPrometheus);
  }

  /** Every fault as `file:line:column: path: message`, in the order of the file. */
  lines(): string[] {
    return this.report.lines(this.name, this.#reader);
  }

  /** Every warning, in the same form. */
  warningLines(): string[] {
    return this.report.warningLines(this.name);
  }
}

/** A file that can be read as YAML. */
export interface ParsedFile {
  name: string;
  path: string;
  yaml: ParsedYaml;
  places: Places;
}

/** Reads and parses a file, which errors call `name`. Throws a ConfigError with every fault of its YAML. */
export function parseFile(path: string, name: string): ParsedFile {
  const yaml = parseYaml(readText(path, name));
  const places = new Places(yaml);
  if (yaml.faults.length === 0) return { name, path, yaml, places };
  throw new ConfigError(
    yaml.faults.map(({ offset, message }) => {
      const { line, column } = places.position(offset);
      return `${name}:${line}:${column}: ${message}`;
    }),
  );
}

/** The text of a file, which `file` names in errors. Throws a ConfigError. */
export function readText(path: string, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason =
      code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8' : (code ?? errorLine(error));
    throw new ConfigError([`${file}:1:1: cannot read the file: ${reason}`]);
  }
}
