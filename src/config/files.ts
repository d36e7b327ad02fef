import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { errorLine, field, Secret, withoutFile } from '../lib/index.js';
import type { Report } from './report.js';
import { SECTIONS } from './schema.js';

/** The sections that name files and hold secrets of ours; those of plugins are read with the task. */
const WITH_FILES = ['http', 'sender', 'remote_write'] as const;

/** Says which named files cannot be read, and warns where others may read a secret. `isFromEnvironment` tells of a path whether its value is. */
export function checkFiles(
  written: unknown,
  file: string,
  isFromEnvironment: (path: readonly (string | number)[]) => boolean,
  report: Report,
): void {
  const directory = resolve(file, '..');
  const inline: (readonly (string | number)[])[] = [];
  for (const section of WITH_FILES) {
    for (const { path, kind, value } of field.writtenFields(SECTIONS[section], sectionOf(written, section), [
      section,
    ])) {
      if (typeof value !== 'string') continue;
      if (kind === 'file') refuseUnreadable(value, directory, path, report);
      if (kind === 'secret_file') checkSecretFile(value, directory, path, report);
      if (kind === 'secret' && isSecretKey(path.at(-1)) && !isFromEnvironment(path)) inline.push(path);
    }
  }
  if (inline[0] !== undefined && isReadableByOthers(file))
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
