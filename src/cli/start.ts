import { isatty } from 'node:tty';
import type pino from 'pino';
import { type Config, readConfigApart } from '../config/index.js';
import { ERRORS, errorLine, type Logger, SentinelError, systemClock, VERSION } from '../lib/index.js';
import { type Agent, type StopReport, startAgent } from '../main.js';
import { createServiceNotifier, keepHeapSmall, type ServiceNotifier } from '../ops/index.js';
import type { TaskStatus } from '../probe/index.js';
import { agentLine } from './agent-line.js';
import { configurationFile, readConfiguration } from './configuration.js';
import { describeError, EXIT } from './exit.js';
import type { Hangups } from './hangups.js';
import { createAgentLog } from './log.js';
import { resultLine } from './result-line.js';
import { print, printError } from './terminal.js';

const HOUR_MS = 3_600_000;
/** `timeout`, npm and a terminal with a wrapper give one wish as two signals: to the process and to its group. */
const SAME_WISH_MS = 1000;

/** A stop takes at most 3 s for the hosts, 1 s of sending and 10 s for the last requests (DESIGN 5); a commit on a slow disk gets the rest. Less than TimeoutStopSec of the units. */
export const STOP_DEADLINE_MS = 20_000;

/**
 * `sentinel start`: runs the agent until SIGTERM, SIGINT or the end of its terminal; a second signal, a second later, ends at once. Any other SIGHUP reads the
 * configuration again. Gives the exit code; throws before anything runs.
 */
export async function start(options: { config?: string }, hangups: Hangups): Promise<number> {
  keepHeapSmall();
  const loaded = await readConfiguration(options.config);
  const { logger: log, set: setLogging } = await createAgentLog(loaded.config.logging);
  process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => {
    log.fatal({ err: error.stack }, 'internal error, the agent ends');
    process.exit(EXIT.internal);
  });
  // An agent without tasks and server has nothing else that keeps its process.
  const alive = setInterval(() => {}, HOUR_MS);
  const stop = new StopSignal();
  logStart(loaded.config, log);
  try {
    const file = configurationFile(options.config);
    const isTty = process.stdout.isTTY === true;
    const read = (signal: AbortSignal) => readConfigApart({ file, isTty, signal });
    const agent = await startAgent({ ...loaded, log, setLogging, read });
    logWhereResultsAre(agent, loaded.config, log);
    if (isTty) agent.onResult(printResult);
    const notifier = createServiceNotifier({
      env: process.env,
      clock: systemClock,
      log: log.child({ component: 'ops' }),
      status: () => agentLine(agent.tasks(), agent.destinations()),
    });
    notifier.ready();
    hangups.onEach((why) => {
      if (why === 'terminal gone') stop.ask('SIGHUP');
      else void reload(agent, notifier, stop);
    });
    log.info({ signal: await stop.asked }, 'stopping');
    notifier.stopping();
    const { failedCount, isStalled } = await stopInTime(agent, log);
    if (isStalled)
      notifier.close(
        `stopped, ${failedCount} samples failed; the process ends when the disk of its data answers`,
      );
    else notifier.close();
    hangups.letGo();
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof SentinelError)) throw error;
    log.fatal({ code: error.code, help: ERRORS[error.code].help }, errorLine(error));
    if (!loaded.config.logging.stdout) printError(errorLine(error));
    return describeError(error).exitCode;
  } finally {
    clearInterval(alive);
  }
}

/** What asks the agent to stop. The second time, a second later or more, ends the process at once. */
class StopSignal {
  readonly asked: Promise<NodeJS.Signals>;
  #resolve: (signal: NodeJS.Signals) => void = () => {};
  isAsked = false;
  #askedAtMs = 0;

  constructor() {
    this.asked = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.ask(signal));
  }

  ask(signal: NodeJS.Signals): void {
    if (this.isAsked) {
      if (performance.now() - this.#askedAtMs < SAME_WISH_MS) return;
      printError('sentinel: second signal: ends at once, without waiting for receivers');
      process.exit(EXIT.internal);
    }
    this.isAsked = true;
    this.#askedAtMs = performance.now();
    this.#resolve(signal);
  }
}

/** A stop that comes meanwhile breaks it off; then systemd hears of that alone. */
async function reload(agent: Agent, notifier: ServiceNotifier, stop: StopSignal): Promise<void> {
  if (stop.isAsked) return;
  notifier.reloading();
  await agent.reload();
  if (!stop.isAsked) notifier.ready();
}

/** Until the terminal is gone: then nothing can be written to it. */
function printResult(status: TaskStatus): void {
  if (isatty(1)) print(resultLine(status));
}

/** Whatever a stop still waits for, the process ends before systemd kills it and everything in its group. */
async function stopInTime(agent: Agent, log: pino.Logger): Promise<StopReport> {
  const deadline = systemClock.after(STOP_DEADLINE_MS, () => {
    const samples = agent.unsavedSamples();
    log.fatal(
      { samples },
      `the stop took longer than ${STOP_DEADLINE_MS / 1000} s: the agent ends; ${samples} samples were not committed and are lost`,
    );
    process.exit(EXIT.internal);
  });
  const report = await agent.stop();
  deadline.cancel();
  return report;
}

function logStart(config: Config, log: Logger): void {
  log.info(
    {
      version: VERSION,
      node: process.version,
      pid: process.pid,
      config: config.file,
      tasks: config.tasks.length,
    },
    'Sentinel starts',
  );
  for (const warning of config.warnings) log.warn(warning);
}

function logWhereResultsAre(agent: Agent, config: Config, log: Logger): void {
  if (config.destinations.length > 0) return;
  const where =
    agent.address === undefined
      ? 'set http.listen to see results, or enable a destination below sender.direct'
      : `see results at ${agent.address}/api/v1/tasks; enable a destination below sender.direct to send them`;
  log.warn(`no destination is enabled: samples are sent nowhere; ${where}`);
}
