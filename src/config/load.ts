import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Scalar } from 'yaml';
import { errorLine } from '../lib/index.js';
import type { PluginCatalog } from '../probe/index.js';
import { compileConfig, type LoadDependencies, type LoadedConfig } from './compile.js';
import { ConfigError } from './error.js';
import { checkFiles } from './files.js';
import { deepFreeze } from './freeze.js';
import { Places } from './place.js';
import { Report } from './report.js';
import { type ParsedYaml, parseYaml } from './syntax.js';
import { ValueReader } from './value.js';

/** Reads, checks and compiles a configuration file. Throws a ConfigError that holds everything that is wrong with it. */
export async function loadConfig(file: string, deps: LoadDependencies): Promise<LoadedConfig> {
  const yaml = parseYaml(readText(resolve(deps.cwd, file), file));
  const places = new Places(yaml);
  if (yaml.faults.length > 0) throw new ConfigError(syntaxLines(file, yaml, places));
  const once = { ...deps, loadPlugins: onlyOnce(deps.loadPlugins) };
  const asText = new Set<Scalar>();
  for (;;) {
    const reader = new ValueReader(yaml, deps.env, asText);
    const report = new Report(places);
    const loaded = await attempt(file, reader, report, once);
    // `password: ${PASSWORD}` may have given a number: then the text itself is meant. Ends, because each turn adds a scalar.
    const texts = report.wantedAsText(reader);
    for (const scalar of texts) asText.add(scalar);
    if (texts.length > 0) continue;
    const lines = report.lines(file, reader);
    if (lines.length > 0) throw new ConfigError(lines);
    loaded.config.warnings = report.warningLines(file);
    deepFreeze(loaded.config);
    return loaded;
  }
}

async function attempt(
  file: string,
  reader: ValueReader,
  report: Report,
  deps: LoadDependencies,
): Promise<LoadedConfig> {
  const written = reader.read();
  const absolute = resolve(deps.cwd, file);
  const loaded = await compileConfig(written, absolute, deps, report);
  const isFromEnvironment = (path: readonly (string | number)[]) => reader.isExpanded(report.scalarAt(path));
  checkFiles(written, absolute, isFromEnvironment, report);
  for (const name of reader.emptyVariables)
    report.warn(['global', 'external_labels'], `the environment variable ${name} is empty`);
  return loaded;
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

/** Each fault of the syntax as `file:line:column: message`. */
export function syntaxLines(file: string, yaml: ParsedYaml, places: Places): string[] {
  return yaml.faults.map(({ offset, message }) => {
    const { line, column } = places.position(offset);
    return `${file}:${line}:${column}: ${message}`;
  });
}

/** Loading plugins runs their code, so it is done once, also when a file is looked at again. */
function onlyOnce(load: LoadDependencies['loadPlugins']): LoadDependencies['loadPlugins'] {
  const loaded = new Map<string, Promise<PluginCatalog>>();
  return (directories) => {
    const key = directories.join('\0');
    const catalog = loaded.get(key) ?? load(directories);
    loaded.set(key, catalog);
    return catalog;
  };
}
