import { roughDuration } from '../lib/index.js';
import { breakable, framed, labelsText, link, type Paged, pager, table } from './frame.js';
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

/** Where targets come from, how each source is doing, and what became of each target of one job; in pieces. */
export function renderDiscoveryPage(page: DiscoveryPage): Generator<string> {
  const title = `${page.name}: discovery`;
  return framed({ title, heading: title, refresh: true, body: bodyOf(page) });
}

function* bodyOf({ jobs, shown, nowMs }: DiscoveryPage): Generator<Html> {
  if (jobs.length === 0) yield html`<p>No job: there are no scrape_configs.</p>`;
  for (const job of jobs) yield* jobPart(job, nowMs);
  if (shown !== undefined) yield* targetsPart(shown);
}

const SOURCE_HEAD = html`<tr><th>kind</th><th>asks</th><th>targets</th><th>last good answer</th></tr>`;
const TARGET_HEAD = html`<tr><th>discovered</th><th>scraped as</th><th></th></tr>`;

function* jobPart(
  { job, active, dropped, discoveries }: DiscoveryPage['jobs'][number],
  nowMs: number,
): Generator<Html> {
  yield html`<h2><a href="${link('/service-discovery', { scrapePool: job })}">${breakable(job)}</a>: ${active} active, ${dropped} dropped</h2>
`;
  if (discoveries.length === 0) yield html`<p>It has no discovery.</p>`;
  else yield* table(SOURCE_HEAD, sourceRows(discoveries, nowMs));
  yield html`
`;
}

function* sourceRows(discoveries: readonly DiscoveryRow[], nowMs: number): Generator<Html> {
  for (const { kind, what, targets, lastSuccessMs, lastError } of discoveries)
    yield html`<tr><td class="${lastError === undefined ? 'ok' : 'bad'}">${kind}</td>
<td>${breakable(what)}${lastError === undefined ? html`` : html`<br><span class="bad">${breakable(lastError)}</span>`}</td><td class="n">${targets}</td>
<td class="n">${kind === 'static' ? '' : lastSuccessMs === undefined ? 'never' : `${roughDuration(nowMs - lastSuccessMs)} ago`}</td></tr>
`;
}

function* targetsPart({ job, targets }: NonNullable<DiscoveryPage['shown']>): Generator<Html> {
  yield html`<h2>Targets of ${breakable(job)}</h2>
`;
  if (targets.matching === 0) yield html`<p>It has found no target.</p>`;
  else yield* table(TARGET_HEAD, targetRows(targets.rows, job));
  yield html`
${pager(targets, '/service-discovery', { scrapePool: job })}`;
}

function* targetRows(rows: Iterable<DiscoveredRow>, job: string): Generator<Html> {
  for (const row of rows) yield targetRow(row, job);
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
