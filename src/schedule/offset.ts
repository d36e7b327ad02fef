/** A number of 0..2^32-1 that a text always gives: FNV-1a, then mixed so that near texts lie far apart. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Where in its interval the ticks of `key` lie, in whole ms: the same after every restart, spread over the keys. */
export function offsetOf(key: string, intervalMs: number): number {
  return Math.floor((hash32(key) / 2 ** 32) * intervalMs);
}

/** The first tick after `nowMs`: ticks lie at offset, offset + interval, ... on the wall clock. */
export function tickAfter(nowMs: number, intervalMs: number, offsetMs: number): number {
  return Math.floor((nowMs - offsetMs) / intervalMs) * intervalMs + offsetMs + intervalMs;
}
