import type { Clock } from './clock.js';

/** A timer that fires so late was held up by our own process, not by the target. */
const HELD_MS = 20;

/**
 * Calls `onDeadline` once the target has had its time. When our own process stood still meanwhile, the time that we took from the target is added, once and at
 * most `timeoutMs`: an answer that lies unread in the socket is not a timeout. Gives the function that ends it.
 */
export function startDeadline(clock: Clock, timeoutMs: number, onDeadline: () => void): () => void {
  const dueMs = clock.monotonic() + timeoutMs;
  let timer = clock.after(timeoutMs, () => {
    const heldMs = clock.monotonic() - dueMs;
    if (heldMs < HELD_MS) onDeadline();
    else timer = clock.after(Math.min(heldMs, timeoutMs), onDeadline);
  });
  return () => timer.cancel();
}
