import { readFileSync } from 'node:fs';

/** Smaller mappings of this kind are code that is in use. */
const RESERVATION_BYTES = 16 * 2 ** 20;

/**
 * Bytes of addresses that V8 sets aside for compiled code in every process. Since Node 24 they are writable as a whole, so that the kernel counts them as
 * data (RLIMIT_DATA), though next to nothing of them is ever used. 0 with an older Node, and where it cannot be read (not Linux). Sync: procfs does not block.
 */
export function codeRangeBytes(): number {
  let maps: string;
  try {
    maps = readFileSync('/proc/self/maps', 'latin1');
  } catch {
    return 0; // Nor can a limit be set there.
  }
  let bytes = 0;
  for (const [, from, to] of maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rwxp /gm)) {
    const length = Number.parseInt(to!, 16) - Number.parseInt(from!, 16);
    if (length >= RESERVATION_BYTES) bytes += length;
  }
  return bytes;
}
