import { Secret } from '../lib/index.js';

/** Freezes a value and all below it. Secrets stay: they follow their files. */
export function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || value instanceof Secret || Object.isFrozen(value))
    return;
  Object.freeze(value);
  for (const item of Object.values(value)) deepFreeze(item);
}
