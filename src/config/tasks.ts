import { basename } from 'node:path';
import { field, formatDuration } from '../lib/index.js';
import { type LoadedPlugin, type PluginCatalog, readOptions, type Task } from '../probe/index.js';
import type { Path } from './error.js';
import type { PluginKeys } from './plugins.js';
import type { Report } from './report.js';
import type { Readable } from './salvage.js';
import { withoutAbsent } from './value.js';

type TaskKeys = Readable['tasks'][number];
type Options = Readonly<Record<string, unknown>>;

/** What compiling a task needs beside its keys. */
export interface TaskContext {
  catalog: PluginCatalog;
  pluginKeys: PluginKeys;
  /** Folder of the configuration file. */
  directory: string;
  report: Report;
}

/** Compiles the tasks that are enabled, and checks all of them. */
export function compileTasks(tasks: Readable['tasks'], context: TaskContext): Task[] {
  refuseDuplicates(tasks, context.report);
  return tasks.flatMap((keys, i) => {
    const task = compileTask(keys, ['tasks', i], context);
    return task === undefined || keys.enabled === false ? [] : [task];
  });
}

function refuseDuplicates(tasks: Readable['tasks'], report: Report): void {
  const first = new Map<string, number>();
  for (const [i, { id }] of tasks.entries()) {
    if (id === undefined) continue;
    const before = first.get(id);
    if (before === undefined) first.set(id, i);
    else
      report.add(
        ['tasks', i, 'id'],
        `the id "${id}" is taken by the task in line ${report.lineOf(['tasks', before, 'id'])}`,
        `the id is taken by the task in line ${report.lineOf(['tasks', before, 'id'])}`,
      );
  }
}

/** The task, or `undefined` when something is wrong with it: the report says what. */
function compileTask(keys: TaskKeys, path: Path, context: TaskContext): Task | undefined {
  const timeoutMs = timeoutOf(keys, path, context.report);
  const plugin = pluginOf(keys.plugin, path, context);
  if (plugin === undefined || keys.config === undefined) return undefined;
  const config = { ...context.pluginKeys.defaultsFor(plugin, keys.config), ...withoutAbsent(keys.config) };
  const options = readOptions(plugin.definition, config, { baseDirectory: context.directory, timeoutMs });
  const placeOf = (key: unknown): Path =>
    typeof key === 'string' && Object.hasOwn(config, key) && !Object.hasOwn(keys.config as Options, key)
      ? ['plugins', 'config', plugin.definition.name]
      : [...path, 'config'];
  if (options.issues !== undefined) {
    const files = field.unreadableSecretFiles(plugin.definition.config, config, context.directory);
    for (const issue of [...options.issues, ...files])
      context.report.addIssues(placeOf(issue.path[0]), [issue]);
    return undefined;
  }
  const target = config[plugin.definition.target];
  if (target === undefined) {
    context.report.add([...path, 'config', plugin.definition.target], 'missing; it is what the task probes');
    return undefined;
  }
  const { id, interval } = keys;
  if (id === undefined || interval === undefined) return undefined;
  return taskOf({ ...keys, id, interval }, { plugin, config, timeoutMs: options.timeoutMs, context });
}

function taskOf(
  keys: TaskKeys & { id: string; interval: number },
  read: { plugin: LoadedPlugin; config: Options; timeoutMs: number; context: TaskContext },
): Task {
  const target = withoutUserinfo(String(read.config[read.plugin.definition.target]));
  return {
    id: keys.id,
    deviceId: keys.device_id ?? target,
    target,
    plugin: read.plugin.definition.name,
    lane: read.plugin.lane,
    intervalMs: keys.interval,
    timeoutMs: read.timeoutMs,
    labels: keys.labels ?? {},
    config: read.config,
    baseDirectory: read.context.directory,
  };
}

/** The timeout that was given or the default; `undefined` when it cannot be told, because a key of it is wrong. */
function timeoutOf({ interval, timeout }: TaskKeys, path: Path, report: Report): number | undefined {
  if (interval === undefined) return timeout;
  if (timeout !== undefined && timeout > interval)
    report.add(
      [...path, 'timeout'],
      `timeout (${formatDuration(timeout)}) is longer than interval (${formatDuration(interval)})`,
    );
  return timeout ?? Math.min(30_000, interval);
}

function pluginOf(name: string | undefined, path: Path, context: TaskContext): LoadedPlugin | undefined {
  if (name === undefined) return undefined;
  const plugin = context.catalog.plugins.get(name);
  if (plugin !== undefined) return plugin;
  const problem = context.catalog.problems.find((one) => basename(one.path) === name);
  const message =
    problem === undefined
      ? field.unknownWord('plugin', name, [...context.catalog.plugins.keys()].sort())
      : `the plugin "${name}" did not load: ${problem.message}`;
  context.report.add([...path, 'plugin'], message, problem === undefined ? 'unknown plugin' : undefined);
  return undefined;
}

/** A target is a label, and labels are no place for a password. A URL may lack its scheme, or the slashes behind it. */
function withoutUserinfo(target: string): string {
  return target.replace(/^(https?:[\\/]*|[a-z][a-z0-9+.-]*:[\\/]+)?[^\\/?#]*@/i, '$1');
}
