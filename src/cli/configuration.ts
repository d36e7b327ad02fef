import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { type Config, type LoadedConfig, loadConfig } from '../config/index.js';
import { field, SentinelError } from '../lib/index.js';
import { type LoadedPlugin, loadPlugins, type PluginCatalog } from '../probe/index.js';
import { usageError } from './exit.js';

/** Read where no other file is named. */
export const DEFAULT_FILE = 'config/config.yaml';

/** Reads the configuration of `-c`, or ./config/config.yaml. `isTty`: whether the log goes to a terminal. Throws SEN_USAGE when there is none, and all that is wrong with it as one ConfigError. */
export async function readConfiguration(
  file: string | undefined,
  isTty = process.stdout.isTTY === true,
): Promise<LoadedConfig> {
  if (file === undefined && !existsSync(DEFAULT_FILE))
    throw usageError(`no configuration: give -c FILE (there is no ./${DEFAULT_FILE} here)`);
  return loadConfig(file ?? DEFAULT_FILE, {
    env: process.env,
    cwd: process.cwd(),
    hostname: hostname(),
    isTty,
    loadPlugins,
  });
}

/** The plugins to choose from: built in, of the configuration if one is given, and below `directories`. */
export async function readCatalog(options: {
  config?: string | undefined;
  directory: readonly string[];
}): Promise<{
  catalog: PluginCatalog;
  config: Config | undefined;
}> {
  const directories = options.directory.map((directory) => resolve(directory));
  if (options.config === undefined) return { catalog: await loadPlugins(directories), config: undefined };
  const { config, catalog } = await readConfiguration(options.config);
  if (directories.length === 0) return { catalog, config };
  return { catalog: await loadPlugins([...config.plugins.directories, ...directories]), config };
}

/** The plugin of a name. Throws SEN_PLUGIN_UNKNOWN with the known ones, or with the reason why its folder did not load. */
export function pluginNamed(catalog: PluginCatalog, name: string): LoadedPlugin {
  const plugin = catalog.plugins.get(name);
  if (plugin !== undefined) return plugin;
  const broken = catalog.problems.find(({ path }) => path.endsWith(`/${name}`));
  if (broken !== undefined) throw new SentinelError('SEN_PLUGIN_INVALID', broken.message);
  const known = [...catalog.plugins.keys()].sort();
  const near = field.nearest(name, known);
  const hint = near === undefined ? '' : `; did you mean "${near}"?`;
  throw new SentinelError(
    'SEN_PLUGIN_UNKNOWN',
    `unknown plugin "${name}"${hint} (known: ${known.join(', ') || 'none'})`,
  );
}
