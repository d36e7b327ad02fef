import { invariant, Secret, SentinelError, VERSION } from '../lib/index.js';
import {
  folderOf,
  type PluginCatalog,
  type PluginFolder,
  type PluginProblem,
  type Task,
} from '../probe/index.js';
import type { LoadedConfig } from './compile.js';
import type { Config } from './config.js';
import { ConfigError } from './error.js';
import { deepFreeze } from './freeze.js';
import { ScrapeAssembler, type ScrapeMessage, scrapeMessages } from './scrape-transfer.js';

/** A configuration with what an agent keeps of its plugins. Plain data, but for secrets. */
export interface ReadConfig {
  config: Config;
  catalog: { plugins: ReadonlyMap<string, PluginFolder> };
}

/** What an agent or a command keeps of the plugins that were found, and what is wrong with those that did not load. */
export interface FolderCatalog {
  plugins: ReadonlyMap<string, PluginFolder>;
  problems: readonly PluginProblem[];
}

/**
 * From the process that reads a configuration to the agent: `rest`, then `tasks` and jobs until all are there; or `faults` until all are told. Then `done`. Of plugins
 * alone: `catalog`. Before any of it `import` for each plugin from outside whose code is about to be run, and one without an entry after the last.
 */
export type ReaderMessage =
  | { kind: 'import'; entry: string | undefined }
  | { kind: 'catalog'; version: string; plugins: PluginFolder[]; problems: readonly PluginProblem[] }
  | { kind: 'rest'; version: string; config: unknown; plugins: PluginFolder[] }
  | { kind: 'tasks'; tasks: Task[] }
  | ScrapeMessage
  | { kind: 'done' }
  | { kind: 'faults'; lines: readonly string[] };

/** Tasks, or lines of faults, in one message: unpacking them must not hold the agent's loop. */
const PORTION = 100;

/** What an agent keeps of a configuration that was read in its own process. */
export function readConfigOf({ config, catalog }: LoadedConfig): ReadConfig {
  return { config, catalog: { plugins: foldersOf(catalog).plugins } };
}

/** The same of plugins alone. */
export function foldersOf({ plugins, problems }: PluginCatalog): FolderCatalog {
  return { plugins: new Map([...plugins].map(([name, plugin]) => [name, folderOf(plugin)])), problems };
}

/** Plugins alone as a message. */
export function catalogMessage(catalog: PluginCatalog): ReaderMessage {
  const { plugins, problems } = foldersOf(catalog);
  return { kind: 'catalog', version: VERSION, plugins: [...plugins.values()], problems };
}

/** The plugins of that message. Throws SEN_CONFIG_INVALID when another version of the program has read them. */
export function takeCatalog(message: ReaderMessage): FolderCatalog | undefined {
  if (message.kind !== 'catalog') return undefined;
  refuseOther(message.version);
  return { plugins: byName(message.plugins), problems: message.problems };
}

/** Takes a configuration apart into messages. Secrets are in them as they are: they are for a pipe between two processes of ours, and for nothing else. */
export function* messagesOf({ config, catalog }: ReadConfig): Generator<ReaderMessage> {
  const { tasks, scrape, ...rest } = config;
  const plugins = [...catalog.plugins.values()];
  yield { kind: 'rest', version: VERSION, config: packSecrets(rest), plugins };
  for (const portion of portionsOf(tasks)) yield { kind: 'tasks', tasks: portion };
  for (const message of scrapeMessages(scrape)) yield packSecrets(message) as ScrapeMessage;
  yield { kind: 'done' };
}

/** The same for all that is wrong with a file, a line each. */
export function* faultMessagesOf(lines: readonly string[]): Generator<ReaderMessage> {
  for (const portion of portionsOf(lines)) yield { kind: 'faults', lines: portion };
  yield { kind: 'done' };
}

function* portionsOf<T>(items: readonly T[]): Generator<T[]> {
  for (let i = 0; i < items.length; i += PORTION) yield items.slice(i, i + PORTION);
}

/** Puts the messages together again. */
export class ConfigAssembler {
  readonly #tasks: Task[] = [];
  readonly #scrape = new ScrapeAssembler();
  readonly #faults: string[] = [];
  #rest: Omit<Config, 'tasks' | 'scrape'> | undefined;
  #plugins: PluginFolder[] = [];

  /** Takes a message; gives the configuration with the last one. Throws a ConfigError with all that is wrong with the file, and SEN_CONFIG_INVALID when another version of the program has read it. */
  take(message: ReaderMessage): ReadConfig | undefined {
    if (message.kind === 'done') return this.#whole();
    if (message.kind === 'rest') this.#begin(message);
    else if (message.kind === 'faults') this.#faults.push(...message.lines);
    else if (message.kind === 'tasks') {
      deepFreeze(message.tasks);
      this.#tasks.push(...message.tasks);
    } else if (message.kind === 'targets' || message.kind === 'scrape') {
      const unpacked = message.kind === 'targets' ? message : (unpackSecrets(message) as ScrapeMessage);
      deepFreeze(unpacked);
      this.#scrape.take(unpacked);
    }
    return undefined;
  }

  #begin({ version, config, plugins }: Extract<ReaderMessage, { kind: 'rest' }>): void {
    refuseOther(version);
    this.#rest = unpackSecrets(config) as Omit<Config, 'tasks' | 'scrape'>;
    this.#plugins = plugins;
  }

  #whole(): ReadConfig {
    if (this.#faults.length > 0) throw new ConfigError(this.#faults);
    invariant(this.#rest !== undefined, 'a configuration that came without its rest');
    const scrape = this.#scrape.configs;
    for (const job of scrape) deepFreeze(job);
    const config: Config = {
      ...this.#rest,
      tasks: Object.freeze(this.#tasks),
      scrape: Object.freeze(scrape),
    };
    for (const section of Object.values(this.#rest)) deepFreeze(section);
    return { config: Object.freeze(config), catalog: { plugins: byName(this.#plugins) } };
  }
}

const byName = (plugins: readonly PluginFolder[]) =>
  new Map(plugins.map((plugin) => [plugin.definition.name, plugin]));

function refuseOther(version: string): void {
  if (version !== VERSION)
    throw new SentinelError(
      'SEN_CONFIG_INVALID',
      `the program on disk is version ${version}, and ${VERSION} is running: restart the agent`,
    );
}

/** A configuration holds no Map, so a Map can stand for a secret and never be taken for something else. */
function packSecrets(value: unknown): unknown {
  if (value instanceof Secret) return new Map(Object.entries(value.parts()));
  return mapValues(value, packSecrets);
}

function unpackSecrets(value: unknown): unknown {
  if (value instanceof Map)
    return Secret.ofParts({ text: String(value.get('text')), file: value.get('file') as string | undefined });
  return mapValues(value, unpackSecrets);
}

function mapValues(value: unknown, change: (value: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map(change);
  if (typeof value !== 'object' || value === null) return value;
  const mapped: Record<string, unknown> = {};
  for (const key of Object.keys(value)) mapped[key] = change((value as Record<string, unknown>)[key]);
  return mapped;
}
