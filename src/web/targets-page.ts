import { roughDuration } from '../lib/index.js';
import { breakable, framed, labelsText, link, type Paged, pager } from './frame.js';
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

/** The targets with their state, worst first. */
export function renderTargetsPage(page: TargetsPage): string {
  const { filter, targets } = page;
  const query = { scrapePool: filter.job, health: filter.health, q: filter.q };
  const body = html`${jobsPart(page)}
<form action="/targets" method="get"><input type="hidden" name="scrapePool" value="${filter.job}"><input type="hidden" name="health" value="${filter.health}">
<input name="q" value="${filter.q}" size="24" aria-label="part of a label, URL or error"> <input type="submit" value="find"></form>
${targets.rows.length === 0 ? html`<p>No target${targets.matching === 0 && filter.q === '' ? '' : ' matches'}.</p>` : targetTable(page)}
${pager(targets, '/targets', query)}`;
  return framed({ title: `${page.name}: targets`, heading: `${page.name}: targets`, refresh: true, body });
}

function jobsPart({ jobs }: TargetsPage): Html {
  const count = (job: string, health: string, number: number, mood: string) =>
    html`<td class="n ${number > 0 ? mood : 'soft'}"><a href="${link('/targets', { scrapePool: job, health })}">${number}</a></td>`;
  const rows = jobs.map(
    ({
      job,
      up,
      down,
      unknown,
      dropped,
    }) => html`<tr><td><a href="${link('/targets', { scrapePool: job })}">${breakable(job)}</a></td>
${count(job, 'up', up, 'ok')}${count(job, 'down', down, 'bad')}${count(job, 'unknown', unknown, 'soft')}
<td class="n"><a href="${link('/service-discovery', { scrapePool: job })}">${dropped}</a></td></tr>
`,
  );
  if (rows.length === 0) return html`<p>No job: there are no scrape_configs.</p>`;
  return html`<p><a href="/targets">all</a> | <a href="/targets?health=down">down</a></p>
<table>
<tr><th>job</th><th>up</th><th>down</th><th>unknown</th><th>dropped</th></tr>
${rows}</table>`;
}

function targetTable({ targets, nowMs }: TargetsPage): Html {
  return html`<table>
<tr><th>health</th><th>target</th><th>last scrape</th><th>took</th><th>samples</th></tr>
${targets.rows.map((row) => targetRow(row, nowMs))}</table>`;
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
