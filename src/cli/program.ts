import { Command, Option } from 'commander';
import { VERSION } from '../lib/index.js';
import { catchHangups } from './hangups.js';
import type { RelabelOptions } from './relabel.js';
import type { ServiceOptions } from './service-place.js';

/** Receives the exit code of the command that ran. */
export type OnExit = (exitCode: number) => void;

const configOption = () => new Option('-c, --config <file>', 'configuration (default: ./config/config.yaml)');
const directoryOption = () =>
  new Option('--directory <dir>', 'folder of more plugins; may be repeated')
    .default([], '')
    .argParser((value: string, before: string[]) => [...before, value]);

/**
 * The tree of commands. Each command's work is in a file of its own that is loaded when the command runs, so that a small one stays quick.
 * Commander's faults are thrown (CommanderError), not exited with.
 */
export function createProgram(onExit: OnExit): Command {
  const program = new Command('sentinel')
    .description('Probes and collects on network hosts, and pushes by Prometheus remote write.')
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('Run the command with `--help`.')
    .enablePositionalOptions()
    .version(VERSION, '-V, --version', 'print the version of Sentinel');
  addAgentCommands(program, onExit);
  addReaders(program, onExit);
  addStatus(program, onExit);
  addTrigger(program, onExit);
  addPlugins(program, onExit);
  addRelabel(program, onExit);
  addService(program, onExit);
  program
    .command('version')
    .description('print the versions of Sentinel and Node, and the platform')
    .action(async () => onExit((await import('./version.js')).version()));
  program
    .command('completion')
    .description('print a completion script: source <(sentinel completion bash)')
    .addArgument(program.createArgument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: 'bash' | 'zsh' | 'fish') =>
      onExit(await (await import('./completion.js')).completion(shell, program)),
    );
  return program;
}

function addAgentCommands(program: Command, onExit: OnExit): void {
  program
    .command('start')
    .description('run the agent until SIGTERM or ctrl-C; SIGHUP reads the configuration again')
    .addOption(configOption())
    .action(async (options: { config?: string }) => {
      const hangups = catchHangups();
      onExit(await (await import('./start.js')).start(options, hangups));
    });
  program
    .command('check')
    .description('check a configuration and say what it does')
    .addOption(configOption())
    .action(async (options: { config?: string }) =>
      onExit(await (await import('./check.js')).check(options)),
    );
}

/** What other commands start, and no user: see read-configuration.ts. */
function addReaders(program: Command, onExit: OnExit): void {
  const refused = () =>
    new Option('--refused <json>', 'plugins whose code is not run, with the reason').default('{}');
  program
    .command('read-configuration', { hidden: true })
    .requiredOption('-c, --config <file>', 'configuration')
    .option('--tty', 'the log goes to a terminal')
    .addOption(refused())
    .action(async (options: { config: string; tty?: boolean; refused: string }) =>
      onExit(await (await import('./read-configuration.js')).sendConfiguration(options)),
    );
  program
    .command('read-plugins', { hidden: true })
    .argument('[folders...]', 'these plugins alone')
    .addOption(directoryOption())
    .addOption(refused())
    .action(async (folders: string[], options: { directory: string[]; refused: string }) =>
      onExit(await (await import('./read-configuration.js')).sendPlugins(folders, options)),
    );
}

function addStatus(program: Command, onExit: OnExit): void {
  program
    .command('status')
    .description('ask the agent that runs here how it, its tasks, its targets and its destinations are')
    .addOption(new Option('-c, --config <file>', 'configuration of the agent: names its data directory'))
    .addOption(new Option('--data-dir <dir>', 'data directory of the agent: holds its control socket'))
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text'))
    .addHelpText(
      'after',
      '\nExit code: 0 all is well; 1 a task fails or has no results, a target is down, a discovery fails, a destination is late, or no agent runs there; 2 a wrong call.',
    )
    .action(async (options: { config?: string; dataDir?: string; output: 'text' | 'json' }) =>
      onExit(await (await import('./status.js')).status(options)),
    );
}

function addTrigger(program: Command, onExit: OnExit): void {
  program
    .command('trigger')
    .usage('PLUGIN TARGET [options]\n       sentinel trigger --task ID -c FILE [options]')
    .description(
      'run a probe once, now, and print what it saw; `sentinel trigger PLUGIN --help` lists its options',
    )
    .argument('[words...]', 'plugin, target and options of the plugin')
    .addOption(new Option('--task <id>', 'run this task of the configuration, with exactly its options'))
    .addOption(new Option('-c, --config <file>', 'configuration: needed by --task; else for its plugins'))
    .addOption(directoryOption())
    .addOption(
      new Option('-o, --output <format>', 'how to print')
        .choices(['text', 'json', 'prometheus'])
        .default('text'),
    )
    .allowUnknownOption()
    .helpOption(false)
    .action(async (words: string[], _options: unknown, command: Command) =>
      onExit(await (await import('./trigger.js')).trigger(words, command)),
    );
}

function addPlugins(program: Command, onExit: OnExit): void {
  const plugins = program
    .command('plugins')
    .description('list the plugins, or tell all about one')
    .argument('[name]', 'a plugin')
    .addOption(new Option('-c, --config <file>', 'also the plugins of this configuration'))
    .addOption(directoryOption())
    .action(async (name: string | undefined, options: { config?: string; directory: string[] }) =>
      onExit(await (await import('./plugins.js')).plugins(name, options)),
    );
  plugins
    .command('test')
    .description('run the conformance suite over a plugin folder, or over every one in a folder')
    .argument('<dir>', 'the folder')
    .action(async (directory: string) =>
      onExit(await (await import('./plugins-test.js')).pluginsTest(directory)),
    );
}

function addRelabel(program: Command, onExit: OnExit): void {
  program
    .command('relabel')
    .description('show what relabelling rules make of a target or a series, rule by rule')
    .requiredOption('--explain <series>', 'what goes in: up{job="node"}, or the labels of a target')
    .addOption(
      new Option('--rules <file>', 'apply the rules of this file, which is a list of them').conflicts([
        'config',
        'job',
        'metric',
      ]),
    )
    .addOption(new Option('--job <name>', 'apply the relabel_configs of this job of the configuration'))
    .addOption(new Option('--metric', "apply the job's metric_relabel_configs in their place"))
    .addOption(configOption())
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text'))
    .addHelpText(
      'after',
      `
A target of a job gets what the job says of it: '{__address__="10.0.0.1:9100"}' is enough. Of a metric the rules see what is given: name the labels of its target
too.

Exit code: 0 it is kept; 1 a rule drops it, or no label is left; 2 a wrong call.`,
    )
    .action(async (options: RelabelOptions) => onExit(await (await import('./relabel.js')).relabel(options)));
}

function addService(program: Command, onExit: OnExit): void {
  const service = program.command('service').description('run the agent as a systemd service of this host');
  const add = (name: string, description: string) =>
    service
      .command(name)
      .description(description)
      .option('--instance <name>', 'sentinel@NAME with /etc/sentinel/NAME.yaml, one of several on a host')
      .option('--in-place', 'run the program where it is, without a copy in /opt/sentinel')
      .option('--root <dir>', 'work on the host below this folder; no command runs there');
  const yes = () => new Option('--yes', 'do it; without this it only says what would be done');
  add('install', 'put it in place and start it; again after an upgrade of Sentinel, Node or the host')
    .addOption(yes())
    .action(async (options: ServiceOptions) =>
      onExit((await import('./service.js')).installService(options)),
    );
  add('uninstall', 'stop it and take it away; configuration and data stay')
    .addOption(yes())
    .action(async (options: ServiceOptions) =>
      onExit((await import('./service.js')).uninstallService(options)),
    );
  add('show', 'print the unit, and whether it is installed').action(async (options: ServiceOptions) =>
    onExit((await import('./service.js')).showService(options)),
  );
}
