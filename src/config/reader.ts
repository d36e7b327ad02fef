import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { SentinelError } from '../lib/index.js';
import { type ImportWatch, loadPlugins } from '../probe/index.js';
import { loadConfig } from './load.js';
import { READER_LIMITS, type ReaderEnd, type ReaderLimits, ReaderProcess } from './reader-process.js';
import { readText } from './source.js';
import {
  ConfigAssembler,
  type FolderCatalog,
  foldersOf,
  type ReadConfig,
  type ReaderMessage,
  readConfigOf,
  takeCatalog,
} from './transfer.js';

/** Which configuration to read. */
export interface ReadSource {
  /** As the user wrote it: errors begin with it. */
  file: string;
  /** Whether the agent's standard output is a terminal; a process that reads for it has none. */
  isTty: boolean;
}

/** How a process that reads is held. */
interface ReadApart {
  /** Ends the reading early. */
  signal: AbortSignal;
  limits?: ReaderLimits;
}

/**
 * Reads and checks a configuration: here, when it needs built-in plugins alone; else in a process of its own, because the code of a plugin from outside
 * must not run in this one. Throws as `readConfigApart`.
 */
export async function readConfig(source: ReadSource & ReadApart): Promise<ReadConfig> {
  // The word may also be written in a way that YAML knows and we do not see here: then reading it here finds out.
  if (readText(resolve(source.file), source.file).includes('directories')) return readConfigApart(source);
  try {
    return await readConfigHere(source, (directories) => {
      if (directories.length > 0) throw new OutsidePluginsError();
      return loadPlugins([]);
    });
  } catch (error) {
    if (!(error instanceof OutsidePluginsError)) throw error;
    return readConfigApart(source);
  }
}

class OutsidePluginsError extends Error {}

/** Reads and checks a configuration in this process. Throws a ConfigError with all that is wrong. */
async function readConfigHere(
  { file, isTty }: ReadSource,
  load: (directories: readonly string[]) => ReturnType<typeof loadPlugins>,
): Promise<ReadConfig> {
  const { env } = process;
  const here = { env, cwd: process.cwd(), hostname: hostname(), isTty, loadPlugins: load };
  return readConfigOf(await loadConfig(file, here));
}

/** The same for the process that is there to bear what plugins from outside do to it. */
export function readConfigWatched(source: ReadSource, watch: ImportWatch): Promise<ReadConfig> {
  return readConfigHere(source, (directories) => loadPlugins(directories, watch));
}

/**
 * Reads and checks a configuration in a process of its own, which ends after it: parsing 10,000 tasks takes seconds and hundreds of MB, and the code
 * of a plugin that changed is loaded anew. It inherits the environment; what it read comes back over a pipe, in portions. A plugin that ends
 * that process, or holds it, is one more fault of the file. Throws a ConfigError with all that is wrong, SEN_CONFIG_INVALID or SEN_READER when
 * the process did not do its work, and the reason of the signal.
 */
export function readConfigApart({ file, isTty, ...held }: ReadSource & ReadApart): Promise<ReadConfig> {
  const args = ['read-configuration', '-c', file, ...(isTty ? ['--tty'] : [])];
  const begin = () => {
    const assembler = new ConfigAssembler();
    return (message: ReaderMessage) => assembler.take(message);
  };
  return readApart(args, begin, held);
}

/**
 * The built-in plugins and those below `directories`, or those of `folders` alone (absolute paths). Plugins from outside are loaded in a process of its
 * own, so that each of these can be loaded here without fear; see `problems` for the others. Throws SEN_CONFIG_INVALID or SEN_READER when that
 * process did not do its work, and the reason of the signal.
 */
export async function readPlugins(
  { directories = [], folders = [] }: { directories?: readonly string[]; folders?: readonly string[] },
  held: ReadApart,
): Promise<FolderCatalog> {
  if (directories.length + folders.length === 0) return foldersOf(await loadPlugins([]));
  const args = ['read-plugins', ...directories.flatMap((path) => ['--directory', path]), ...folders];
  return readApart(args, () => takeCatalog, held);
}

/** Starts over without the code of a plugin that ended the process, until all is read. */
async function readApart<T>(
  args: readonly string[],
  begin: () => (message: ReaderMessage) => T | undefined,
  { signal, limits = READER_LIMITS }: ReadApart,
): Promise<T> {
  const refused: Record<string, string> = {};
  // Not by AbortSignal.any: of a signal that lives as long as the agent, Node 20 keeps a trace for each.
  const cut = new AbortController();
  const onAbort = () => cut.abort();
  const late = setTimeout(onAbort, limits.totalMs);
  signal.addEventListener('abort', onAbort);
  try {
    for (;;) {
      signal.throwIfAborted();
      const all = [...args, '--refused', JSON.stringify(refused)];
      const end = await new ReaderProcess({ args: all, take: begin(), limits }).end(cut.signal);
      signal.throwIfAborted();
      if (end.kind === 'result') return end.result;
      if (end.kind === 'fault') throw end.error;
      if (cut.signal.aborted) throw unread(`was not done within ${limits.totalMs / 1000} s`, refused);
      const { culprit } = end;
      if (culprit === undefined || Object.hasOwn(refused, culprit)) throw brokenOff(end);
      refused[culprit] = `the process that loaded it ${end.how}; ${REMEDY}`;
    }
  } finally {
    clearTimeout(late);
    signal.removeEventListener('abort', onAbort);
  }
}

const REMEDY = 'its code must only define the plugin, and do its work in open, prepare and collect';

function brokenOff({ how, ran, fromOutside }: Extract<ReaderEnd<unknown>, { kind: 'died' }>): SentinelError {
  const text = `the process that reads the configuration ${how}`;
  if (ran.length === 0 || fromOutside) return new SentinelError('SEN_READER', text);
  const plugins = ran.map((entry) => `"${entry}"`).join(', ');
  return new SentinelError(
    'SEN_CONFIG_INVALID',
    `${text}, after it had run the code of ${plugins} (plugins.directories); ${REMEDY}`,
  );
}

function unread(how: string, refused: Readonly<Record<string, string>>): SentinelError {
  const plugins = Object.entries(refused).map(([entry, why]) => `cannot load plugin "${entry}": ${why}`);
  const code = plugins.length === 0 ? 'SEN_READER' : 'SEN_CONFIG_INVALID';
  return new SentinelError(code, [`the process that reads the configuration ${how}`, ...plugins].join('; '));
}
