import { roughDuration } from '../lib/index.js';
import { breakable, framed, labelsText, link, type Paged, pager, table } from './frame.js';
import { type Html, html } from './html.js';

/** A target, as the page shows it; free of secrets. */
export interface TargetRow {
  pool: string;
  url: string;
  labels: Readonly<Record<string, string>>;
  health: 'unknown' | 'up' | 'down';
  lastError: string;
  lastScrapeMs: number | undefined;
  lastDurationMs: number;
  samples: number;
  series: number;
}

/** What the page of the targets shows. */
export interface TargetsPage {
  /** `sentinel.name`. */
  name: string;
  /** Wall clock, ms. */
  nowMs: number;
  /** Every job with its counts. */
  jobs: readonly { job: string; up: number; down: number; unknown: number; dropped: number }[];
  /** The filter as it was asked for. */
  filter: { job: string; health: string; q: string };
  targets: Paged<TargetRow>;
}

/** The targets with their state, worst first; in pieces. */
export function renderTargetsPage(page: TargetsPage): Generator<string> {
  const title = `${page.name}: targets`;
  return framed({ title, heading: title, refresh: true, body: bodyOf(page) });
}

function* bodyOf(page: TargetsPage): Generator<Html> {
  const { filter, targets, nowMs } = page;
  yield* jobsPart(page);
  yield html`
<form action="/targets" method="get"><input type="hidden" name="scrapePool" value="${filter.job}"><input type="hidden" name="health" value="${filter.health}">
<input name="q" value="${filter.q}" size="24" aria-label="part of a label, URL or error"> <input type="submit" value="find"></form>
`;
  if (targets.matching === 0) yield html`<p>No target${filter.q === '' ? '' : ' matches'}.</p>`;
  else yield* table(TARGET_HEAD, targetRows(targets.rows, nowMs));
  yield html`
${pager(targets, '/targets', { scrapePool: filter.job, health: filter.health, q: filter.q })}`;
}

const JOB_HEAD = html`<tr><th>job</th><th>up</th><th>down</th><th>unknown</th><th>dropped</th></tr>`;
const TARGET_HEAD = html`<tr><th>health</th><th>target</th><th>last scrape</th><th>took</th><th>samples</th></tr>`;

function* jobsPart({ jobs }: TargetsPage): Generator<Html> {
  if (jobs.length === 0) return yield html`<p>No job: there are no scrape_configs.</p>`;
  yield html`<p><a href="/targets">all</a> | <a href="/targets?health=down">down</a></p>
`;
  yield* table(JOB_HEAD, jobRows(jobs));
}

function* jobRows(jobs: TargetsPage['jobs']): Generator<Html> {
  const count = (job: string, health: string, number: number, mood: string) =>
    html`<td class="n ${number > 0 ? mood : 'soft'}"><a href="${link('/targets', { scrapePool: job, health })}">${number}</a></td>`;
  for (const { job, up, down, unknown, dropped } of jobs)
    yield html`<tr><td><a href="${link('/targets', { scrapePool: job })}">${breakable(job)}</a></td>
${count(job, 'up', up, 'ok')}${count(job, 'down', down, 'bad')}${count(job, 'unknown', unknown, 'soft')}
<td class="n"><a href="${link('/service-discovery', { scrapePool: job })}">${dropped}</a></td></tr>
`;
}

function* targetRows(rows: Iterable<TargetRow>, nowMs: number): Generator<Html> {
  for (const row of rows) yield targetRow(row, nowMs);
}

function targetRow(row: TargetRow, nowMs: number): Html {
  const mood = row.health === 'up' ? 'ok' : row.health === 'down' ? 'bad' : 'soft';
  const error =
    row.lastError === '' ? html`` : html`<br><span class="bad">${breakable(row.lastError)}</span>`;
  const last = row.lastScrapeMs === undefined ? 'never' : `${roughDuration(nowMs - row.lastScrapeMs)} ago`;
  return html`<tr><td class="${mood}">${row.health}</td>
<td>${breakable(row.url)}<br><span class="soft">${breakable(labelsText(row.labels))}</span>${error}</td>
<td class="n">${last}</td><td class="n">${Math.round(row.lastDurationMs)} ms</td><td class="n">${row.samples}</td></tr>
`;
}
