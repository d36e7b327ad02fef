import picocolors from 'picocolors';

/** Prints a line for people or programs on standard output. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Prints a line on standard error: faults and remarks, never results. */
export function printError(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Colours of a stream: none unless it is a terminal and NO_COLOR is not set. */
export function colorsOf(stream: { isTTY?: boolean }): ReturnType<typeof picocolors.createColors> {
  const { NO_COLOR, TERM } = process.env;
  return picocolors.createColors(stream.isTTY === true && !NO_COLOR && TERM !== 'dumb');
}

/** Rows as columns, two spaces apart; the last column is not padded. Widths ignore colours, so colour only last columns. */
export function table(rows: readonly (readonly string[])[], indent = ''): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows
    .map(
      (row) =>
        indent + row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!))).join('  '),
    )
    .map((line) => line.trimEnd())
    .join('\n');
}

/** A text from outside on one line, without what a terminal would obey (escape sequences, changes of writing direction). */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
}
