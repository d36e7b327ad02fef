import { resolve } from 'node:path';
import { field } from '../lib/index.js';
import type { RelabelRule } from '../relabel/index.js';
import { relabelField, relabelRules } from '../relabel/schema.js';
import { ConfigError } from './error.js';
import type { Environment } from './expand.js';
import { Report } from './report.js';
import { parseFile } from './source.js';
import { ValueReader } from './value.js';

const rulesField = relabelField('Rules.', 'any');

/** Reads a file that is a list of relabelling rules, as it would stand in a configuration. Throws a ConfigError that holds everything that is wrong with it. */
export function loadRelabelRules(file: string, deps: { env: Environment; cwd: string }): RelabelRule[] {
  const { yaml, places } = parseFile(resolve(deps.cwd, file), file);
  const reader = new ValueReader(yaml, deps.env, new Set());
  const { value, issues } = field.check(rulesField, reader.read() ?? []);
  const report = new Report(places);
  report.addIssues([], issues ?? []);
  const lines = report.lines(file, reader);
  if (value === undefined || lines.length > 0) throw new ConfigError(lines);
  return relabelRules(value);
}
