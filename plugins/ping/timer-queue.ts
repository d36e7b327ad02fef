interface Entry {
  atMs: number;
  run: () => void;
}

/** Many points in time behind one timer of Node: a binary heap, because every packet in flight has a timeout of its own. */
export class TimerQueue {
  readonly #heap: Entry[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** What `#timer` waits for. */
  #armedMs = Infinity;

  /** Calls `run` once when performance.now() has reached `atMs`. It cannot be taken back: `run` finds out that it is no longer needed. */
  at(atMs: number, run: () => void): void {
    this.#push({ atMs, run });
    if (this.#heap[0]!.atMs < this.#armedMs) this.#arm();
  }

  /** Forgets all. */
  close(): void {
    clearTimeout(this.#timer);
    this.#heap.length = 0;
    this.#armedMs = Infinity;
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const next = this.#heap[0];
    this.#armedMs = next?.atMs ?? Infinity;
    if (next === undefined) return;
    // Node's timers count whole milliseconds of the loop's clock and may fire a fraction early: `#fire` looks again.
    this.#timer = setTimeout(this.#fire, Math.max(1, Math.ceil(next.atMs - performance.now())));
  }

  readonly #fire = (): void => {
    const nowMs = performance.now();
    this.#armedMs = -Infinity; // `run` may add entries: the timer is set once, below.
    while (this.#heap.length > 0 && this.#heap[0]!.atMs <= nowMs) this.#pop().run();
    this.#arm();
  };

  #push(entry: Entry): void {
    const heap = this.#heap;
    let i = heap.length;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (heap[parent]!.atMs <= entry.atMs) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = entry;
  }

  #pop(): Entry {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    let i = 0;
    for (let child = 1; child < heap.length; child = 2 * i + 1) {
      if (child + 1 < heap.length && heap[child + 1]!.atMs < heap[child]!.atMs) child++;
      if (heap[child]!.atMs >= last.atMs) break;
      heap[i] = heap[child]!;
      i = child;
    }
    if (heap.length > 0) heap[i] = last;
    return first;
  }
}
