import type { BuildJson, DestinationJson, JobJson, RuntimeJson, TaskJson } from '../http/index.js';
import { askAgent, findControlSocket, NoAgentError } from './control.js';
import { EXIT } from './exit.js';
import { type AgentReport, statusText } from './status-report.js';
import { print, printError } from './terminal.js';

/**
 * `sentinel status`: asks the running agent over its control socket. Exit code 1 when a task fails or gives no results, a target is down, a discovery fails, a
 * destination is late, or no agent runs there; a destination that fails for less than two minutes is none of these: it is retried, and nothing is lost.
 */
export async function status(options: {
  config?: string;
  dataDir?: string;
  output: 'text' | 'json';
}): Promise<number> {
  try {
    const report = await readReport(findControlSocket(options));
    print(options.output === 'json' ? JSON.stringify(report, undefined, 2) : statusText(report, Date.now()));
    return isWell(report) ? EXIT.ok : EXIT.failed;
  } catch (error) {
    if (!(error instanceof NoAgentError)) throw error;
    printError(error.message);
    return EXIT.failed;
  }
}

async function readReport(socket: string): Promise<AgentReport> {
  const [build, runtime, destinations, tasks, jobs] = await Promise.all([
    askAgent<BuildJson>(socket, '/api/v1/status/buildinfo'),
    askAgent<RuntimeJson>(socket, '/api/v1/status/runtimeinfo'),
    askAgent<DestinationJson[]>(socket, '/api/v1/destinations'),
    askAgent<TaskJson[]>(socket, '/api/v1/tasks'),
    askAgent<JobJson[]>(socket, '/api/v1/jobs'),
  ]);
  return { agent: { ...build, ...runtime }, destinations, tasks, jobs };
}

function isWell({ agent, destinations, tasks, jobs }: AgentReport): boolean {
  return (
    agent.ready &&
    destinations.every(({ state }) => state !== 'late') &&
    tasks.every(({ state }) => state === 'ok' || state === 'waiting') &&
    jobs.every(
      ({ down, discovery }) => down === 0 && discovery.every(({ last_error }) => last_error === null),
    )
  );
}
