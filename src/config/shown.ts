import { field, formatDuration, redactUrl, type Schema } from '../lib/index.js';
import type { LoadedPlugin, PluginCatalog, Task } from '../probe/index.js';
import type { Config } from './config.js';
import { SECTIONS } from './schema.js';
import { yamlText } from './yaml-text.js';

const MASKED = '<secret>';

type Options = Readonly<Record<string, unknown>>;

/** The sections of a file as they may be shown: as written, with the environment put in, without secrets and without the tasks. Never throws, whatever is written. */
export function shownSections(written: unknown, catalog: PluginCatalog): Options {
  const { tasks: _tasks, ...sections } = asMap(written);
  const shown = mapValues(sections, (value, name) =>
    Object.hasOwn(SECTIONS, name) ? shownValue(SECTIONS[name as keyof typeof SECTIONS], value) : MASKED,
  );
  const { config, ...plugins } = asMap(sections.plugins);
  if (config === undefined) return shown;
  const byPlugin = mapValues(asMap(config), (keys, name) => shownOptions(catalog.plugins.get(name), keys));
  return { ...shown, plugins: { ...plugins, config: byPlugin } };
}

/** The configuration that runs as YAML, without secrets: sections as written, and every enabled task with its defaults put in. */
export function configText(config: Config, catalog: PluginCatalog): string {
  const tasks = config.tasks.map((task) => shownTask(task, catalog.plugins.get(task.plugin)));
  return yamlText({ ...config.shown, tasks });
}

function shownTask(task: Task, plugin: LoadedPlugin | undefined): Options {
  return {
    id: task.id,
    device_id: shownText(task.deviceId),
    plugin: task.plugin,
    interval: formatDuration(task.intervalMs),
    timeout: formatDuration(task.timeoutMs),
    ...(Object.keys(task.labels).length > 0 && { labels: task.labels }),
    config: shownOptions(plugin, task.config),
  };
}

/** Options of a plugin: only its own schema knows which of them are secrets. */
function shownOptions(plugin: LoadedPlugin | undefined, options: unknown): unknown {
  if (plugin === undefined) return MASKED;
  const { config, hostConfig } = plugin.definition;
  const host = hostConfig === undefined ? {} : (field.metadataOf(hostConfig).entries ?? {});
  const task = field.metadataOf(config).entries ?? {};
  return mapValues(asMap(options), (value, key) => {
    const schema = Object.hasOwn(task, key) ? task[key] : Object.hasOwn(host, key) ? host[key] : undefined;
    return schema === undefined ? MASKED : shownValue(schema, value, key);
  });
}

/** Keys whose texts are masked whatever a schema says: a plugin from outside may take a password as a plain text. */
const SENSITIVE =
  /(^|[_-])(headers?|pass(word|wd|phrase)?|secret|token|credentials?|community|key|authorization|cookie)s?$/i;

/** A written value by its schema. What the schema says nothing of is masked. */
function shownValue(schema: Schema<unknown>, value: unknown, key = ''): unknown {
  const { kind, entries, item } = field.metadataOf(schema);
  if (kind === undefined || kind === 'secret') return MASKED;
  if (Array.isArray(value) && item !== undefined) return value.map((one) => shownValue(item, one, key));
  if (kind === 'anything') return shownAnything(value, key);
  if (typeof value === 'string') return shownText(value, key);
  if (typeof value !== 'object' || value === null) return value;
  return mapValues(asMap(value), (one, name) => {
    if (entries === undefined) return item === undefined ? MASKED : shownValue(item, one, worse(key, name));
    return Object.hasOwn(entries, name) ? shownValue(entries[name]!, one, name) : MASKED;
  });
}

function shownAnything(value: unknown, key: string): unknown {
  if (typeof value === 'string') return shownText(value, key);
  if (Array.isArray(value)) return value.map((one) => shownAnything(one, key));
  if (typeof value !== 'object' || value === null) return value;
  return mapValues(asMap(value), (one, name) => shownAnything(one, worse(key, name)));
}

/** What stands below a sensitive key is sensitive, whatever its own is called. */
const worse = (key: string, name: string) => (SENSITIVE.test(key) ? key : name);

/** A text may be a URL also where any text is allowed. */
function shownText(text: string, key = ''): string {
  if (SENSITIVE.test(key)) return MASKED;
  return text.includes('://') ? redactUrl(text) : text;
}

function asMap(value: unknown): Options {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Options) : {};
}

function mapValues(map: Options, give: (value: unknown, key: string) => unknown): Options {
  const given: Record<string, unknown> = {};
  for (const key of Object.keys(map)) if (map[key] !== undefined) given[key] = give(map[key], key);
  return given;
}
