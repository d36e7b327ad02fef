import type { Metrics } from '../src/lib/index.js';

/** The value of a line of the metrics page, by all that stands before it: `name` or `name{label="x"}`. 0 without it. */
export function metricValue(metrics: Metrics, series: string): number {
  const line = metrics
    .render()
    .split('\n')
    .find((text) => text.startsWith(`${series} `));
  return line === undefined ? 0 : Number(line.slice(series.length + 1));
}
