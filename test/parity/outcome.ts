import type { FakeReceiver } from '../receiver.js';

const STALE_BITS = '7ff0000000000002';
/** Its value is a duration; that it is there is all that can be compared. */
const NOT_COMPARED = new Set(['scrape_duration_seconds']);

/** Where the numbered scrapes of a job lie, and the time that explicit timestamps are told from. */
interface Frame {
  job: string;
  scrapes: number;
  baseMs: number;
}

/** The samples of each job, and how many of a receiver's are sorted in: the pages are served by this process too, which must not be held up. */
const sortedIn = new WeakMap<FakeReceiver, { taken: number; byJob: Map<string, FakeReceiver['samples']> }>();

function samplesOf(receiver: FakeReceiver, job: string): FakeReceiver['samples'] {
  const known = sortedIn.get(receiver) ?? { taken: 0, byJob: new Map<string, FakeReceiver['samples']>() };
  sortedIn.set(receiver, known);
  for (; known.taken < receiver.samples.length; known.taken++) {
    const sample = receiver.samples[known.taken]!;
    const name = sample.labels.parity_case ?? '';
    const samples = known.byJob.get(name);
    if (samples === undefined) known.byJob.set(name, [sample]);
    else samples.push(sample);
  }
  return known.byJob.get(job) ?? [];
}

/** Number of scrapes of a job that have arrived. */
export function scrapesOf(receiver: FakeReceiver, job: string): number {
  return stampsOf(receiver, job).length;
}

/**
 * All that arrived of a job, a line for each series: `name{label="value"} #0=1 #2=stale @+5000=3`. `#n` is the time of its scrape n (that of its `up`),
 * `@` a timestamp of the page's own, from the base. Only the first `scrapes` scrapes.
 */
export function outcomeOf(receiver: FakeReceiver, { job, scrapes, baseMs }: Frame): string[] {
  const stamps = stampsOf(receiver, job).slice(0, scrapes + 1);
  const last = stamps.at(-1) ?? Infinity;
  const numbers = new Map(stamps.map((stamp, i) => [stamp, i]));
  const series = new Map<string, Map<string, string[]>>();
  const add = (labels: Labels, timestampMs: number, text: string) => {
    if (labels.parity_case !== job) return;
    const number = numbers.get(timestampMs);
    if (number !== undefined ? number >= scrapes : isScrapeTime(timestampMs, baseMs, last)) return;
    const at = number === undefined ? `@${timestampMs - baseMs}` : `#${number}`;
    const key = seriesText(labels);
    const points = series.get(key) ?? new Map<string, string[]>();
    points.set(at, [...(points.get(at) ?? []), text]);
    series.set(key, points);
  };
  for (const { labels, timestampMs, value, bits } of samplesOf(receiver, job)) {
    const isCompared = !NOT_COMPARED.has(labels.__name__ ?? '');
    // Go's protobuf leaves out a value that equals zero, and with it the sign of -0.
    add(labels, timestampMs, bits === STALE_BITS ? 'stale' : isCompared ? String(value + 0) : '*');
  }
  for (const { labels, timestampMs, fields } of receiver.histograms)
    add(labels, timestampMs, `histogram${JSON.stringify(sorted(fields))}`);
  for (const { series: labels, labels: own, timestampMs, value } of receiver.exemplars)
    add(labels, timestampMs, `exemplar${JSON.stringify(sorted(own))}${value}`);
  return [...series].map(([key, points]) => `${key} ${pointsText(points)}`).sort();
}

type Labels = Readonly<Record<string, string>>;

/** Scrapes behind the last one that counts are not looked at. Timestamps of a page's own lie behind the base, which no scrape reaches, or are long past. */
function isScrapeTime(timestampMs: number, baseMs: number, lastMs: number): boolean {
  return timestampMs >= lastMs && timestampMs < baseMs;
}

function stampsOf(receiver: FakeReceiver, job: string): number[] {
  const ups = samplesOf(receiver, job).filter(
    ({ labels, bits }) => labels.__name__ === 'up' && bits !== STALE_BITS,
  );
  return [...new Set(ups.map(({ timestampMs }) => timestampMs))].sort((a, b) => a - b);
}

/** Values of one time are sorted: requests for a shard may come in any order. */
function pointsText(points: ReadonlyMap<string, readonly string[]>): string {
  const order = (at: string) => (at.startsWith('#') ? Number(at.slice(1)) : 1e6 + Number(at.slice(1)));
  return [...points]
    .sort(([a], [b]) => order(a) - order(b))
    .map(([at, values]) => `${at}=${[...values].sort().join('|')}`)
    .join(' ');
}

function seriesText({ __name__ = '', ...labels }: Labels): string {
  const own = Object.keys(labels)
    .filter((name) => name !== 'parity_case')
    .sort()
    .map((name) => `${name}=${JSON.stringify(labels[name])}`);
  return `${__name__}{${own.join(',')}}`;
}

function sorted(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
}
