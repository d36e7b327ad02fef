import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { errorLine, type FieldShape, PROGRAM_DIRECTORY, SentinelError } from '../lib/index.js';
import { type Definition, type PluginModule, sdk } from '../sdk/index.js';

/** A plugin that was found and loaded. */
export interface LoadedPlugin {
  definition: Definition;
  /** Its folder. */
  directory: string;
  /** The process that runs it: its `lane` or `probe` when built in, its own name when it comes from outside. */
  lane: string;
  builtin: boolean;
  /** Changes with its code; empty for a built-in one, which changes with the whole program. */
  stamp: string;
}

/** What an agent keeps of a plugin. Plain data: it crosses from the process that read the configuration. */
export interface PluginFolder extends Omit<LoadedPlugin, 'definition'> {
  definition: Pick<Definition, 'name' | 'version' | 'description'>;
  /** The shapes of its keys, those of its host included: they tell which values are secrets. */
  options: Readonly<Record<string, FieldShape>>;
}

/** What an agent keeps of a loaded plugin. */
export function folderOf({ definition, directory, lane, builtin, stamp }: LoadedPlugin): PluginFolder {
  const { name, version, description, config, hostConfig } = definition;
  const entries = {
    ...sdk.field.metadataOf(config).entries,
    ...(hostConfig !== undefined && sdk.field.metadataOf(hostConfig).entries),
  };
  const options = sdk.field.shapesOf(entries);
  return { definition: { name, version, description }, directory, lane, builtin, stamp, options };
}

/** What is wrong with a folder or directory of plugins; the message says what to do. */
export interface PluginProblem {
  path: string;
  message: string;
}

/** All plugins of this configuration, and what is wrong with those that did not load. One bad plugin does not stop the rest. */
export interface PluginCatalog {
  plugins: ReadonlyMap<string, LoadedPlugin>;
  problems: readonly PluginProblem[];
}

/** For a process that is there to find out what the code of plugins from outside does to it. */
export interface ImportWatch {
  /** By entry file: what that one did to an earlier process. It is not run again. */
  refused: Readonly<Record<string, string>>;
  /** Called before the code of one is run, with its entry file; and without one, when no more is run. */
  onImport(entry: string | undefined): void;
}

const BUILTIN_DIRECTORY = join(PROGRAM_DIRECTORY, 'plugins');
const ENTRY_FILES = ['index.js', 'index.mjs'];

/** Loads the built-in plugins and those below `directories` (absolute paths). Never throws: see `problems`. */
export async function loadPlugins(
  directories: readonly string[],
  watch?: ImportWatch,
): Promise<PluginCatalog> {
  const problems: PluginProblem[] = [];
  const folders = [BUILTIN_DIRECTORY, ...directories].flatMap((parent) =>
    foldersIn(parent, problems).map((directory) => ({ directory, builtin: parent === BUILTIN_DIRECTORY })),
  );
  const loaded = await loadFolders(folders, watch);
  return { plugins: loaded.plugins, problems: [...problems, ...loaded.problems] };
}

/** Loads the plugins of these folders (absolute paths). Never throws: see `problems`. */
export async function loadFolders(
  folders: readonly { directory: string; builtin: boolean }[],
  watch?: ImportWatch,
): Promise<PluginCatalog> {
  const plugins = new Map<string, LoadedPlugin>();
  const problems: PluginProblem[] = [];
  for (const { directory, builtin } of folders) {
    try {
      const plugin = await loadPlugin(directory, builtin, watch);
      const other = plugins.get(plugin.definition.name);
      if (other !== undefined)
        throw new Error(
          `a plugin "${plugin.definition.name}" was already loaded from ${other.directory}; rename the folder and its name`,
        );
      plugins.set(plugin.definition.name, plugin);
    } catch (error) {
      problems.push({ path: directory, message: errorLine(error) });
    }
  }
  watch?.onImport(undefined);
  return { plugins, problems };
}

/** Loads the plugin of one folder and checks its definition. Throws SEN_PLUGIN_INVALID. */
export async function loadPlugin(
  directory: string,
  builtin: boolean,
  watch?: ImportWatch,
): Promise<LoadedPlugin> {
  if (!builtin) refuseUnsafe(directory);
  const entry = ENTRY_FILES.map((file) => join(directory, file)).find((file) => existsSync(file));
  if (entry === undefined)
    throw invalid(directory, 'has no index.js or index.mjs (TypeScript must be built first)');
  let definition: Definition;
  try {
    if (!builtin && watch !== undefined) announce(entry, watch);
    const module = (await import(pathToFileURL(resolve(entry)).href)) as { default?: PluginModule };
    if (typeof module.default !== 'function')
      throw new Error('its default export must be a function: (sdk) => definition');
    definition = module.default(sdk) as unknown as Definition;
  } catch (error) {
    throw new SentinelError('SEN_PLUGIN_INVALID', `cannot load plugin "${entry}"`, { cause: error });
  }
  const fault = faultOf(definition, directory);
  if (fault !== undefined) throw invalid(directory, fault);
  const lane = builtin ? (definition.lane ?? 'probe') : definition.name;
  return { definition, directory, builtin, lane, stamp: builtin ? '' : stampOf(entry) };
}

function announce(entry: string, { refused, onImport }: ImportWatch): void {
  if (Object.hasOwn(refused, entry)) throw new Error(refused[entry]);
  onImport(entry);
}

function stampOf(file: string): string {
  const { ino, size, mtimeNs } = statSync(file, { bigint: true });
  return `${ino}:${size}:${mtimeNs}`;
}

function invalid(directory: string, fault: string): SentinelError {
  return new SentinelError('SEN_PLUGIN_INVALID', `plugin "${directory}" ${fault}`);
}

/** A run that begins later than that is no longer of its tick. */
const MAX_SLACK_MS = 1000;

/** What is wrong with a definition, or nothing. */
function faultOf(definition: Definition, directory: string): string | undefined {
  const folder = resolve(directory).split('/').at(-1);
  if (typeof definition !== 'object' || definition === null) return 'gives no definition';
  if (definition.name !== folder)
    return `has the name "${definition.name}", but its folder is "${folder}"; they must be equal`;
  if (!/^[a-z][a-z0-9-]*$/.test(definition.name))
    return 'must have a name of lower case letters, digits and dashes';
  for (const key of ['version', 'description', 'target'] as const)
    if (typeof definition[key] !== 'string' || definition[key] === '') return `lacks \`${key}\``;
  for (const key of ['prepare', 'collect'] as const)
    if (typeof definition[key] !== 'function') return `lacks \`${key}\``;
  if (definition.config === undefined) return 'lacks `config`, its schema';
  const keys = Object.keys(fieldsOf(definition));
  if (!keys.includes(definition.target))
    return `names the target key "${definition.target}", which its config does not have`;
  for (const key of [...Object.keys(definition.flags ?? {}), ...(definition.settable ?? [])]) {
    if (!keys.includes(key)) return `names the key "${key}", which its config does not have`;
  }
  const { slackMs = 0 } = definition;
  if (!(typeof slackMs === 'number' && slackMs >= 0 && slackMs <= MAX_SLACK_MS))
    return `has a \`slackMs\` that is no number from 0 to ${MAX_SLACK_MS}`;
  if (definition.metrics !== 'dynamic' && !Array.isArray(definition.metrics))
    return 'lacks `metrics` (a list, or "dynamic")';
  return undefined;
}

/** The keys of a plugin's config with their schemas. */
export function fieldsOf(definition: Definition) {
  return sdk.field.metadataOf(definition.config).entries ?? {};
}

function foldersIn(parent: string, problems: PluginProblem[]): string[] {
  try {
    return readdirSync(parent)
      .filter((name) => !name.startsWith('.') && name !== 'node_modules')
      .map((name) => join(parent, name))
      .filter((path) => statSync(path).isDirectory())
      .sort();
  } catch (error) {
    problems.push({
      path: parent,
      message: `cannot read the plugin directory "${parent}": ${errorLine(error)}`,
    });
    return [];
  }
}

/** Code that another user may change is not run: the folder with all in it, and its parent, must be owned by root or by us, and not be writable by others. */
function refuseUnsafe(directory: string): void {
  const folder = resolve(directory);
  refuseUnsafePath(directory, join(folder, '..'), true);
  refuseUnsafePath(directory, folder, false);
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    refuseUnsafePath(directory, join(folder, name), false);
}

/** In a sticky folder, such as /tmp, others cannot change what is ours. */
function refuseUnsafePath(directory: string, path: string, stickyIsSafe: boolean): void {
  const uid = process.getuid?.() ?? 0;
  const stat = statSync(path);
  if (stat.uid !== 0 && stat.uid !== uid)
    throw invalid(
      directory,
      `is refused: "${path}" is owned by user ${stat.uid}; chown it to root or to the agent's user`,
    );
  const isSticky = stickyIsSafe && (stat.mode & 0o1000) !== 0;
  if ((stat.mode & 0o022) !== 0 && !isSticky)
    throw invalid(directory, `is refused: "${path}" may be written by others; run chmod go-w on it`);
}
