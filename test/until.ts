import { systemClock } from '../src/lib/index.js';

const POLL_MS = 10;

/** Asks again and again until the answer is truthy, and gives it. Throws after `timeoutMs`, naming what it waited for. */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  timeoutMs = 15_000,
): Promise<NonNullable<T>> {
  const deadline = systemClock.monotonic() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer as NonNullable<T>;
    if (systemClock.monotonic() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await new Promise<void>((resolve) => systemClock.after(POLL_MS, resolve));
  }
}
