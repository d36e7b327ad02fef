import { dirname } from 'node:path';
import { type Fault, field, formatDuration, type Schema } from '../lib/index.js';
import type { NameScheme } from '../relabel/index.js';
import { relabelFaults, relabelRules } from '../relabel/schema.js';
import type { ScrapeConfig } from '../scrape/index.js';
import {
  escapingFaults,
  type ScrapeKeys,
  schemesOf,
  scrapeConfigOf,
  scrapeConfigsSection,
  timesOf,
} from '../scrape/schema.js';
import type { Path } from './error.js';
import { asList, type Partially, type Readable, salvageScrapeConfig } from './salvage.js';
import { type ScrapeSource, writtenJobs } from './scrape-files.js';
import type { Source } from './source.js';

type Keys = Partially<ScrapeKeys>;

/** One job, and where it stands. */
interface Placed {
  keys: Keys;
  source: Source;
  path: Path;
  directory: string;
}

/** Compiles the jobs of the main file and those of `files`. All that is wrong goes to the report of the file that it stands in; the jobs of a file with faults must not be used. */
export function compileScrape(
  keys: Pick<Readable, 'global' | 'scrape_configs'>,
  main: Source,
  files: readonly ScrapeSource[],
): ScrapeConfig[] {
  refuseLongTimeout(keys.global, main);
  for (const { path, message } of ruleFaults(keys.global, schemesOf({}, keys.global).validationScheme))
    main.report.add(['global', ...path], message);
  if (keys.global.convert_classic_histograms_to_nhcb === true) warnOfCustomBuckets(main, ['global']);
  const directory = dirname(main.path);
  const placed = [
    ...keys.scrape_configs.map((entry, i) => ({
      keys: entry,
      source: main,
      path: ['scrape_configs', i],
      directory,
    })),
    ...files.flatMap(placedOf),
  ];
  refuseDuplicates(placed);
  for (const { keys, source, path } of placed)
    if (keys.convert_classic_histograms_to_nhcb === true) warnOfCustomBuckets(source, path);
  return placed.flatMap((job) => compileJob(job, keys.global));
}

/** Prometheus drops such histograms where it sends by remote write 1.0. */
function warnOfCustomBuckets({ report }: Source, path: Path): void {
  report.warn(
    [...path, 'convert_classic_histograms_to_nhcb'],
    'no effect here: custom buckets need remote write 2.0, which is not sent yet; classic histograms are sent as they are',
  );
}

/** The form that Prometheus reads. */
const fileSchema = field.section('Scrape configs.', { scrape_configs: scrapeConfigsSection });

function placedOf(file: ScrapeSource): Placed[] {
  const { source, path, directory } = file;
  const schema: Schema<unknown> = path.length === 0 ? scrapeConfigsSection : fileSchema;
  source.report.addIssues([], field.check(schema, source.written ?? {}).issues ?? []);
  return asList(writtenJobs(file)).map((entry, i) => ({
    keys: salvageScrapeConfig(entry),
    source,
    path: [...path, i],
    directory,
  }));
}

function compileJob({ keys, source, path, directory }: Placed, global: Readable['global']): ScrapeConfig[] {
  const { report } = source;
  const { intervalMs, timeoutMs } = timesOf(keys, global);
  if (timeoutMs > intervalMs) report.add([...path, 'scrape_timeout'], tooLong(timeoutMs, intervalMs));
  if (keys.scrape_offset !== undefined && keys.scrape_offset >= intervalMs)
    report.add(
      [...path, 'scrape_offset'],
      `must be shorter than scrape_interval (${formatDuration(intervalMs)})`,
    );
  const { validationScheme } = schemesOf(keys, global);
  for (const fault of [...escapingFaults(keys, validationScheme), ...ruleFaults(keys, validationScheme)])
    report.add([...path, ...fault.path], fault.message);
  report.addIssues(path, field.readSecretFiles(keys, directory));
  return report.clean ? [scrapeConfigOf(keys as ScrapeKeys, { global, directory })] : [];
}

/** Rules that only the scheme of names makes wrong. */
function ruleFaults(keys: Keys, scheme: NameScheme): Fault[] {
  return (['relabel_configs', 'metric_relabel_configs'] as const).flatMap((key) =>
    relabelFaults(relabelRules(keys[key] ?? []), scheme).map(({ path, message }) => ({
      path: [key, ...path],
      message,
    })),
  );
}

const tooLong = (timeoutMs: number, intervalMs: number) =>
  `scrape_timeout (${formatDuration(timeoutMs)}) is longer than scrape_interval (${formatDuration(intervalMs)})`;

function refuseLongTimeout(global: Readable['global'], { report }: Source): void {
  const { scrape_interval: interval, scrape_timeout: timeout } = global;
  if (timeout === undefined || timeout <= interval || interval === 0) return;
  report.add(['global', 'scrape_timeout'], tooLong(timeout, interval));
}

/** A job's name tells its targets and their samples apart, so no two have the same, in whatever file they stand. */
function refuseDuplicates(placed: readonly Placed[]): void {
  const first = new Map<string, Placed>();
  for (const job of placed) {
    const { job_name: name } = job.keys;
    if (name === undefined) continue;
    const before = first.get(name);
    if (before === undefined) {
      first.set(name, job);
      continue;
    }
    const line = before.source.report.lineOf([...before.path, 'job_name']);
    const where = before.source === job.source ? `line ${line}` : `${before.source.name}:${line}`;
    job.source.report.add(
      [...job.path, 'job_name'],
      `the name ${JSON.stringify(name)} is taken by the job in ${where}; give each job a name of its own`,
      `the name is taken by the job in ${where}`,
    );
  }
}
