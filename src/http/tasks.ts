import { formatDuration, redactUrl } from '../lib/index.js';
import type { LastResult, TaskStatus } from '../probe/index.js';

/** A task as `/api/v1/tasks` shows it: snake_case, times as RFC 3339, durations as in the configuration. Options are left out: they may hold secrets. */
export function taskJson(status: TaskStatus): object {
  const { task } = status;
  return {
    id: task.id,
    device_id: redactUrl(task.deviceId),
    plugin: task.plugin,
    target: redactUrl(task.target),
    lane: task.lane,
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

function lastJson(last: LastResult): object {
  const values: Record<string, number | string> = {};
  for (const [name, value] of Object.entries(last.values)) values[name] = numberJson(value);
  return {
    planned: new Date(last.plannedMs).toISOString(),
    started: new Date(last.startedMs).toISOString(),
    duration_seconds: last.durationSeconds,
    ok: last.ok,
    reason: last.reason ?? null,
    evidence: last.evidence ?? null,
    samples: last.samples,
    values,
  };
}

/** JSON has no NaN and no infinity: they become texts, as in Prometheus's API. */
function numberJson(value: number): number | string {
  if (Number.isFinite(value)) return value;
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
