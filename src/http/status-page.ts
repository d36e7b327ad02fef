import { VERSION } from '../lib/index.js';
import { TASK_STATES, type TaskState } from '../probe/index.js';
import type { StatusPage } from '../web/index.js';
import type { Endpoint, RouteParts } from './endpoint.js';
import { healthCounts } from './jobs.js';
import { paged } from './paged.js';
import { type JudgedTask, judge, matchingTasks, readFilter } from './tasks.js';

/** What the status page is made of, for a query such as `?state=failed&q=core&page=2`. */
export function* statusPage(
  { view, clock }: RouteParts,
  endpoints: readonly Endpoint[],
  query: URLSearchParams,
): Generator<string, StatusPage> {
  const nowMs = clock.now();
  const tasks = yield* taskList(judge(view.tasks(), nowMs), query);
  const { name, startMs, reloaded } = view.runtime();
  return {
    name,
    reloaded,
    version: VERSION,
    nowMs,
    uptimeMs: nowMs - startMs,
    residentBytes: process.memoryUsage.rss(),
    ...view.ready(),
    destinations: view.destinations(),
    tasks,
    targets: healthCounts(view.pools().flatMap((pool) => pool.active())),
    hosts: view.hosts(),
    endpoints: endpoints
      .filter(({ method }) => method === undefined)
      .map(({ path, does }) => ({ path, does })),
  };
}

function* taskList(
  tasks: readonly JudgedTask[],
  query: URLSearchParams,
): Generator<string, StatusPage['tasks']> {
  const filter = readFilter(query);
  const found: Record<TaskState, JudgedTask[]> = { blocked: [], failed: [], late: [], waiting: [], ok: [] };
  for (const task of matchingTasks(tasks, filter)) {
    if (task !== undefined) found[task.state].push(task);
    yield '';
  }
  const worstFirst = TASK_STATES.flatMap((state) => found[state]);
  return {
    ...filter,
    counts: countsOf(tasks),
    total: tasks.length,
    ...paged(worstFirst, query, (task) => task),
  };
}

function countsOf(tasks: readonly JudgedTask[]): Record<TaskState, number> {
  const counts: Record<TaskState, number> = { blocked: 0, failed: 0, late: 0, waiting: 0, ok: 0 };
  for (const { state } of tasks) counts[state]++;
  return counts;
}
