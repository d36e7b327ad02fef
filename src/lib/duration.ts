const UNITS = [
  ['y', 365 * 86_400_000],
  ['w', 7 * 86_400_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const;

const PATTERN = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

/**
 * Milliseconds of a duration as Prometheus writes it: `15s`, `1m30s`, `1d`, `0` (prometheus/common model.ParseDuration:
 * units y w d h m s ms, each at most once, in this order). `undefined` when it is none.
 */
export function tryParseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const match = text === '' ? null : PATTERN.exec(text);
  if (match === null) return undefined;
  let ms = 0;
  for (let i = 0; i < UNITS.length; i++) ms += Number(match[i + 1] ?? 0) * UNITS[i]![1];
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** The shortest text that `tryParseDuration` reads back: 90000 -> `1m30s`, 0 -> `0s`; fractions of a millisecond are rounded. */
export function formatDuration(ms: number): string {
  let rest = Math.round(ms);
  if (rest === 0) return '0s';
  let text = '';
  for (const [unit, size] of UNITS) {
    if (unit === 'y' || unit === 'w') continue;
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text;
}

/** A duration for people, by its largest unit and the next one: 93784000 -> `1d2h`, 3601000 -> `1h`, 350 -> `350ms`. Below zero it is `0s`. */
export function roughDuration(ms: number): string {
  if (!(ms > 0)) return '0s';
  const largest = UNITS.findIndex(([unit, size]) => unit !== 'y' && unit !== 'w' && ms >= size);
  if (largest < 0) return '0s';
  const [unit, size] = UNITS[largest]!;
  const [nextUnit, nextSize] = UNITS[largest + 1] ?? UNITS[largest]!;
  const next = Math.floor((ms % size) / nextSize);
  const second = next === 0 || nextUnit === 'ms' ? '' : `${next}${nextUnit}`;
  return `${Math.floor(ms / size)}${unit}${second}`;
}
