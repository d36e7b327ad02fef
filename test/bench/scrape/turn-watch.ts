// Loaded into an agent by `node --import`: tells its parent how long the turns of its event loop are, by what the parent sends.
import { type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

/** Turns of this length and longer are told of one by one, ms. */
const LONG_MS = 15;
const LOOK_MS = 1;

/** What was seen since the last time that was asked. */
export interface TurnsSeen {
  /** Turns that were longer than 15 ms: when, how long, and how much of it the garbage collector took; ms. */
  long: readonly { atMs: number; ms: number; collectedMs: number }[];
  worstMs: number;
  worstCollectionMs: number;
  rssMiB: number;
  heapMiB: number;
}

interface Span {
  fromMs: number;
  toMs: number;
}

class TurnWatch {
  #turns: Span[] = [];
  #collections: Span[] = [];
  #worstMs = 0;
  #lastMs = performance.now();

  look(): void {
    const now = performance.now();
    const ms = now - this.#lastMs;
    this.#worstMs = Math.max(this.#worstMs, ms);
    if (ms >= LONG_MS) this.#turns.push({ fromMs: this.#lastMs, toMs: now });
    this.#lastMs = now;
  }

  collected(entries: readonly PerformanceEntry[]): void {
    for (const { startTime, duration } of entries)
      this.#collections.push({ fromMs: startTime, toMs: startTime + duration });
  }

  take(): TurnsSeen {
    const { rss, heapUsed } = process.memoryUsage();
    const seen: TurnsSeen = {
      long: this.#turns.map((turn) => ({
        atMs: turn.fromMs,
        ms: turn.toMs - turn.fromMs,
        collectedMs: this.#collectedIn(turn),
      })),
      worstMs: this.#worstMs,
      worstCollectionMs: Math.max(0, ...this.#collections.map(({ fromMs, toMs }) => toMs - fromMs)),
      rssMiB: rss / 2 ** 20,
      heapMiB: heapUsed / 2 ** 20,
    };
    this.#turns = [];
    this.#collections = [];
    this.#worstMs = 0;
    return seen;
  }

  #collectedIn({ fromMs, toMs }: Span): number {
    return this.#collections.reduce(
      (sum, one) => sum + Math.max(0, Math.min(one.toMs, toMs) - Math.max(one.fromMs, fromMs)),
      0,
    );
  }
}

function watchTurns(): void {
  const watch = new TurnWatch();
  new PerformanceObserver((list) => watch.collected(list.getEntries())).observe({ entryTypes: ['gc'] });
  setInterval(() => watch.look(), LOOK_MS).unref();
  // What the observer has yet to hand over comes before the answer.
  process.on('message', () => setTimeout(() => process.send?.(watch.take()), 5));
  process.channel?.unref();
}

// The threads of the agent load it too.
if (isMainThread && process.send !== undefined) watchTurns();
