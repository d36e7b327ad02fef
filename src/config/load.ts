import { resolve } from 'node:path';
import type { Scalar } from 'yaml';
import type { PluginCatalog } from '../probe/index.js';
import { compileConfig, type LoadDependencies, type LoadedConfig } from './compile.js';
import { ConfigError } from './error.js';
import { checkFiles } from './files.js';
import { deepFreeze } from './freeze.js';
import { isPrometheusText } from './schema.js';
import { ScrapeFiles } from './scrape-files.js';
import { parseFile, Source } from './source.js';

/** Reads, checks and compiles a configuration file and those that it names. Throws a ConfigError that holds everything that is wrong with them. */
export async function loadConfig(file: string, deps: LoadDependencies): Promise<LoadedConfig> {
  const parsed = parseFile(resolve(deps.cwd, file), file);
  const asText = new Set<Scalar>();
  const scrapeFiles = new ScrapeFiles(parsed, deps.env, asText);
  const once = { ...deps, loadPlugins: onlyOnce(deps.loadPlugins) };
  for (;;) {
    const main = new Source(parsed, deps.env, asText);
    const more = scrapeFiles.open(main);
    const loaded = await compileConfig(main, more.files, once);
    checkFiles(main, more.files);
    // `password: ${PASSWORD}` may have given a number: then the text itself is meant. Ends, because each turn adds a scalar.
    const texts = [
      ...main.meantAsText(isPrometheusText),
      ...more.files.flatMap(({ source }) => source.meantAsText(() => true)),
    ].filter((scalar) => !asText.has(scalar));
    for (const scalar of texts) asText.add(scalar);
    if (texts.length > 0) continue;
    const all = [main, ...more.files.map(({ source }) => source)];
    const lines = [...all.flatMap((source) => source.lines()), ...more.unreadable];
    if (lines.length > 0) throw new ConfigError(lines);
    loaded.config.warnings = all.flatMap((source) => source.warningLines());
    deepFreeze(loaded.config);
    return loaded;
  }
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
