import { Command } from 'commander';
import { field, formatDuration } from '../lib/index.js';
import { fieldsOf, type LoadedPlugin, loadPlugin, readOptions } from '../probe/index.js';
import { OptionError } from '../sdk/index.js';
import { commandLog } from './command-log.js';
import { loadNamed, readCatalog, readConfiguration } from './configuration.js';
import { EXIT, usageError } from './exit.js';
import { type ReportFormat, reportOf } from './outcome-report.js';
import { flagsOf, issueLine, secretVariable, writtenOptions } from './plugin-flags.js';
import { type PluginRun, runPlugin } from './run-plugin.js';
import { print, printError } from './terminal.js';

interface TriggerOptions {
  task?: string;
  config?: string;
  directory: string[];
  output: ReportFormat;
}

/** What is to be run, before the log and the signal join it. */
type Wanted = Omit<PluginRun, 'log' | 'cutShort'> & { target: string };

/** `sentinel trigger`: runs a probe once and prints what it saw. Gives 0, 1 for a failed probe, 130 for ctrl-C. Throws SEN_USAGE and the like. */
export async function trigger(words: readonly string[], command: Command): Promise<number> {
  const options = command.opts<TriggerOptions>();
  const asksHelp = words.some((word) => word === '-h' || word === '--help');
  if (options.task === undefined && (words.length === 0 || words[0]!.startsWith('-'))) {
    if (asksHelp) {
      command.outputHelp();
      return EXIT.ok;
    }
    throw usageError('name a plugin and a target: sentinel trigger PLUGIN TARGET [options]');
  }
  const wanted =
    options.task === undefined ? await wantedByWords(words, options) : await wantedTask(words, options);
  return runAndReport(wanted, options.output);
}

async function wantedByWords([name, ...rest]: readonly string[], options: TriggerOptions): Promise<Wanted> {
  const { catalog, config } = await readCatalog(options);
  const plugin = await loadNamed(catalog, name!);
  const { target, written } = parseWords(plugin, rest);
  const hostConfig = config?.plugins.hostConfig[plugin.definition.name] ?? {};
  return {
    ...readWanted(plugin, written, { baseDirectory: process.cwd(), timeoutMs: undefined }),
    target,
    hostConfig,
  };
}

/** Target and options of the words behind the plugin's name. Throws CommanderError for an unknown flag, and for `--help`, once it is printed. */
function parseWords(
  { definition }: LoadedPlugin,
  words: readonly string[],
): { target: string; written: Record<string, unknown> } {
  const flags = flagsOf(definition);
  const command = new Command(`sentinel trigger ${definition.name}`)
    .exitOverride()
    .showHelpAfterError('Run the command with `--help`.')
    .description(definition.description)
    .argument('<target>', field.descriptionOf(fieldsOf(definition)[definition.target]!))
    .addHelpText('after', secretHelp(definition));
  for (const flag of flags) for (const option of flag.options) command.addOption(option);
  command.parse([...words], { from: 'user' });
  const target = command.args[0]!;
  return {
    target,
    written: { ...writtenOptions(definition, command.opts(), flags), [definition.target]: target },
  };
}

function secretHelp(definition: LoadedPlugin['definition']): string {
  const common = '\nOf trigger itself: --task, -c/--config, --directory, -o/--output text|json|prometheus.';
  const secrets = Object.entries(fieldsOf(definition))
    .filter(([, schema]) => field.metadataOf(schema).kind === 'secret')
    .map(([key]) => `${key}: ${secretVariable(definition, key)}`);
  return secrets.length === 0
    ? common
    : `${common}\nSecrets are read from a file or from the environment (${secrets.join(', ')}).`;
}

async function wantedTask(words: readonly string[], options: TriggerOptions): Promise<Wanted> {
  if (words.length > 0)
    throw usageError(`--task runs a task as it is configured; remove "${words.join(' ')}"`);
  const { config, catalog } = await readConfiguration(options.config);
  const task = config.tasks.find(({ id }) => id === options.task);
  if (task === undefined) {
    const known = config.tasks.map(({ id }) => id);
    throw usageError(
      `no enabled task "${options.task}" in ${config.file} (known: ${known.join(', ') || 'none'})`,
    );
  }
  const { directory, builtin } = catalog.plugins.get(task.plugin)!;
  const plugin = await loadPlugin(directory, builtin);
  const { baseDirectory, timeoutMs } = task;
  const hostConfig = config.plugins.hostConfig[task.plugin] ?? {};
  return {
    ...readWanted(plugin, task.config, { baseDirectory, timeoutMs }),
    target: task.target,
    hostConfig,
  };
}

function readWanted(
  plugin: LoadedPlugin,
  written: Readonly<Record<string, unknown>>,
  place: { baseDirectory: string; timeoutMs: number | undefined },
): Pick<Wanted, 'plugin' | 'options' | 'timeoutMs'> {
  const read = readOptions(plugin.definition, written, place);
  if (read.issues === undefined) return { plugin, options: read.config, timeoutMs: read.timeoutMs };
  throw usageError(read.issues.map((issue) => issueLine(plugin.definition, issue)).join('; '));
}

async function runAndReport({ target, ...wanted }: Wanted, format: ReportFormat): Promise<number> {
  const { definition } = wanted.plugin;
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    const { plannedMs, outcome } = await runPlugin({
      ...wanted,
      log: commandLog,
      cutShort: interrupt.signal,
    });
    if (outcome.kind === 'aborted') {
      printError(`interrupted; the run may take ${formatDuration(wanted.timeoutMs)}`);
      return EXIT.interrupted;
    }
    print(reportOf({ definition, target, plannedMs, outcome }, format));
    return outcome.ok ? EXIT.ok : EXIT.failed;
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    throw usageError(issueLine(definition, { path: [...error.path], message: error.message, atKey: false }));
  }
}
