/** A timer that fires so late was held up by our own process, not by the target. */
const HELD_MS = 20;

/**
 * Calls `onDeadline` once the target has had its time. When our own process stood still meanwhile, the time that we took from the target is added, once and at
 * most `timeoutMs`: an answer that lies unread in the socket is not a timeout. Gives the function that ends it.
 */
export function startDeadline(timeoutMs: number, onDeadline: () => void): () => void {
  const dueMs = performance.now() + timeoutMs;
  let timer = setTimeout(() => {
    const heldMs = performance.now() - dueMs;
    if (heldMs < HELD_MS) onDeadline();
    else timer = setTimeout(onDeadline, Math.min(heldMs, timeoutMs));
  }, timeoutMs);
  return () => clearTimeout(timer);
}
