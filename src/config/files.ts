import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { errorLine, field, Secret, withoutFile } from '../lib/index.js';
import type { Path } from './error.js';
import type { Report } from './report.js';
import { SECTIONS } from './schema.js';
import { type ScrapeSource, writtenJobs } from './scrape-files.js';
import type { Source } from './source.js';

/** The sections that name files and hold secrets of ours; those of plugins are read with the task. */
const WITH_FILES = ['scrape_configs', 'http', 'sender', 'remote_write'] as const;

type WrittenField = ReturnType<typeof field.writtenFields> extends Generator<infer T> ? T : never;

/** Says which named files cannot be read, and warns where others may read a secret. */
export function checkFiles(main: Source, files: readonly ScrapeSource[]): void {
  const fields = WITH_FILES.flatMap((section) => [
    ...field.writtenFields(SECTIONS[section], sectionOf(main.written, section), [section]),
  ]);
  checkFields(fields, main, dirname(main.path));
  for (const file of files) {
    const fields = field.writtenFields(SECTIONS.scrape_configs, writtenJobs(file), file.path);
    checkFields(fields, file.source, file.directory);
  }
}

function checkFields(fields: Iterable<WrittenField>, source: Source, directory: string): void {
  const { report } = source;
  const inline: Path[] = [];
  for (const { path, kind, value } of fields) {
    if (typeof value !== 'string') continue;
    if (kind === 'file') refuseUnreadable(value, directory, path, report);
    if (kind === 'secret_file') checkSecretFile(value, directory, path, report);
    if (kind === 'secret' && isSecretKey(path.at(-1)) && !source.isFromEnvironment(path)) inline.push(path);
  }
  if (inline[0] !== undefined && isReadableByOthers(source.path))
    report.warn(inline[0], 'this file holds a secret, and others may read it; run chmod o-r on it');
}

/** User names and headers are masked, but few of them are secrets. */
const isSecretKey = (key: unknown) => key === 'password' || key === 'credentials' || key === 'bearer_token';

function sectionOf(written: unknown, section: string): unknown {
  return typeof written === 'object' && written !== null
    ? (written as Record<string, unknown>)[section]
    : undefined;
}

function checkSecretFile(
  value: string,
  directory: string,
  path: readonly (string | number)[],
  report: Report,
): void {
  const problem = Secret.inFile(value).read(directory);
  if (problem !== undefined) report.add(path, problem, withoutFile(problem));
  else if (isReadableByOthers(resolve(directory, value)))
    report.warn(path, 'others may read this file; run chmod o-r on it');
}

function refuseUnreadable(
  value: string,
  directory: string,
  path: readonly (string | number)[],
  report: Report,
): void {
  try {
    readFileSync(resolve(directory, value));
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? errorLine(error);
    const problem = `cannot read "${value}": ${reason}`;
    report.add(path, problem, withoutFile(problem));
  }
}

function isReadableByOthers(file: string): boolean {
  try {
    return (statSync(file).mode & 0o004) !== 0;
  } catch {
    return false; // It cannot be read by us either; that is said elsewhere.
  }
}
