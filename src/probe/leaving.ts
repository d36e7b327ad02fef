/** Tasks that were taken off a lane, until its host has said that nothing more comes of them: results of their last runs may be on the way. */
export class LeavingTasks<T> {
  /** By lane and id; of one id the one that left first comes first. */
  readonly #lanes = new Map<string, Map<string, T[]>>();

  /** Adds a task that was just taken off. */
  add(lane: string, id: string, leaving: T): void {
    const tasks = this.#lanes.get(lane) ?? new Map<string, T[]>();
    this.#lanes.set(lane, tasks);
    tasks.set(id, [...(tasks.get(id) ?? []), leaving]);
  }

  /** The one that the host speaks of when it names this id. */
  first(lane: string, id: string): T | undefined {
    return this.#lanes.get(lane)?.get(id)?.[0];
  }

  /** The same, and forgets it. */
  take(lane: string, id: string): T | undefined {
    const tasks = this.#lanes.get(lane);
    const [first, ...rest] = tasks?.get(id) ?? [];
    if (rest.length > 0) tasks?.set(id, rest);
    else tasks?.delete(id);
    return first;
  }

  /** All of a lane, and forgets them. */
  takeLane(lane: string): T[] {
    const tasks = [...(this.#lanes.get(lane)?.values() ?? [])].flat();
    this.#lanes.delete(lane);
    return tasks;
  }
}
