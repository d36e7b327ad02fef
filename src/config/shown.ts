import { type FieldShape, field, formatDuration, redactUrl } from '../lib/index.js';
import { folderOf, type PluginCatalog, type PluginFolder, type Task } from '../probe/index.js';
import type { Config } from './config.js';
import { SECTIONS } from './schema.js';
import { isServerSection } from './server-only.js';
import { yamlText } from './yaml-text.js';

const MASKED = '<secret>';
const SECTION_SHAPES = field.shapesOf(SECTIONS);

type Options = Readonly<Record<string, unknown>>;

/** The sections of a file as they may be shown, as YAML: as written, with the environment put in, without secrets, the tasks, and what has no effect. Never throws, whatever is written. */
export function shownSections(written: unknown, catalog: PluginCatalog): string {
  const sections = Object.entries(asMap(written)).filter(
    ([name, value]) => value !== undefined && name !== 'tasks' && !isServerSection(name),
  );
  return sections.length === 0 ? '' : yamlText(masked(Object.fromEntries(sections), catalog));
}

function masked(sections: Options, catalog: PluginCatalog): Options {
  const shown = mapValues(sections, (value, name) => shownValue(entryOf(SECTION_SHAPES, name), value));
  const { config, ...plugins } = asMap(sections.plugins);
  if (config === undefined) return shown;
  const byPlugin = mapValues(asMap(config), (keys, name) => {
    const plugin = catalog.plugins.get(name);
    return shownOptions(plugin && folderOf(plugin), keys);
  });
  return { ...shown, plugins: { ...plugins, config: byPlugin } };
}

/** The configuration that runs as YAML, without secrets: sections as written, and every enabled task with its defaults put in. */
export function configText(config: Config, catalog: { plugins: ReadonlyMap<string, PluginFolder> }): string {
  const tasks = config.tasks.map((task) => shownTask(task, catalog.plugins.get(task.plugin)));
  return config.shown + yamlText({ tasks });
}

function shownTask(task: Task, plugin: PluginFolder | undefined): Options {
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
function shownOptions(plugin: PluginFolder | undefined, options: unknown): unknown {
  if (plugin === undefined) return MASKED;
  return mapValues(asMap(options), (value, key) => shownValue(entryOf(plugin.options, key), value, key));
}

/** Keys whose texts are masked whatever a schema says: a plugin from outside may take a password as a plain text. */
const SENSITIVE =
  /(^|[_-])(headers?|pass(word|wd|phrase)?|secret|token|credentials?|community|key|authorization|auth|assertion|signature|sig|jwt|cookie)s?$/i;

/** A written value by its shape. What the shape says nothing of is masked. */
function shownValue(shape: FieldShape | undefined, value: unknown, key = ''): unknown {
  if (shape === undefined) return MASKED;
  const { kind, entries, item } = shape;
  if (kind === undefined || kind === 'secret') return MASKED;
  if (Array.isArray(value) && item !== undefined) return value.map((one) => shownValue(item, one, key));
  if (kind === 'anything') return shownAnything(value, key);
  if (typeof value === 'string') return shownText(value, key);
  if (typeof value !== 'object' || value === null) return value;
  return mapValues(asMap(value), (one, name) =>
    entries === undefined
      ? shownValue(item, one, worse(key, name))
      : shownValue(entryOf(entries, name), one, name),
  );
}

/** The keys are a user's, and may be those that every object has. */
function entryOf(entries: Readonly<Record<string, FieldShape>>, key: string): FieldShape | undefined {
  return Object.hasOwn(entries, key) ? entries[key] : undefined;
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
