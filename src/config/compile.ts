import { dirname, join, resolve } from 'node:path';
import { bufferOptions } from '../buffer/schema.js';
import type { HttpOptions } from '../http/index.js';
import { httpOptions, isExposed, tlsFault } from '../http/schema.js';
import { field } from '../lib/index.js';
import type { PluginCatalog } from '../probe/index.js';
import type { RelabelRule } from '../relabel/index.js';
import { relabelFaults, relabelRules } from '../relabel/schema.js';
import type { Config, LoggingOptions } from './config.js';
import { compileDestinations } from './destinations.js';
import type { Environment } from './expand.js';
import { compilePluginKeys, reportPluginProblems } from './plugins.js';
import type { Report } from './report.js';
import { type Readable, salvage } from './salvage.js';
import { configSchema } from './schema.js';
import { compileScrape } from './scrape.js';
import type { ScrapeSource } from './scrape-files.js';
import { warnOfServerKeys } from './server-warning.js';
import { shownSections } from './shown.js';
import type { Source } from './source.js';
import { compileTasks } from './tasks.js';

/** What a configuration depends on beside its file. */
export interface LoadDependencies {
  env: Environment;
  /** Where the agent was started: relative paths of what it writes start here. */
  cwd: string;
  hostname: string;
  /** Whether stdout is a terminal. */
  isTty: boolean;
  /** Loads the built-in plugins and those below these folders (absolute). */
  loadPlugins(directories: readonly string[]): Promise<PluginCatalog>;
}

/** A configuration with the plugins that its tasks use. */
export interface LoadedConfig {
  config: Config;
  catalog: PluginCatalog;
}

/** Checks what is written in the main file and in those of `scrape_config_files`, and compiles it. All that is wrong goes to their reports; then the configuration must not be used. */
export async function compileConfig(
  main: Source,
  files: readonly ScrapeSource[],
  deps: LoadDependencies,
): Promise<LoadedConfig> {
  const { written, report, path: file } = main;
  const directory = dirname(file);
  const checked = field.check(configSchema, written ?? {});
  report.addIssues([], checked.issues ?? []);
  warnOfServerKeys(written, report);
  const keys: Readable = checked.value ?? salvage(written);
  const directories = keys.plugins.directories.map((path) => resolve(directory, path));
  const catalog = await deps.loadPlugins(directories);
  reportPluginProblems(catalog, directories, report);
  const pluginKeys = compilePluginKeys(keys.plugins.config, catalog, directory, report);
  const config: Config = {
    file,
    sentinel: {
      name: keys.sentinel.name ?? deps.hostname,
      region: keys.sentinel.region,
      labels: keys.sentinel.labels,
      dataDirectory: resolve(deps.cwd, keys.sentinel.data_dir ?? firstOf(deps.env.STATE_DIRECTORY) ?? 'data'),
      selfMetricsIntervalMs: keys.sentinel.self_metrics_interval,
    },
    externalLabels: withoutEmpty(keys.global.external_labels),
    tasks: compileTasks(keys.tasks, { catalog, pluginKeys, directory, report }),
    scrape: compileScrape(keys, main, files),
    cluster: {
      members: keys.cluster.members,
      member: keys.cluster.member,
      replicationFactor: keys.cluster.replication_factor,
    },
    writeRelabel: writeRules(keys, report),
    plugins: { directories, hostConfig: pluginKeys.hostConfig },
    http: compileHttp(keys.http, directory, report),
    buffer: bufferOptions(keys.buffer, keys.sender.flush_interval),
    destinations: compileDestinations(keys, directory, report),
    logging: loggingOptions(keys.logging, deps),
    shown: shownSections(written, catalog),
    warnings: [],
  };
  return { config, catalog };
}

function writeRules(keys: Readable, report: Report): RelabelRule[] {
  const rules = relabelRules(keys.write_relabel_configs);
  const scheme = keys.global.metric_name_validation_scheme ?? 'utf8';
  for (const { path, message } of relabelFaults(rules, scheme))
    report.add(['write_relabel_configs', ...path], message);
  return rules;
}

/** Reads the password and looks at the certificates, so that a server that could not start is refused here. */
function compileHttp(keys: Readable['http'], directory: string, report: Report): HttpOptions {
  report.addIssues(['http'], field.readSecretFiles(keys.basic_auth, directory, ['basic_auth']));
  const options = httpOptions(keys, directory);
  const fault = options.tls === undefined ? undefined : tlsFault(options.tls);
  if (fault !== undefined) report.add(['http', 'tls'], fault);
  if (isExposed(options))
    report.warn(['http', 'basic_auth'], 'the password crosses the network unencrypted; set http.tls');
  return options;
}

function loggingOptions(keys: Readable['logging'], deps: LoadDependencies): LoggingOptions {
  const { env } = deps;
  const underSystemd = env.JOURNAL_STREAM !== undefined || env.INVOCATION_ID !== undefined;
  const output = keys.output === 'auto' ? (underSystemd ? 'stdout' : 'both') : keys.output;
  const path = keys.file_path ?? join(firstOf(env.LOGS_DIRECTORY) ?? 'logs', 'sentinel.log');
  return {
    level: keys.level,
    format: keys.format === 'auto' ? (deps.isTty ? 'pretty' : 'json') : keys.format,
    stdout: output !== 'file',
    file: output === 'stdout' ? undefined : resolve(deps.cwd, path),
    maxSizeBytes: keys.max_size,
    maxFiles: keys.max_files,
  };
}

/** systemd gives several directories with colons between them. */
function firstOf(directories: string | undefined): string | undefined {
  const first = directories?.split(':')[0];
  return first === '' ? undefined : first;
}

/** An empty label is an absent one. */
function withoutEmpty(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''));
}
