import { type Batch, FLAG_STALE, type Labels } from '../../src/model/index.js';
import type { ScrapeConfig, ScrapeOutcome } from '../../src/scrape/index.js';
import { SharedTexts, TargetSeries } from '../../src/scrape/index.js';
import { withoutWritten } from '../../src/scrape/markers.js';
import { ManualClock } from '../manual-clock.js';
import { scrapeConfig } from './scrape-config.js';

/** A stamp is this many seconds (x 1000) after the first one. */
export const START_MS = 1_700_000_000_000;

/** What is not plain; limits one by one. */
export type Changes = Partial<Omit<ScrapeConfig, 'limits'>> & { limits?: Partial<ScrapeConfig['limits']> };

/** A configuration without anything special, but what is said. */
export function configOf({ limits, ...changes }: Changes = {}): ScrapeConfig {
  const plain = scrapeConfig({
    jobName: 'j',
    intervalMs: 10_000,
    timeoutMs: 5000,
    protocols: ['PrometheusText0.0.4'],
  });
  return { ...plain, ...changes, limits: { ...plain.limits, ...limits } };
}

/** Labels of the tested target. */
export const LABELS: Labels = ['instance', 'h:1', 'job', 'j'];

/** A relabeller made of one function. */
export function relabelBy(apply?: (labels: Labels) => Labels | undefined) {
  return { isEmpty: apply === undefined, apply: apply ?? ((labels: Labels) => labels) };
}

/** One target with a clock of its own: pages in, texts out. */
export class TestTarget {
  readonly clock = new ManualClock(START_MS);
  readonly series: TargetSeries;
  last!: ScrapeOutcome;
  /** Whether report series are told, and the labels of the target with each series. */
  readonly #isFull: boolean;

  constructor(
    options: {
      config?: Changes;
      labels?: Labels;
      relabel?: (labels: Labels) => Labels | undefined;
      full?: boolean;
      shared?: SharedTexts;
    } = {},
  ) {
    this.#isFull = options.full ?? false;
    this.series = new TargetSeries({
      config: configOf(options.config),
      labels: options.labels ?? LABELS,
      relabel: relabelBy(options.relabel),
      id: 't',
      clock: this.clock,
      shared: options.shared ?? new SharedTexts(),
    });
  }

  /** Scrapes a page `second` seconds after the start; gives the batch, a line for each sample: `a{b="c"} 1 @10`. */
  async scrape(second: number, page: string, contentType = 'text/plain'): Promise<string[]> {
    return this.scrapeBytes(second, Buffer.from(page.replaceAll('; ', '\n'), 'utf8'), contentType);
  }

  /** The same for a page that is no text. */
  async scrapeBytes(second: number, body: Buffer, contentType: string): Promise<string[]> {
    this.last = await this.series.read({ body, contentType, ...this.#at(second) });
    return this.#lines(this.last.batch);
  }

  /** A scrape that came to no page. */
  fail(second: number, error = 'refused', bodyBytes: 0 | -1 = 0): string[] {
    this.last = this.series.fail(error, this.#at(second), bodyBytes);
    return this.#lines(this.last.batch);
  }

  /** The target is gone. */
  end(second: number, isWritten: (labels: Labels) => boolean = () => false): string[] {
    return this.#lines(withoutWritten(this.series.end(this.#at(second)), isWritten));
  }

  /** The value of a report series in the last scrape. */
  reported(name: string): number | undefined {
    const { batch } = this.last;
    for (let i = batch.length - 1; i >= 0; i--)
      if (batch.table.labels(batch.refs[i]!).join().includes(`__name__,${name},`) && batch.refs[i]! < 11)
        return batch.values[i]!;
    return undefined;
  }

  /** `up scraped kept added`. */
  get counts(): string {
    const names = [
      'up',
      'scrape_samples_scraped',
      'scrape_samples_post_metric_relabeling',
      'scrape_series_added',
    ];
    return names.map((name) => this.reported(name)).join(' ');
  }

  #at(second: number) {
    const stampMs = START_MS + second * 1000;
    this.clock.jump(stampMs - this.clock.now());
    const times = { plannedMs: stampMs, startedMs: stampMs, finishedMs: stampMs };
    return { times, stampMs, beganMs: this.clock.monotonic() };
  }

  #lines(batch: Batch): string[] {
    const lines: string[] = [];
    for (let i = 0; i < batch.length; i++) {
      if (!this.#isFull && batch.refs[i]! < 11) continue;
      const labels = batch.table.labels(batch.refs[i]!);
      const value = (batch.flags[i]! & FLAG_STALE) !== 0 ? 'stale' : batch.values[i];
      const seconds = (batch.timestamps[i]! - START_MS) / 1000;
      lines.push(`${shown(labels, this.#isFull)} ${value} @${seconds}`);
    }
    return lines;
  }
}

/** `a{b="c"}`; without the labels that every series of the tested target has, unless `isFull`. */
function shown(labels: Labels, isFull: boolean): string {
  let name = '';
  const pairs: string[] = [];
  for (let i = 0; i < labels.length; i += 2) {
    const isCommon = !isFull && LABELS.indexOf(labels[i]!) % 2 === 0 && LABELS.includes(labels[i + 1]!);
    if (labels[i] === '__name__') name = labels[i + 1]!;
    else if (!isCommon) pairs.push(`${labels[i]}="${labels[i + 1]}"`);
  }
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`;
}
