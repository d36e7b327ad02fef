import { LF, OPEN, SPACE, TAB } from './bytes.js';

// Hot path: runs per sample. Benchmark: test/bench/exposition.

const POWERS = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));

/**
 * Reads the number that starts at `start` into `out[0]`, and gives the index behind it; -1 when it is none. It ends at a space, tab, line feed,
 * NUL or brace; the byte behind the page's last must be one of these. Takes what Go's strconv.ParseFloat takes without `p` and `_`, and rounds as it does.
 */
export function readFloat(bytes: Buffer, start: number, out: Float64Array): number {
  let i = start;
  let c = bytes[i]!;
  const negative = c === 0x2d;
  if (negative || c === 0x2b) c = bytes[++i]!;
  const first = i;
  let mantissa = 0;
  while (c >= 0x30 && c <= 0x39) {
    mantissa = mantissa * 10 + (c - 0x30);
    c = bytes[++i]!;
  }
  let digits = i - first;
  let power = 0;
  if (c === 0x2e) {
    const point = i;
    c = bytes[++i]!;
    while (c >= 0x30 && c <= 0x39) {
      mantissa = mantissa * 10 + (c - 0x30);
      c = bytes[++i]!;
    }
    power = point + 1 - i;
    digits -= power;
  }
  if (digits > 0 && (c === 0x65 || c === 0x45)) {
    c = bytes[++i]!;
    const minus = c === 0x2d;
    if (minus || c === 0x2b) c = bytes[++i]!;
    if (!(c >= 0x30 && c <= 0x39)) return -1;
    let exponent = 0;
    while (c >= 0x30 && c <= 0x39) {
      exponent = exponent * 10 + (c - 0x30);
      c = bytes[++i]!;
    }
    power += minus ? -exponent : exponent;
  }
  // Fast path: a mantissa below 2^53 and a power of ten up to 1e22 are both exact, so that one division or product is rounded correctly (Clinger 1990).
  if (digits > 0 && endsToken(c) && mantissa < 9007199254740992 && power >= -22 && power <= 22) {
    const value = power < 0 ? mantissa / POWERS[-power]! : mantissa * POWERS[power]!;
    out[0] = negative ? -value : value;
    return i;
  }
  // Slow path: many digits, large powers, Inf and NaN.
  return digits > 0 ? readLong(bytes, start, i, out) : readWord(bytes, start, out);
}

function endsToken(c: number): boolean {
  return c === SPACE || c === LF || c === TAB || c === OPEN || c === 0;
}

/** A well-formed decimal of any length. An overflow is no number, as in Go. */
function readLong(bytes: Buffer, start: number, end: number, out: Float64Array): number {
  if (!endsToken(bytes[end]!)) return -1;
  const value = Number(bytes.toString('latin1', start, end));
  if (value === Infinity || value === -Infinity) return -1;
  out[0] = value;
  return end;
}

/** `Inf`, `Infinity` with or without a sign and `NaN` without one, in any case. */
function readWord(bytes: Buffer, start: number, out: Float64Array): number {
  let end = start;
  while (end - start <= 9 && !endsToken(bytes[end]!)) end++;
  const word = bytes.toString('latin1', start, end).toLowerCase();
  const bare = word[0] === '+' || word[0] === '-' ? word.slice(1) : word;
  if (word === 'nan') out[0] = NaN;
  else if (bare === 'inf' || bare === 'infinity') out[0] = word[0] === '-' ? -Infinity : Infinity;
  else return -1;
  return end;
}

/**
 * A bound of a bucket or quantile as OpenMetrics writes it: the shortest decimal that reads back equal, as Go's %g prints it, with `.0` where it has
 * neither point nor exponent. `1` -> `1.0`, `1000000` -> `1e+06`. A text that is no number stays.
 */
export function normaliseBound(text: string): string {
  const bytes = Buffer.from(`${text}\n`);
  const out = new Float64Array(1);
  if (readFloat(bytes, 0, out) !== bytes.length - 1) return text;
  const value = out[0]!;
  if (Number.isNaN(value)) return 'NaN';
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  if (value === 0) return '0.0';
  const [digits, exponent] = value.toExponential().split('e') as [string, string];
  const power = Number(exponent);
  if (power < -4 || power >= 6)
    return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  return Number.isInteger(value) ? `${value}.0` : String(value);
}
