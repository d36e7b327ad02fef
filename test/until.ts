import { systemClock } from '../src/lib/index.js';

const POLL_MS = 10;
/** Only what hangs takes so long, also on a machine that others keep busy; where a time is the promise, a test gives its own. */
const HANG_MS = 30_000;

/** Asks again and again until the answer is truthy, and gives it. Throws after `timeoutMs`, naming what it waited for (a function: as it is by then). */
export async function until<T>(
  what: string | (() => string),
  ask: () => T | Promise<T>,
  timeoutMs = HANG_MS,
): Promise<NonNullable<T>> {
  const deadline = systemClock.monotonic() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer as NonNullable<T>;
    if (systemClock.monotonic() > deadline)
      throw new Error(`waited ${timeoutMs} ms for ${typeof what === 'string' ? what : what()}`);
    await new Promise<void>((resolve) => systemClock.after(POLL_MS, resolve));
  }
}
