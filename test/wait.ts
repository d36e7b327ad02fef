import { setTimeout as delay } from 'node:timers/promises';

/** Asks again and again until `look` gives something; after `deadlineMs` throws, with what it was waiting for. */
export async function waitFor<T>(
  what: string,
  deadlineMs: number,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`waited ${deadlineMs} ms in vain for ${what}`);
    await delay(20);
  }
}
