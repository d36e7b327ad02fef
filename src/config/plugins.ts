import { isAbsolute, relative, resolve } from 'node:path';
import { field } from '../lib/index.js';
import { fieldsOf, type LoadedPlugin, type PluginCatalog } from '../probe/index.js';
import type { Report } from './report.js';
import { withoutAbsent } from './value.js';

type Options = Readonly<Record<string, unknown>>;

/** What `plugins.config` says: keys for whole probe hosts, and defaults for tasks. */
export interface PluginKeys {
  hostConfig: Readonly<Record<string, Options>>;
  /** Defaults of a plugin for a task with these options of its own. */
  defaultsFor(plugin: LoadedPlugin, own: Options): Options;
}

/** Checks `plugins.config` and takes it apart: a key of the plugin's `hostConfig` holds for the process, any other is a default of its tasks. */
export function compilePluginKeys(
  written: Readonly<Record<string, Options>>,
  catalog: PluginCatalog,
  directory: string,
  report: Report,
): PluginKeys {
  const hostConfig: Record<string, Options> = {};
  const defaults = new Map<string, Options>();
  for (const [name, keys] of Object.entries(written)) {
    const path = ['plugins', 'config', name];
    const plugin = catalog.plugins.get(name);
    if (plugin === undefined) {
      report.addKey(path, field.unknownWord('plugin', name, [...catalog.plugins.keys()].sort()));
      continue;
    }
    const { host, task, unknown } = split(plugin, withoutAbsent(keys));
    for (const key of unknown) report.addKey([...path, key], field.unknownKey(key, knownKeys(plugin)));
    if (plugin.definition.hostConfig !== undefined) {
      const checked = field.check(plugin.definition.hostConfig, host);
      report.addIssues(path, checked.issues ?? field.readSecretFiles(checked.value, directory));
    }
    for (const [key, value] of Object.entries(task)) {
      const checked = field.check(fieldsOf(plugin.definition)[key]!, value);
      report.addIssues([...path, key], checked.issues ?? []);
    }
    if (Object.keys(host).length > 0) hostConfig[name] = host;
    defaults.set(name, task);
  }
  return {
    hostConfig,
    defaultsFor: (plugin, own) => besideOwn(defaults.get(plugin.definition.name) ?? {}, own),
  };
}

const hostFields = (plugin: LoadedPlugin) =>
  plugin.definition.hostConfig === undefined
    ? {}
    : (field.metadataOf(plugin.definition.hostConfig).entries ?? {});

const knownKeys = (plugin: LoadedPlugin) => [
  ...Object.keys(fieldsOf(plugin.definition)),
  ...Object.keys(hostFields(plugin)),
];

function split(plugin: LoadedPlugin, keys: Options): { host: Options; task: Options; unknown: string[] } {
  const pick = (known: object) =>
    Object.fromEntries(Object.entries(keys).filter(([key]) => Object.hasOwn(known, key)));
  const known = knownKeys(plugin);
  return {
    host: pick(hostFields(plugin)),
    task: pick(fieldsOf(plugin.definition)),
    unknown: Object.keys(keys).filter((key) => !known.includes(key)),
  };
}

/** A secret that the task gives in one form takes the place of a default in the other. */
function besideOwn(defaults: Options, own: Options): Options {
  const left = Object.entries(defaults).filter(([key]) => {
    const other = key.endsWith('_file') ? key.slice(0, -'_file'.length) : `${key}_file`;
    return own[other] === undefined;
  });
  return Object.fromEntries(left);
}

/** Says which plugins did not load, at the entry of `plugins.directories` that they belong to; a built-in one is a warning. */
export function reportPluginProblems(
  catalog: PluginCatalog,
  directories: readonly string[],
  report: Report,
): void {
  for (const { path, message } of catalog.problems) {
    const i = directories.findIndex((directory) => isInside(path, directory));
    if (i >= 0) report.add(['plugins', 'directories', i], message);
    else report.warn([], message);
  }
}

function isInside(path: string, directory: string): boolean {
  const way = relative(resolve(directory), resolve(path));
  return way === '' || !(way.startsWith('..') || isAbsolute(way));
}
