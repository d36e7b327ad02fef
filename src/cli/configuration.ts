import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  type Config,
  type FolderCatalog,
  type ReadConfig,
  readConfig,
  readPlugins,
} from '../config/index.js';
import { field, SentinelError } from '../lib/index.js';
import { type LoadedPlugin, loadPlugin } from '../probe/index.js';
import { usageError } from './exit.js';
import { untilSignal } from './until-signal.js';

/** Read where no other file is named. */
export const DEFAULT_FILE = 'config/config.yaml';

/** The file of `-c`, or ./config/config.yaml. Throws SEN_USAGE when neither is there to be read. */
export function configurationFile(file: string | undefined): string {
  if (file === undefined && !existsSync(DEFAULT_FILE))
    throw usageError(`no configuration: give -c FILE (there is no ./${DEFAULT_FILE} here)`);
  return file ?? DEFAULT_FILE;
}

/** Reads a configuration, without running code from outside in this process. Throws SEN_USAGE when there is none, and all that is wrong with it as one ConfigError. */
export function readConfiguration(file: string | undefined): Promise<ReadConfig> {
  const source = { file: configurationFile(file), isTty: process.stdout.isTTY === true };
  return untilSignal((signal) => readConfig({ ...source, signal }));
}

/** The plugins to choose from: built in, of the configuration if one is given, and below `directories`. */
export async function readCatalog(options: {
  config?: string | undefined;
  directory: readonly string[];
}): Promise<{
  catalog: FolderCatalog;
  config: Config | undefined;
}> {
  const config = options.config === undefined ? undefined : (await readConfiguration(options.config)).config;
  const own = options.directory.map((directory) => resolve(directory));
  const directories = [...(config?.plugins.directories ?? []), ...own];
  return { catalog: await untilSignal((signal) => readPlugins({ directories }, { signal })), config };
}

/** Loads the plugin of a name. Throws SEN_PLUGIN_UNKNOWN with the known ones, or SEN_PLUGIN_INVALID with the reason why its folder did not load. */
export async function loadNamed(catalog: FolderCatalog, name: string): Promise<LoadedPlugin> {
  const plugin = catalog.plugins.get(name);
  if (plugin !== undefined) return loadPlugin(plugin.directory, plugin.builtin);
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
