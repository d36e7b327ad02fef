import type { BuildJson, DestinationJson, JobJson, RuntimeJson, TaskJson } from '../http/index.js';
import { roughDuration, roughSize } from '../lib/index.js';
import { TASK_STATES } from '../probe/index.js';
import { targetParts, targetSummary } from './status-targets.js';
import { agoText, shown } from './status-text.js';
import { colorsOf, oneLine, table } from './terminal.js';

/** What the control socket tells of an agent. */
export interface AgentReport {
  agent: BuildJson & RuntimeJson;
  destinations: readonly DestinationJson[];
  tasks: readonly TaskJson[];
  jobs: readonly JobJson[];
}

const STALE = '(its last reload was refused: the configuration before it runs; the log says why)';

/** The report for people: the agent, its destinations, its probe hosts, what it scrapes, and its tasks with those that do worst first. */
export function statusText(report: AgentReport, nowMs: number): string {
  const { destinations, tasks, jobs, agent } = report;
  return [
    agentPart(agent),
    destinations.length === 0
      ? 'no destination: samples are sent nowhere'
      : destinationTable(destinations, nowMs),
    ...(agent.hosts.length === 0 ? [] : [hostTable(agent.hosts)]),
    ...targetParts(jobs, nowMs),
    ...(tasks.length === 0 ? [] : [taskTable(tasks, nowMs)]),
    summary(report),
  ].join('\n\n');
}

function agentPart(agent: AgentReport['agent']): string {
  const { buffer, resident_memory_bytes, loop_delay_seconds } = agent;
  const { green, red } = colorsOf(process.stdout);
  const disk = buffer.disk_healthy ? roughSize(buffer.disk_bytes) : 'THE DISK FAILS, nothing';
  return table([
    ['agent', `${oneLine(agent.name)}, sentinel ${agent.version} (node ${agent.node}), process ${agent.pid}`],
    ['up', roughDuration(agent.uptime_seconds * 1000)],
    ['memory', `${roughSize(resident_memory_bytes)}, loop delay ${Math.round(loop_delay_seconds * 1000)} ms`],
    ['config', agent.last_reload_successful ? agent.config_file : `${agent.config_file} ${red(STALE)}`],
    ['data', `${agent.data_dir}: ${disk} on disk, ${roughSize(buffer.memory_bytes)} in memory`],
    ['ready', agent.ready ? green('yes') : red(`no: ${oneLine(agent.not_ready_reasons.join('; '))}`)],
  ]);
}

function destinationTable(destinations: readonly DestinationJson[], nowMs: number): string {
  const rows = destinations.map((destination) => [
    destination.state,
    oneLine(destination.name),
    roughDuration(destination.lag_seconds * 1000),
    `${destination.pending_samples} samples, ${roughSize(destination.pending_bytes)}`,
    String(destination.failed_samples),
    agoText(destination.last_success, nowMs),
    shown(destination.last_error ?? ''),
  ]);
  return table([['STATE', 'DESTINATION', 'LAG', 'PENDING', 'LOST', 'LAST SUCCESS', 'LAST ERROR'], ...rows]);
}

function hostTable(hosts: RuntimeJson['hosts']): string {
  const rows = hosts.map(({ lane, pid, tasks, restarts, loop_delay_seconds }) => [
    lane,
    String(pid ?? 'down'),
    String(tasks),
    String(restarts),
    `${Math.round(loop_delay_seconds * 1000)} ms`,
  ]);
  return table([['PROBE HOST', 'PROCESS', 'TASKS', 'RESTARTS', 'LOOP DELAY'], ...rows]);
}

function taskTable(tasks: readonly TaskJson[], nowMs: number): string {
  const worstFirst = TASK_STATES.flatMap((state) => tasks.filter((task) => task.state === state));
  const rows = worstFirst.map((task) => [
    task.state,
    oneLine(task.id),
    task.plugin,
    oneLine(task.target),
    agoText(task.last?.planned ?? null, nowMs),
    String(task.skipped),
    String(task.missed),
    shown(task.problem ?? [task.last?.reason, task.last?.evidence].filter((text) => text).join(': ')),
  ]);
  const head = ['STATE', 'TASK', 'PLUGIN', 'TARGET', 'LAST RUN', 'SKIPPED', 'MISSED', 'RESULT'];
  return table([head, ...rows]);
}

/** Stands last, because a long list scrolls away what is above it. */
function summary({ tasks, jobs }: AgentReport): string {
  if (tasks.length + jobs.length === 0) return 'no task, and nothing to scrape';
  const targets = jobs.length === 0 ? [] : [targetSummary(jobs)];
  return [...targets, ...(tasks.length === 0 ? [] : [taskSummary(tasks)])].join('\n');
}

function taskSummary(tasks: readonly TaskJson[]): string {
  const counts = TASK_STATES.map((state) => ({
    state,
    count: tasks.filter((task) => task.state === state).length,
  })).filter(({ count }) => count > 0);
  return `${tasks.length} tasks: ${counts.map(({ state, count }) => `${count} ${state}`).join(', ')}`;
}
