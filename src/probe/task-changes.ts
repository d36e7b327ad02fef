import { sameValue, type TimeSlice } from '../lib/index.js';
import type { Task } from './task.js';

/** What a new list of tasks changes for one id. */
export interface TaskChange {
  old: Task | undefined;
  next: Task | undefined;
}

/** What a list of tasks changes: tasks that are equal are not in it. Gives way to others as `slice` says; the present tasks must stay as they are meanwhile. */
export async function changesTo(
  present: ReadonlyMap<string, { task: Task }>,
  tasks: readonly Task[],
  slice: TimeSlice,
): Promise<TaskChange[]> {
  const changes: TaskChange[] = [];
  const wanted = new Map(tasks.map((task) => [task.id, task]));
  for (const [id, { task: old }] of present) {
    if (slice.isUp) await slice.next();
    const next = wanted.get(id);
    if (!sameValue(old, next)) changes.push({ old, next });
  }
  for (const next of tasks) if (!present.has(next.id)) changes.push({ old: undefined, next });
  return changes;
}

/** Whether the samples of both have the same labels. */
export function sameSeries(a: Task, b: Task): boolean {
  const labels = ({ deviceId, target, plugin, labels }: Task) => ({ deviceId, target, plugin, labels });
  return sameValue(labels(a), labels(b));
}
