import { roughDuration } from '../lib/index.js';
import { breakable, framed, labelsText, link, type Paged, pager } from './frame.js';
import { type Html, html } from './html.js';

/** Characters of discovered labels that are shown. */
const MAX_LABELS = 2000;
/** A longer link makes a request that is refused. */
const MAX_LINK = 4000;

/** A target as it was discovered, and what became of it; free of secrets. */
export interface DiscoveredRow {
  discovered: Readonly<Record<string, string>>;
  /** The labels of an active one. */
  labels: Readonly<Record<string, string>> | undefined;
  /** Why another one is not scraped. */
  dropped: string | undefined;
}

/** One entry of a job's discoveries. */
export interface DiscoveryRow {
  kind: string;
  what: string;
  targets: number;
  lastSuccessMs: number | undefined;
  lastError: string | undefined;
}

/** What the page of the discovery shows. */
export interface DiscoveryPage {
  /** `sentinel.name`. */
  name: string;
  /** Wall clock, ms. */
  nowMs: number;
  jobs: readonly { job: string; active: number; dropped: number; discoveries: readonly DiscoveryRow[] }[];
  /** The job whose targets are shown, and those. */
  shown: { job: string; targets: Paged<DiscoveredRow> } | undefined;
}

/** Where targets come from, how each source is doing, and what became of each target of one job. */
export function renderDiscoveryPage(page: DiscoveryPage): string {
  const jobs = page.jobs.map((job) => jobPart(job, page.nowMs));
  const body = html`${jobs.length === 0 ? html`<p>No job: there are no scrape_configs.</p>` : jobs}
${page.shown === undefined ? html`` : targetsPart(page.shown)}`;
  return framed({
    title: `${page.name}: discovery`,
    heading: `${page.name}: discovery`,
    refresh: true,
    body,
  });
}

function jobPart({ job, active, dropped, discoveries }: DiscoveryPage['jobs'][number], nowMs: number): Html {
  const rows = discoveries.map(
    ({
      kind,
      what,
      targets,
      lastSuccessMs,
      lastError,
    }) => html`<tr><td class="${lastError === undefined ? 'ok' : 'bad'}">${kind}</td>
<td>${breakable(what)}${lastError === undefined ? html`` : html`<br><span class="bad">${breakable(lastError)}</span>`}</td><td class="n">${targets}</td>
<td class="n">${kind === 'static' ? '' : lastSuccessMs === undefined ? 'never' : `${roughDuration(nowMs - lastSuccessMs)} ago`}</td></tr>
`,
  );
  const table =
    rows.length === 0
      ? html`<p>It has no discovery.</p>`
      : html`<table>
<tr><th>kind</th><th>asks</th><th>targets</th><th>last good answer</th></tr>
${rows}</table>`;
  return html`<h2><a href="${link('/service-discovery', { scrapePool: job })}">${breakable(job)}</a>: ${active} active, ${dropped} dropped</h2>
${table}
`;
}

function targetsPart({ job, targets }: NonNullable<DiscoveryPage['shown']>): Html {
  const none = html`<p>It has found no target.</p>`;
  const table = html`<table>
<tr><th>discovered</th><th>scraped as</th><th></th></tr>
${targets.rows.map((row) => targetRow(row, job))}</table>`;
  return html`<h2>Targets of ${breakable(job)}</h2>
${targets.rows.length === 0 ? none : table}
${pager(targets, '/service-discovery', { scrapePool: job })}`;
}

function targetRow({ discovered, labels, dropped }: DiscoveredRow, job: string): Html {
  const text = labelsText(discovered);
  const outcome =
    labels === undefined
      ? html`<span class="warn">dropped: ${breakable(dropped ?? '')}</span>`
      : breakable(labelsText(labels));
  const to = link('/relabel-debug', { scrapePool: job, labels: text });
  const why = to.length > MAX_LINK ? html`` : html`<a href="${to}">why</a>`;
  return html`<tr><td>${breakable(text, MAX_LABELS)}</td>
<td>${outcome}</td>
<td>${why}</td></tr>
`;
}
