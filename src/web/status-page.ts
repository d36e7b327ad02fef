import { redactUrl, roughDuration, roughSize } from '../lib/index.js';
import { type HostStatus, TASK_STATES, type TaskState, type TaskStatus } from '../probe/index.js';
import type { DestinationStatus } from '../sender/index.js';
import { cut, framed, link, type Paged, pager, REFRESH_SECONDS, table } from './frame.js';
import { type Html, html } from './html.js';

/** What the page shows. */
export interface StatusPage {
  /** `sentinel.name`. */
  name: string;
  version: string;
  /** Wall clock, ms. */
  nowMs: number;
  uptimeMs: number;
  residentBytes: number;
  ready: boolean;
  /** Why it is not ready; free of secrets. */
  reasons: readonly string[];
  destinations: readonly DestinationStatus[];
  tasks: TaskList;
  /** Scraped targets, by health. */
  targets: Readonly<Record<'up' | 'down' | 'unknown', number>>;
  hosts: readonly HostStatus[];
  /** Whether the last reload was taken. */
  reloaded: boolean;
  endpoints: readonly { path: string; does: string }[];
}

/** A part of the tasks, and what it is a part of. */
interface TaskList extends Paged<{ status: TaskStatus; state: TaskState }> {
  counts: Readonly<Record<TaskState, number>>;
  total: number;
  /** The filter as it was asked for. */
  state: string;
  q: string;
}

/** The page as HTML, in pieces. */
export function renderStatusPage(page: StatusPage): Generator<string> {
  const verdict = verdictOf(page);
  const title = `${page.name}: ${verdict.text}`;
  return framed({ title, heading: page.name, refresh: true, body: bodyOf(page, verdict) });
}

function* bodyOf(page: StatusPage, verdict: Verdict): Generator<Html> {
  yield html`<p class="verdict ${verdict.mood}">${verdict.text}</p>
${page.reasons.map((reason) => html`<p class="bad">${cut(reason)}</p>\n`)}
${page.reloaded ? html`` : html`<p class="warn">The last reload was refused: the configuration before it runs.</p>\n`}<p class="soft">Sentinel ${page.version}, up ${roughDuration(page.uptimeMs)}, memory ${roughSize(page.residentBytes)};
${new Date(page.nowMs).toISOString()}, again every ${REFRESH_SECONDS} s</p>
${destinationsPart(page)}
${targetsPart(page)}`;
  yield* tasksPart(page);
  yield html`
${hostsPart(page)}
<h2>More</h2>
<ul>
${page.endpoints.map(({ path, does }) => html`<li><a href="${path}">${path}</a> ${does}</li>\n`)}</ul>`;
}

/** Scraped targets in one line; what is down is a link to why. */
function targetsPart({ targets }: StatusPage): Html {
  const { up, down, unknown } = targets;
  if (up + down + unknown === 0) return html``;
  const failing = down > 0 ? html`<a class="bad" href="/targets?health=down">${down} down</a>` : html`0 down`;
  const waiting = unknown > 0 ? html`, ${unknown} not scraped yet` : html``;
  return html`<h2>Targets</h2>
<p><a href="/targets">${up + down + unknown} in all</a>: ${up} up, ${failing}${waiting}</p>
`;
}

interface Verdict {
  mood: 'ok' | 'warn' | 'bad';
  text: string;
}

/** Is data arriving? */
function verdictOf({ ready, destinations }: StatusPage): Verdict {
  if (!ready) return { mood: 'bad', text: 'Data is not arriving.' };
  if (destinations.length === 0) return { mood: 'warn', text: 'No destination: samples are sent nowhere.' };
  const failing = destinations.filter(({ state }) => state !== 'ok').map(({ name }) => name);
  if (failing.length > 0)
    return { mood: 'warn', text: `Samples are kept and sent again: ${failing.join(', ')}.` };
  if (destinations.some(({ lastSuccessMs }) => lastSuccessMs === undefined))
    return { mood: 'warn', text: 'Nothing has been delivered yet.' };
  return { mood: 'ok', text: 'Data is arriving.' };
}

function destinationsPart({ destinations, nowMs }: StatusPage): Html {
  if (destinations.length === 0) return html``;
  return html`<h2>Destinations</h2>
<table>
<tr><th>state</th><th>destination</th><th>lag</th><th>pending</th><th>last success</th></tr>
${destinations.map((destination) => destinationRow(destination, nowMs))}</table>`;
}

function destinationRow(destination: DestinationStatus, nowMs: number): Html {
  const { name, url, state, lastError, pendingSamples, pendingBytes, oldestPendingMs, failedSamples } =
    destination;
  const mood = state === 'ok' ? 'ok' : state === 'late' ? 'bad' : 'warn';
  const lag = oldestPendingMs === undefined ? '0s' : roughDuration(nowMs - oldestPendingMs);
  const error = lastError === undefined ? html`` : html`<br><span class="${mood}">${cut(lastError)}</span>`;
  const lost =
    failedSamples === 0 ? html`` : html`<br><span class="bad">${failedSamples} samples lost</span>`;
  return html`<tr><td class="${mood}">${state}</td><td>${name} <span class="soft">${url}</span>${error}${lost}</td>
<td class="n">${lag}</td><td class="n">${pendingSamples} samples<br>${roughSize(pendingBytes)}</td>
<td class="n">${ago(destination.lastSuccessMs, nowMs)}</td></tr>
`;
}

const TASK_HEAD = html`<tr><th>state</th><th>task</th><th>last run</th><th>result</th></tr>`;

function* tasksPart({ tasks, nowMs }: StatusPage): Generator<Html> {
  const states = TASK_STATES.filter((state) => tasks.counts[state] > 0);
  const links = states.map(
    (state) => html` &middot; <a href="${link('/', { state })}">${tasks.counts[state]} ${state}</a>`,
  );
  yield html`<h2>Tasks</h2>
<p><a href="/">${tasks.total} in all</a>${links}</p>
<form action="/" method="get"><input type="hidden" name="state" value="${tasks.state}">
<input name="q" value="${tasks.q}" size="24" aria-label="part of a name"> <input type="submit" value="find"></form>
`;
  if (tasks.matching === 0) yield html`<p>No task${tasks.total === 0 ? '' : ' matches'}.</p>`;
  else yield* table(TASK_HEAD, taskRows(tasks.rows, nowMs));
  yield html`
${pager(tasks, '/', { state: tasks.state, q: tasks.q })}`;
}

function* taskRows(rows: TaskList['rows'], nowMs: number): Generator<Html> {
  for (const { status, state } of rows) yield taskRow(status, state, nowMs);
}

function taskRow(status: TaskStatus, state: TaskState, nowMs: number): Html {
  const { task, last, problem, skipped, missed } = status;
  const mood = state === 'ok' ? 'ok' : state === 'waiting' ? 'soft' : 'bad';
  const why = problem ?? [last?.reason, last?.evidence].filter((text) => text !== undefined).join(': ');
  const ticks = skipped + missed === 0 ? '' : ` (${skipped} skipped, ${missed} missed)`;
  return html`<tr><td class="${mood}">${state}</td>
<td>${task.id} <span class="soft">${task.plugin} ${cut(redactUrl(task.target))}</span></td>
<td class="n">${ago(last?.plannedMs, nowMs)}</td><td>${cut(why)}<span class="soft">${ticks}</span></td></tr>
`;
}

function hostsPart({ hosts }: StatusPage): Html {
  if (hosts.length === 0) return html``;
  const rows = hosts.map(
    ({
      lane,
      pid,
      tasks,
      restarts,
      loopDelayMs,
    }) => html`<tr><td class="${pid === undefined ? 'bad' : ''}">${lane}</td>
<td class="n">${pid ?? 'down'}</td><td class="n">${tasks}</td><td class="n">${restarts}</td><td class="n">${Math.round(loopDelayMs)} ms</td></tr>
`,
  );
  return html`<h2>Probe hosts</h2>
<table>
<tr><th>lane</th><th>process</th><th>tasks</th><th>restarts</th><th>worst delay</th></tr>
${rows}</table>`;
}

function ago(ms: number | undefined, nowMs: number): string {
  return ms === undefined ? 'never' : `${roughDuration(nowMs - ms)} ago`;
}
