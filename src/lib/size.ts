const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 2 ** 10,
  KiB: 2 ** 10,
  MB: 2 ** 20,
  MiB: 2 ** 20,
  GB: 2 ** 30,
  GiB: 2 ** 30,
  TB: 2 ** 40,
  TiB: 2 ** 40,
  PB: 2 ** 50,
  PiB: 2 ** 50,
};

const PART = /(\d+(?:\.\d+)?)([KMGTP]?i?B)/g;

/** Bytes of a size with a unit: `64KiB`, `1GiB`, `512B`, `0`; also several parts, as Prometheus prints them (`1MiB512KiB`). Its `KB`, `MB`, `GB` are powers of 1024 too. `undefined` when it is none. */
export function tryParseSize(text: string): number | undefined {
  if (text === '0') return 0;
  if (text === '' || text.replace(PART, '') !== '') return undefined;
  let bytes = 0;
  for (const [, count, unit] of text.matchAll(PART)) bytes += Number(count) * (UNITS[unit!] ?? Number.NaN);
  return Number.isSafeInteger(Math.round(bytes)) ? Math.round(bytes) : undefined;
}

/** A size as a person writes it: 33554432 -> `32MiB`; what no unit divides stays in bytes (`1500B`). */
export function formatSize(bytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB'] as const) {
    const size = UNITS[unit]!;
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return `${bytes}B`;
}

/** A size for people, with three digits: 1536 -> `1.5 KiB`. */
export function roughSize(bytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB'] as const) {
    const size = UNITS[unit]!;
    if (bytes >= size) return `${Number((bytes / size).toPrecision(3))} ${unit}`;
  }
  return `${bytes} B`;
}
