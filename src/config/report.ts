import type { Scalar } from 'yaml';
import type { SchemaIssue } from '../lib/index.js';
import { formatPath, type Path } from './error.js';
import type { Place, Places } from './place.js';
import type { ExpandedScalar, ValueReader } from './value.js';

interface Problem extends SchemaIssue {
  path: (string | number)[];
}

interface Line {
  offset: number;
  path: Path;
  message: string;
}

/** Collects all that is wrong with a file while it is read, and says where. */
export class Report {
  readonly #problems: Problem[] = [];
  readonly #warnings: Line[] = [];
  readonly #places: Places;

  constructor(places: Places) {
    this.#places = places;
  }

  /** Whether nothing is wrong so far. */
  get clean(): boolean {
    return this.#problems.length === 0;
  }

  /** Something wrong with the value at `path`; `bare` says it without the value. */
  add(path: Path, message: string, bare?: string): void {
    this.#problems.push({ path: [...path], message, atKey: false, ...(bare !== undefined && { bare }) });
  }

  /** Something wrong with the key at `path`. */
  addKey(path: Path, message: string): void {
    this.#problems.push({ path: [...path], message, atKey: true });
  }

  /** What a schema says is wrong below `path`. */
  addIssues(path: Path, issues: readonly SchemaIssue[]): void {
    for (const issue of issues) this.#problems.push({ ...issue, path: [...path, ...issue.path] });
  }

  /** Something that deserves a line in the log but is no error. */
  warn(path: Path, message: string): void {
    this.#warnings.push({ offset: this.#places.find(path).offset, path, message });
  }

  /** The line of a path, from 1. */
  lineOf(path: Path): number {
    return this.#places.lineOf(path);
  }

  /** The scalar that is the value at a path. */
  scalarAt(path: Path): Scalar | undefined {
    return this.#places.find(path).scalar;
  }

  /** Scalars that were read as a number or a flag where their text is meant: what variables gave, and where `isPrometheus` says so whatever is written. */
  meantAsText(reader: ValueReader, isPrometheus: (path: Path) => boolean): Scalar[] {
    return this.#problems.flatMap((problem) => {
      const { scalar } = problem.wantsText ? this.#places.find(problem.path) : { scalar: undefined };
      if (scalar === undefined) return [];
      const expanded = reader.expanded.get(scalar);
      const isMeant = expanded?.reread ?? (isPrometheus(problem.path) && typeof scalar.value !== 'string');
      return isMeant ? [scalar] : [];
    });
  }

  /** Every fault as `file:line:column: path: message`, in the order of the file. */
  lines(file: string, reader: ValueReader): string[] {
    const unreadable = new Set(reader.faults.map((fault) => fault.offset));
    const found = this.#problems
      .map((problem) => this.#line(problem, reader))
      .filter((line) => !unreadable.has(line.offset));
    return this.#format(file, [...reader.faults, ...found]);
  }

  /** Every warning, in the same form. */
  warningLines(file: string): string[] {
    return this.#format(file, this.#warnings);
  }

  #line(problem: Problem, reader: ValueReader): Line {
    const place = this.#places.find(problem.path, problem.atKey);
    const source = expansionOf(place, reader);
    const message = source === undefined ? problem.message : withoutValue(problem, source);
    return { offset: place.offset, path: problem.path, message };
  }

  #format(file: string, lines: readonly Line[]): string[] {
    const sorted = [...lines].sort((a, b) => a.offset - b.offset);
    const texts = sorted.map(({ offset, path, message }) => {
      const { line, column } = this.#places.position(offset);
      const name = formatPath(path);
      const text = message.replace(/\s*[\r\n]+\s*/g, ' ');
      return `${file}:${line}:${column}: ${name === '' ? '' : `${name}: `}${text}`;
    });
    return [...new Set(texts)];
  }
}

function expansionOf(place: Place, reader: ValueReader): ExpandedScalar | undefined {
  return place.scalar === undefined ? undefined : reader.expanded.get(place.scalar);
}

/** A value that came from the environment may be a secret: its variable is named in its place. A default stands in the file, so it may be shown. */
function withoutValue(problem: SchemaIssue, { names, text }: ExpandedScalar): string {
  if (names.length === 0) return problem.message;
  const source = `the value of ${names.join(', ')}${text === '' ? ', which is empty' : ''}`;
  if (problem.bare !== undefined) return `${problem.bare}, got ${source}`;
  return text.length < 4 ? problem.message : problem.message.replaceAll(text, source);
}
