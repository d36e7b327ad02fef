import { formatDuration, redactUrl } from '../lib/index.js';
import { type LastResult, type TaskState, type TaskStatus, taskState } from '../probe/index.js';
import { jsonList, lazily, type Pieces } from './pieces.js';

/** Which tasks are asked for: `?state=failed&q=core`. */
export interface TaskFilter {
  /** A state, or empty for all. */
  state: string;
  /** Part of an id, a device_id, a target, a plugin or a reason, in any case; or empty. */
  q: string;
}

/** Reads the filter of a query string; a state that there is not finds nothing. */
export function readFilter(query: URLSearchParams): TaskFilter {
  return { state: query.get('state') ?? '', q: (query.get('q') ?? '').trim() };
}

/** A task with how it does now. */
export interface JudgedTask {
  status: TaskStatus;
  state: TaskState;
}

/** The tasks that the filter lets through, in their order; `undefined` in the place of each other one. Secrets of targets are not searched. */
export function* matchingTasks(
  tasks: Iterable<JudgedTask>,
  { state, q }: TaskFilter,
): Generator<JudgedTask | undefined> {
  const part = q.toLowerCase();
  for (const judged of tasks) {
    const fits = (state === '' || judged.state === state) && (part === '' || says(judged.status, part));
    yield fits ? judged : undefined;
  }
}

function says({ task, last }: TaskStatus, part: string): boolean {
  const { id, plugin } = task;
  const texts = [id, redactUrl(task.deviceId), redactUrl(task.target), plugin, last?.reason ?? ''];
  return texts.some((text) => text.toLowerCase().includes(part));
}

/** Each task with how it does at `nowMs`. */
export function judge(tasks: readonly TaskStatus[], nowMs: number): JudgedTask[] {
  return tasks.map((status) => ({ status, state: taskState(status, nowMs) }));
}

/** What `/api/v1/tasks` shows: those that `?state=failed&q=core` asks for. */
export function tasksJson(tasks: Iterable<JudgedTask>, query: URLSearchParams): Pieces {
  return jsonList(lazily(matchingTasks(tasks, readFilter(query)), (task) => task && taskJson(task)));
}

/** A task as `/api/v1/tasks` shows it: snake_case, times as RFC 3339, durations as in the configuration. Options are left out: they may hold secrets. */
export function taskJson({ status, state }: JudgedTask) {
  const { task } = status;
  return {
    id: task.id,
    state,
    device_id: redactUrl(task.deviceId),
    plugin: task.plugin,
    target: redactUrl(task.target),
    lane: status.lane,
    interval: formatDuration(task.intervalMs),
    timeout: formatDuration(task.timeoutMs),
    labels: task.labels,
    last: status.last === undefined ? null : lastJson(status.last),
    runs: status.runs,
    failures: status.failures,
    skipped: status.skipped,
    missed: status.missed,
    aborted: status.aborted,
    problem: status.problem ?? null,
  };
}

/** A task in an answer. */
export type TaskJson = ReturnType<typeof taskJson>;

function lastJson(last: LastResult) {
  const values: Record<string, number | string> = {};
  for (const [name, value] of Object.entries(last.values)) values[name] = numberJson(value);
  return {
    planned: timeJson(last.plannedMs),
    started: timeJson(last.startedMs),
    duration_seconds: last.durationSeconds,
    ok: last.ok,
    reason: last.reason ?? null,
    evidence: last.evidence ?? null,
    samples: last.samples,
    values,
  };
}

/** The last day that a Date of JavaScript knows, ms since 1970. A sample's own timestamp may lie beyond it. */
const LAST_DAY_MS = 8.64e15;

/** A time as RFC 3339; null where there is none, or none that a date can say. */
export function timeJson(ms: number | undefined): string | null {
  return ms === undefined || !(Math.abs(ms) <= LAST_DAY_MS) ? null : new Date(ms).toISOString();
}

/** JSON has no NaN and no infinity: they become texts, as in Prometheus's API. */
function numberJson(value: number): number | string {
  if (Number.isFinite(value)) return value;
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
