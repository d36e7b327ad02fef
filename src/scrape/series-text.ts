import { createParser, type ExpositionFormat, type Series } from '../exposition/index.js';
import type { FamilyType } from '../model/index.js';

const BOUNDED: readonly FamilyType[] = ['unknown', 'histogram', 'summary'];
const FORMATS: readonly ExpositionFormat[] = ['text', 'openmetrics'];

/**
 * How the text of a series is read again, as a number: by the format of the page, and by the family's type where that changes the labels (the bounds of buckets
 * and quantiles). `undefined` where the key of a series is not its text (protobuf).
 */
export function formOf(format: ExpositionFormat, type: FamilyType): number | undefined {
  if (format === 'protobuf') return undefined;
  return FORMATS.indexOf(format) * BOUNDED.length + Math.max(0, BOUNDED.indexOf(type));
}

/** Reads the text of a series again (`seriesKey()` of a parser, one character per byte). It must have been read before. */
export function readSeriesText(text: string, form: number): Series {
  const format = FORMATS[Math.floor(form / BOUNDED.length)]!;
  const type = BOUNDED[form % BOUNDED.length]!;
  const head = type === 'unknown' ? '' : `# TYPE x ${type}\n`;
  const foot = format === 'openmetrics' ? '# EOF\n' : '';
  const parser = createParser(Buffer.from(`${head}${text} 1\n${foot}`, 'latin1'), format);
  while (parser.next() !== 'series');
  return parser.series();
}
