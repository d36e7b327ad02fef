import {
  createParser,
  type ExpositionFormat,
  type HistogramForms,
  type Series,
} from '../../src/exposition/index.js';

/** Every entry of a page as one line of text, as a person would write it; for comparing. Throws what the parser throws. */
export function render(
  page: string | Uint8Array,
  format: ExpositionFormat,
  histograms?: HistogramForms,
): string[] {
  const parser = createParser(typeof page === 'string' ? Buffer.from(page) : page, format, histograms);
  const lines: string[] = [];
  for (;;) {
    const entry = parser.next();
    if (entry === 'end') return lines;
    if (entry === 'type') lines.push(`TYPE ${parser.family} ${parser.type}`);
    if (entry === 'help' || entry === 'unit')
      lines.push(`${entry.toUpperCase()} ${parser.family} ${JSON.stringify(parser.text)}`);
    if (entry === 'histogram')
      lines.push(`${seriesText(parser.series())} ${JSON.stringify(parser.histogram)}`);
    if (entry !== 'series') continue;
    let line = `${seriesText(parser.series())} ${Object.is(parser.value, -0) ? '-0' : parser.value}`;
    if (parser.hasTimestamp) line += ` @${parser.timestampMs}`;
    for (const { labels, value, timestampMs } of parser.exemplars) {
      line += ` # ${labelsText(labels)} ${value}${timestampMs === undefined ? '' : ` @${timestampMs}`}`;
    }
    lines.push(line);
  }
}

/** `name{a="1"}` with the values as JSON texts; no braces where there are no labels. */
export function seriesText(series: Series): string {
  return `${series.name}${series.labels.length === 0 ? '' : labelsText(series.labels)}`;
}

function labelsText(labels: readonly string[]): string {
  const pairs: string[] = [];
  for (let i = 0; i < labels.length; i += 2) pairs.push(`${labels[i]}=${JSON.stringify(labels[i + 1])}`);
  return `{${pairs.join(',')}}`;
}
