// Loaded into an agent by `node --import`: tells its parent how long the turns of its event loop are, by what the parent sends.

import { openSync, readSync } from 'node:fs';
import { type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

/** Turns of this length and longer are told of one by one, ms. */
const LONG_MS = 15;
const LOOK_MS = 1;

/** A turn: when it began, how long it was, and what of that its thread had of the processor, and the garbage collector; ms. */
interface Turn {
  atMs: number;
  ms: number;
  ownMs: number;
  collectedMs: number;
}

/** What was seen since the last time that was asked. */
export interface TurnsSeen {
  /** Turns of 15 ms of the processor and more. */
  long: readonly Turn[];
  worstMs: number;
  worstOwnMs: number;
  worstCollectionMs: number;
  rssMiB: number;
  heapMiB: number;
}

interface Span {
  fromMs: number;
  toMs: number;
}

/** How long this thread had the processor since its start, ms: what a clock says of a turn tells of other processes too. */
class ThreadTime {
  readonly #file = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r');
  readonly #text = Buffer.alloc(64);

  now(): number {
    const length = readSync(this.#file, this.#text, 0, this.#text.length, 0);
    return Number(this.#text.toString('latin1', 0, length).split(' ', 1)[0]) / 1e6;
  }
}

class TurnWatch {
  readonly #thread = new ThreadTime();
  #turns: (Span & { ownMs: number })[] = [];
  #collections: Span[] = [];
  #worstMs = 0;
  #worstOwnMs = 0;
  #lastMs = performance.now();
  #lastOwnMs = this.#thread.now();

  look(): void {
    const now = performance.now();
    const ms = now - this.#lastMs;
    this.#worstMs = Math.max(this.#worstMs, ms);
    const ownNow = this.#thread.now();
    const ownMs = ownNow - this.#lastOwnMs;
    this.#worstOwnMs = Math.max(this.#worstOwnMs, ownMs);
    if (ownMs >= LONG_MS) this.#turns.push({ fromMs: this.#lastMs, toMs: now, ownMs });
    this.#lastMs = now;
    this.#lastOwnMs = ownNow;
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
        ownMs: turn.ownMs,
        collectedMs: this.#collectedIn(turn),
      })),
      worstMs: this.#worstMs,
      worstOwnMs: this.#worstOwnMs,
      worstCollectionMs: Math.max(0, ...this.#collections.map(({ fromMs, toMs }) => toMs - fromMs)),
      rssMiB: rss / 2 ** 20,
      heapMiB: heapUsed / 2 ** 20,
    };
    this.#turns = [];
    this.#collections = [];
    this.#worstMs = this.#worstOwnMs = 0;
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
