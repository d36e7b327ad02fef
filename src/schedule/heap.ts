/** What lies in a heap: the smallest `dueMs` comes out first. */
export interface Due {
  dueMs: number;
}

/** A binary min-heap by `dueMs`. What was taken out of the plan may stay in it until its time comes; its owner looks. */
export class DueHeap<T extends Due> {
  readonly #items: T[] = [];

  /** The item that is due first, left where it is. */
  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    const items = this.#items;
    let i = items.push(item) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (items[parent]!.dueMs <= item.dueMs) break;
      items[i] = items[parent]!;
      i = parent;
    }
    items[i] = item;
  }

  /** Takes out the item that is due first. */
  pop(): T | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (items.length === 0 || last === undefined) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && items[child + 1]!.dueMs < items[child]!.dueMs) child++;
      if (items[child]!.dueMs >= last.dueMs) break;
      items[i] = items[child]!;
      i = child;
    }
    items[i] = last;
    return first;
  }
}
