/** A point in time that somebody waits for. */
export interface Alarm {
  readonly atMs: number;
  /** Absent once it was taken back. */
  run: (() => void) | undefined;
}

/** Many points in time behind one timer of Node: a binary heap, because every packet in flight has a timeout of its own. */
export class TimerQueue {
  readonly #heap: Alarm[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** What `#timer` waits for. */
  #armedMs = Infinity;

  /** Calls `run` once when performance.now() has reached `atMs`. */
  at(atMs: number, run: () => void): Alarm {
    const alarm: Alarm = { atMs, run };
    this.#push(alarm);
    if (this.#heap[0]!.atMs < this.#armedMs) this.#arm();
    return alarm;
  }

  /** Takes an alarm back: the process is not woken for it. Most packets are answered long before their timeout. */
  drop(alarm: Alarm): void {
    alarm.run = undefined;
  }

  /** Forgets all. */
  close(): void {
    clearTimeout(this.#timer);
    this.#heap.length = 0;
    this.#armedMs = Infinity;
  }

  #arm(): void {
    clearTimeout(this.#timer);
    while (this.#heap.length > 0 && this.#heap[0]!.run === undefined) this.#pop();
    const next = this.#heap[0];
    this.#armedMs = next?.atMs ?? Infinity;
    if (next === undefined) return;
    // Node's timers count whole milliseconds of the loop's clock and may fire a fraction early: `#fire` looks again.
    this.#timer = setTimeout(this.#fire, Math.max(1, Math.ceil(next.atMs - performance.now())));
  }

  readonly #fire = (): void => {
    const nowMs = performance.now();
    this.#armedMs = -Infinity; // `run` may add entries: the timer is set once, below.
    while (this.#heap.length > 0 && this.#heap[0]!.atMs <= nowMs) this.#pop().run?.();
    this.#arm();
  };

  #push(entry: Alarm): void {
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

  #pop(): Alarm {
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
