import type { Reason } from '../sdk/index.js';
import type { Task } from './task.js';

/** The last result of a task, for people and the API. */
export interface LastResult {
  plannedMs: number;
  startedMs: number;
  durationSeconds: number;
  ok: boolean;
  reason: Reason | undefined;
  evidence: string | undefined;
  /** Samples in all. */
  samples: number;
  /** The first 32 samples without labels of their own, by name: `ping_rtt_ms`. */
  values: Readonly<Record<string, number>>;
}

/** What the agent knows of a task. */
export interface TaskStatus {
  task: Task;
  /** The process that runs it: that of its plugin, or one of its own since that kept dying. */
  lane: string;
  /** When it came, wall clock. */
  sinceMs: number;
  last: LastResult | undefined;
  /** Runs with a result, and how many of them failed. */
  runs: number;
  failures: number;
  /** Ticks without a run because the one before was still going. */
  skipped: number;
  /** Ticks that passed while the probe host could not run. */
  missed: number;
  /** Runs that were cut short by a stop, a reload or a dead host; they gave no sample. */
  aborted: number;
  /** Why it cannot run at all (its plugin did not load, its options were refused), if so. */
  problem: string | undefined;
}

/** How a task does, the worst first. blocked: it cannot run; failed: its last run; late: no result for more than three intervals, or none since it came; waiting: it came just now. */
export const TASK_STATES = ['blocked', 'failed', 'late', 'waiting', 'ok'] as const;

/** One of them. */
export type TaskState = (typeof TASK_STATES)[number];

/** What a probe host on a slow machine, or thousands of first runs, may take. */
const BEGIN_MS = 60_000;

/** How the task does at `nowMs` (wall clock). */
export function taskState({ task, sinceMs, last, problem }: TaskStatus, nowMs: number): TaskState {
  if (problem !== undefined) return 'blocked';
  const patienceMs = 3 * task.intervalMs + task.timeoutMs;
  if (last === undefined) return nowMs - sinceMs > Math.max(patienceMs, BEGIN_MS) ? 'late' : 'waiting';
  if (nowMs - last.plannedMs > patienceMs) return 'late';
  return last.ok ? 'ok' : 'failed';
}

/** What the agent knows of a process that runs plugins. */
export interface HostStatus {
  lane: string;
  /** `undefined` while there is no process: before its restart. */
  pid: number | undefined;
  /** Tasks that it runs. */
  tasks: number;
  /** Times that it was started again since the agent started. */
  restarts: number;
  /** Worst delay of its event loop in the last second, ms. */
  loopDelayMs: number;
}
