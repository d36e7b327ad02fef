import { breakable, framed, labelsText, labelText } from './frame.js';
import { type Html, html } from './html.js';

/** Characters of labels that are shown. */
const MAX_LABELS = 2000;

/** One rule at work; `undefined` labels = dropped. */
export interface StepRow {
  rule: string;
  applied: boolean;
  before: Readonly<Record<string, string>>;
  after: Readonly<Record<string, string>> | undefined;
}

/** What the page of the relabelling shows. */
export interface RelabelPage {
  /** `sentinel.name`. */
  name: string;
  jobs: readonly string[];
  /** What was asked. */
  job: string;
  subject: 'target' | 'metric';
  labels: string;
  /** What came of it; an error is a text. */
  result: readonly StepRow[] | string | undefined;
}

/** What each rule of a job does to the labels of a target or of a series; in pieces. */
export function renderRelabelPage(page: RelabelPage): Generator<string> {
  const option = (value: string, chosen: string) =>
    value === chosen ? html`<option selected>${value}</option>` : html`<option>${value}</option>`;
  const body = html`<form action="/relabel-debug" method="get">
<p>Rules for the <select name="subject">${['target', 'metric'].map((one) => option(one, page.subject))}</select>
of job <select name="scrapePool">${page.jobs.map((job) => option(job, page.job))}</select></p>
<p><textarea name="labels" rows="4" cols="78" aria-label="labels">${page.labels}</textarea></p>
<p><input type="submit" value="explain"></p>
</form>
${maskedPart(page)}${resultPart(page)}`;
  const title = `${page.name}: relabelling`;
  return framed({ title, heading: title, refresh: false, body: [body] });
}

/** Labels that come by a link from another page lack what is masked there. */
function maskedPart({ labels }: RelabelPage): Html {
  if (!labels.includes('<secret>')) return html``;
  return html`<p class="warn">A rule that looks at what is masked sees ${'<secret>'} here: put in the real value.</p>
`;
}

function resultPart({ result }: RelabelPage): Html {
  if (result === undefined)
    return html`<p class="soft">Give labels of a target such as {__address__="host:9100"}: the job says the others. Or a series such as up{instance="a"}, with the labels of its target.</p>`;
  if (typeof result === 'string') return html`<p class="bad">${breakable(result)}</p>`;
  if (result.length === 0) return html`<p>The job has no such rules: the labels stay as they are.</p>`;
  const last = result.at(-1)!.after;
  return html`<table>
<tr><th>rule</th><th>before</th><th>after</th></tr>
${result.map(stepRow)}</table>
<p class="verdict ${last === undefined ? 'warn' : 'ok'}">${last === undefined ? 'Dropped.' : shown(last)}</p>`;
}

function stepRow({ rule, applied, before, after }: StepRow): Html {
  return html`<tr><td>${breakable(rule)}</td><td>${shown(before)}</td>${outcome(applied, before, after)}</tr>
`;
}

function outcome(applied: boolean, before: StepRow['before'], after: StepRow['after']): Html {
  if (after === undefined) return html`<td class="warn">dropped</td>`;
  return applied ? html`<td>${changesOf(before, after)}</td>` : html`<td class="soft">no change</td>`;
}

const shown = (labels: StepRow['before']) => breakable(labelsText(labels), MAX_LABELS);

function changesOf(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): Html[] {
  const removed = Object.keys(before)
    .filter((name) => !Object.hasOwn(after, name))
    .map((name) => html`<span class="bad">- ${breakable(labelText([name, before[name]!]))}</span><br>`);
  const set = Object.keys(after)
    .filter((name) => after[name] !== before[name])
    .map((name) => html`<span class="ok">+ ${breakable(labelText([name, after[name]!]))}</span><br>`);
  return [...removed, ...set];
}
