import { VERSION } from '../lib/index.js';
import { TASK_STATES, type TaskState } from '../probe/index.js';
import type { StatusPage } from '../web/index.js';
import type { Endpoint, RouteParts } from './endpoint.js';
import { healthCounts } from './jobs.js';
import { paged } from './paged.js';
import { filterTasks, type JudgedTask, judge, readFilter } from './tasks.js';

/** What the status page is made of, for a query such as `?state=failed&q=core&page=2`. */
export function statusPage(
  { view, clock }: RouteParts,
  endpoints: readonly Endpoint[],
  query: URLSearchParams,
): StatusPage {
  const nowMs = clock.now();
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
    tasks: taskList(judge(view.tasks(), nowMs), query),
    targets: healthCounts(view.pools().flatMap(({ active }) => active)),
    hosts: view.hosts(),
    endpoints: endpoints
      .filter(({ method }) => method === undefined)
      .map(({ path, does }) => ({ path, does })),
  };
}

function taskList(tasks: readonly JudgedTask[], query: URLSearchParams): StatusPage['tasks'] {
  const filter = readFilter(query);
  const matching = worstFirst(filterTasks(tasks, filter));
  return {
    ...filter,
    counts: countsOf(tasks),
    total: tasks.length,
    ...paged(matching, query),
  };
}

function worstFirst(tasks: readonly JudgedTask[]): JudgedTask[] {
  return TASK_STATES.flatMap((state) => tasks.filter((task) => task.state === state));
}

function countsOf(tasks: readonly JudgedTask[]): Record<TaskState, number> {
  const counts: Record<TaskState, number> = { blocked: 0, failed: 0, late: 0, waiting: 0, ok: 0 };
  for (const { state } of tasks) counts[state]++;
  return counts;
}
