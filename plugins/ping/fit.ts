import type { OptionError } from '../../src/sdk/index.js';

/** The options that decide how long a run takes. */
interface Times {
  count: number;
  interval: number;
  timeout: number;
}

/** Where nothing else bounds a run: time for resolving the name and for waiting one's turn. */
const TRIGGER_MARGIN_MS = 2000;
/** The same within a task's timeout, which is precious when it is short. */
const MARGIN_MS = 500;
const MARGIN_SHARE = 0.1;
/** Below these a default is not shrunk: the first would call a slow path lossy, the second flood it. */
const MIN_TIMEOUT_MS = 100;
const MIN_INTERVAL_MS = 10;

/**
 * Fits a run of (count-1)*interval+timeout in the task's timeout. What was not `given` shrinks, all in the same proportion and with a margin; what
 * was given and does not fit is refused. Without a timeout gives the one that is needed.
 */
export function fitTimes<T extends Times>(
  times: T,
  given: ReadonlySet<string>,
  timeoutMs: number | undefined,
  Refusal: typeof OptionError,
): { config: T; timeoutMs: number } {
  if (timeoutMs === undefined) return { config: times, timeoutMs: spanOf(times) + TRIGGER_MARGIN_MS };
  const spareMs = timeoutMs - Math.min(MARGIN_MS, timeoutMs * MARGIN_SHARE);
  const config = spanOf(times) <= spareMs ? times : shrink(times, given, spareMs);
  if (spanOf(config) <= timeoutMs) return { config, timeoutMs };
  const path = ['timeout', 'interval', 'count'].find((key) => given.has(key)) ?? 'timeout';
  throw new Refusal(path, `${sumOf(times)} does not fit in the timeout of the task, ${timeoutMs}ms`);
}

function spanOf(times: Times): number {
  return (times.count - 1) * times.interval + times.timeout;
}

function sumOf({ count, interval, timeout }: Times): string {
  const sumMs = spanOf({ count, interval, timeout });
  return `(count-1)*interval+timeout = ${count - 1}*${interval}ms+${timeout}ms = ${sumMs}ms`;
}

function shrink<T extends Times>(times: T, given: ReadonlySet<string>, spareMs: number): T {
  const free = { interval: !given.has('interval'), timeout: !given.has('timeout') };
  const gaps = times.count - 1;
  const fixedMs = (free.interval ? 0 : gaps * times.interval) + (free.timeout ? 0 : times.timeout);
  const freeMs = spanOf(times) - fixedMs;
  if (freeMs === 0) return times;
  const factor = Math.min(1, Math.max(0, (spareMs - fixedMs) / freeMs));
  const scale = (ms: number, minMs: number) => Math.min(ms, Math.max(minMs, Math.floor(ms * factor)));
  return {
    ...times,
    interval: free.interval ? scale(times.interval, MIN_INTERVAL_MS) : times.interval,
    timeout: free.timeout ? scale(times.timeout, MIN_TIMEOUT_MS) : times.timeout,
  };
}
