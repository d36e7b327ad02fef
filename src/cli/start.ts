import type pino from 'pino';
import type { Config } from '../config/index.js';
import { ERRORS, errorLine, type Logger, SentinelError, systemClock, VERSION } from '../lib/index.js';
import { type Agent, startAgent } from '../main.js';
import { createServiceNotifier } from '../ops/index.js';
import type { TaskStatus } from '../probe/index.js';
import { agentLine } from './agent-line.js';
import { readConfiguration } from './configuration.js';
import { describeError, EXIT } from './exit.js';
import { createAgentLog } from './log.js';
import { resultLine } from './result-line.js';
import { print, printError } from './terminal.js';

const HOUR_MS = 3_600_000;

/** A stop takes at most 3 s for the hosts, 1 s of sending and 10 s for the last requests (DESIGN 5); a commit on a slow disk gets the rest. Less than TimeoutStopSec of the units. */
export const STOP_DEADLINE_MS = 20_000;

/** `sentinel start`: runs the agent until SIGTERM, SIGINT or SIGHUP; a second signal ends at once. Gives the exit code; throws before anything runs. */
export async function start(options: { config?: string }): Promise<number> {
  const loaded = await readConfiguration(options.config);
  const log = await createAgentLog(loaded.config.logging);
  process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => {
    log.fatal({ err: error.stack }, 'internal error, the agent ends');
    process.exit(EXIT.internal);
  });
  // An agent without tasks and server has nothing else that keeps its process.
  const alive = setInterval(() => {}, HOUR_MS);
  const signal = nextSignal();
  logStart(loaded.config, log);
  try {
    const agent = await startAgent({ ...loaded, log });
    logWhereResultsAre(agent, loaded.config, log);
    if (process.stdout.isTTY) agent.onResult((status: TaskStatus) => print(resultLine(status)));
    const notifier = createServiceNotifier({
      env: process.env,
      clock: systemClock,
      log: log.child({ component: 'ops' }),
      status: () => agentLine(agent.tasks(), agent.destinations()),
    });
    notifier.ready();
    log.info({ signal: await signal }, 'stopping');
    notifier.stopping();
    await stopInTime(agent, log);
    notifier.close();
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

/** The first signal that asks us to stop; SIGHUP comes from a terminal that goes away. Those after it end the process at once. */
function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (asked) {
        printError('sentinel: second signal: ends at once, without waiting for receivers');
        process.exit(EXIT.internal);
      }
      asked = true;
      resolve(signal);
    };
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, onSignal);
  });
}

/** Whatever a stop still waits for, the process ends before systemd kills it and everything in its group. */
async function stopInTime(agent: Agent, log: pino.Logger): Promise<void> {
  const deadline = systemClock.after(STOP_DEADLINE_MS, () => {
    log.fatal(
      `the stop took longer than ${STOP_DEADLINE_MS / 1000} s: the agent ends; what was not committed is lost`,
    );
    process.exit(EXIT.internal);
  });
  await agent.stop();
  deadline.cancel();
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
