/** Name and value in turn, sorted by the bytes of the names, without empty values and without repeated names. Immutable. */
export type Labels = readonly string[];

/** Compares two texts by their UTF-8 bytes. Code units differ from bytes only where a surrogate meets U+E000..U+FFFF. */
export function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const xHigh = x >= 0xd800 && x <= 0xdfff;
    const yHigh = y >= 0xd800 && y <= 0xdfff;
    if (xHigh !== yHigh) return xHigh ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

/** Labels of a map: sorted, empty values left out (an empty value is an absent label). */
export function labelsOf(map: Readonly<Record<string, string>>): Labels {
  const labels: string[] = [];
  for (const name of Object.keys(map).sort(compareBytes)) {
    if (map[name] !== '') labels.push(name, map[name]!);
  }
  return labels;
}

/** The value of a label, or an empty text when it is absent. */
export function labelValue(labels: Labels, name: string): string {
  for (let i = 0; i < labels.length; i += 2) if (labels[i] === name) return labels[i + 1]!;
  return '';
}

/**
 * The labels of a sample whose owner sets `base`: its own ones (name and value in turn) beside them, and one of a name that is set there as
 * `exported_<name>`, as often as it takes. An own `__name__` is left out: `base` says it.
 */
export function labelsBeside(
  base: Readonly<Record<string, string>>,
  own: readonly string[],
): Record<string, string> {
  const labels = new Map(Object.entries(base));
  const clashes: [string, string][] = [];
  for (let i = 0; i < own.length; i += 2) {
    const [name, value] = [own[i]!, own[i + 1]!];
    if (name === '__name__') continue;
    if (Object.hasOwn(base, name) && base[name] !== '') clashes.push([name, value]);
    else labels.set(name, value);
  }
  for (const [label, value] of clashes) {
    let exported = `exported_${label}`;
    while ((labels.get(exported) ?? '') !== '') exported = `exported_${exported}`;
    labels.set(exported, value);
  }
  return Object.fromEntries(labels);
}

/** The labels as a map, for JSON and tests. */
export function labelsToMap(labels: Labels): Record<string, string> {
  const pairs: [string, string][] = [];
  for (let i = 0; i < labels.length; i += 2) pairs.push([labels[i]!, labels[i + 1]!]);
  return Object.fromEntries(pairs);
}
