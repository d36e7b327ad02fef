import type { JobJson } from '../http/index.js';
import { agoText, shown } from './status-text.js';
import { oneLine, table } from './terminal.js';

/** Targets that are down, and sources that fail, that are shown; `-o json` and the page /targets have more. */
const MAX_ROWS = 20;

/** The scraped targets of the report: jobs with their counts, then what is down and which source of targets fails, the job with most of it first. */
export function targetParts(jobs: readonly JobJson[], nowMs: number): string[] {
  if (jobs.length === 0) return [];
  const worstFirst = [...jobs].sort((a, b) => b.down - a.down);
  return [jobTable(worstFirst), ...downPart(worstFirst, nowMs), ...discoveryPart(worstFirst, nowMs)];
}

/** All of it in one line. */
export function targetSummary(jobs: readonly JobJson[]): string {
  const sum = (of: (job: JobJson) => number) => jobs.reduce((total, job) => total + of(job), 0);
  const counts = {
    up: sum(({ up }) => up),
    down: sum(({ down }) => down),
    unknown: sum((job) => job.unknown),
  };
  const parts = Object.entries({ ...counts, dropped: sum((job) => job.dropped) })
    .filter(([, count]) => count > 0)
    .map(([word, count]) => `${count} ${word}`);
  const scraped = counts.up + counts.down + counts.unknown;
  return `${scraped} targets${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`;
}

function jobTable(jobs: readonly JobJson[]): string {
  const rows = jobs.map(({ job, up, down, unknown, dropped }) => [
    oneLine(job),
    ...[up, down, unknown, dropped].map(String),
  ]);
  return table([['JOB', 'UP', 'DOWN', 'UNKNOWN', 'DROPPED'], ...rows]);
}

function downPart(jobs: readonly JobJson[], nowMs: number): string[] {
  const rows = jobs.flatMap(({ job, down_targets }) =>
    down_targets.map(({ url, last_scrape, last_error }) => [
      shown(url),
      oneLine(job),
      agoText(last_scrape, nowMs),
      shown(last_error),
    ]),
  );
  const count = jobs.reduce((total, { down }) => total + down, 0);
  return bounded(['DOWN', 'JOB', 'LAST SCRAPE', 'LAST ERROR'], rows, count);
}

function discoveryPart(jobs: readonly JobJson[], nowMs: number): string[] {
  const rows = jobs.flatMap(({ job, discovery }) =>
    discovery
      .filter(({ last_error }) => last_error !== null)
      .map(({ kind, what, last_success, last_error }) => [
        `${kind} ${shown(what)}`,
        oneLine(job),
        agoText(last_success, nowMs),
        shown(last_error!),
      ]),
  );
  return bounded(['FAILING DISCOVERY', 'JOB', 'LAST GOOD ANSWER', 'LAST ERROR'], rows, rows.length);
}

function bounded(head: readonly string[], rows: readonly string[][], count: number): string[] {
  if (rows.length === 0) return [];
  const shownRows = rows.slice(0, MAX_ROWS);
  const rest = count > shownRows.length ? `\nand ${count - shownRows.length} more` : '';
  return [table([head, ...shownRows]) + rest];
}
