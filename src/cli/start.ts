import type { Config } from '../config/index.js';
import { ERRORS, errorLine, type Logger, SentinelError, VERSION } from '../lib/index.js';
import { type Agent, startAgent } from '../main.js';
import type { TaskStatus } from '../probe/index.js';
import { readConfiguration } from './configuration.js';
import { describeError, EXIT } from './exit.js';
import { createAgentLog } from './log.js';
import { resultLine } from './result-line.js';
import { print, printError } from './terminal.js';

const HOUR_MS = 3_600_000;
/** `timeout`, npm and a terminal with a wrapper give one wish as two signals: to the process and to its group. */
const SAME_WISH_MS = 1000;

/** `sentinel start`: runs the agent until SIGTERM, SIGINT or SIGHUP; a second signal, a second later, ends at once. Gives the exit code; throws before anything runs. */
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
    log.info({ signal: await signal }, 'stopping');
    await agent.stop();
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

/** The first signal that asks us to stop; SIGHUP comes from a terminal that goes away. One that comes a second later or more ends the process at once. */
function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let askedAt: number | undefined;
    const onSignal = (signal: NodeJS.Signals) => {
      if (askedAt !== undefined) {
        if (performance.now() - askedAt < SAME_WISH_MS) return;
        printError('sentinel: second signal: ends at once, without waiting for receivers');
        process.exit(EXIT.internal);
      }
      askedAt = performance.now();
      resolve(signal);
    };
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, onSignal);
  });
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
