import { Secret } from './secret.js';

/** Whether two values of plain data are equal, secrets in them included (to everyone else all secrets look alike). A key without value is an absent one. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Secret || b instanceof Secret)
    return a instanceof Secret && b instanceof Secret && a.equals(b);
  if (Array.isArray(a) || Array.isArray(b))
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((x, i) => sameValue(x, b[i]))
    );
  return sameKeys(a as Record<string, unknown>, b as Record<string, unknown>);
}

function sameKeys(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  for (const key in a) if (!sameValue(a[key], ownOf(b, key))) return false;
  for (const key in b) if (b[key] !== undefined && ownOf(a, key) === undefined) return false;
  return true;
}

/** A label may be called `constructor`, which every object inherits. */
const ownOf = (map: Readonly<Record<string, unknown>>, key: string) =>
  Object.hasOwn(map, key) ? map[key] : undefined;
