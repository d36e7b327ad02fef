import { Html, html } from './html.js';
import { PAGE_POLICY, STYLE } from './style.js';

/** What is sent with every page. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': PAGE_POLICY,
  'Referrer-Policy': 'no-referrer',
};

/** How often a page is asked for again by itself, seconds. */
export const REFRESH_SECONDS = 30;

/** Characters of a text from outside that are shown; the API has all of it. */
const MAX_TEXT = 300;

const PAGES = [
  ['/', 'status'],
  ['/targets', 'targets'],
  ['/service-discovery', 'discovery'],
  ['/relabel-debug', 'relabelling'],
] as const;

/** A page, in pieces: no script, nothing from elsewhere; readable in a text browser of 80 columns. */
export function* framed(page: {
  title: string;
  heading: string;
  refresh: boolean;
  body: Iterable<Html>;
}): Generator<string> {
  const refresh = page.refresh
    ? html`<meta http-equiv="refresh" content="${REFRESH_SECONDS}">
`
    : html``;
  const links = PAGES.map(([path, word], i) => html`${i === 0 ? '' : ' | '}<a href="${path}">${word}</a>`);
  yield html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${refresh}<title>${page.title}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<h1>${page.heading}</h1>
<p class="soft">${links}</p>
`.text;
  for (const { text } of page.body) yield text;
  yield '\n</body>\n</html>\n';
}

/** A table, a piece for each row. */
export function* table(head: Html, rows: Iterable<Html>): Generator<Html> {
  yield html`<table>
${head}
`;
  yield* rows;
  yield html`</table>`;
}

/** The beginning of a long text. */
export function cut(text: string, max = MAX_TEXT): string {
  return text.length > max ? `${text.slice(0, max)}...` : text;
}

/** The beginning of a long text whose words are long too, such as URLs and labels: they may be broken anywhere, also by a text browser. */
export function breakable(text: string, max = MAX_TEXT): Html {
  const pieces = cut(text, max).match(/\S{1,20}|\s+/gu) ?? [];
  const breaks = (i: number) => i > 0 && pieces[i - 1]!.trim() !== '' && pieces[i]!.trim() !== '';
  return html`${pieces.map((piece, i) => (breaks(i) ? html`<wbr>${piece}` : html`${piece}`))}`;
}

/** A link with a query; empty values are left out. */
export function link(path: string, query: Readonly<Record<string, string>>): string {
  const given = Object.entries(query).filter(([, value]) => value !== '');
  return `${path}?${new URLSearchParams(given)}`;
}

/** Labels as a selector has them: `{a="1", "b c"="2"}`. */
export function labelsText(labels: Readonly<Record<string, string>>): string {
  return `{${Object.entries(labels).map(labelText).join(', ')}}`;
}

/** One of them. */
export function labelText([name, value]: readonly [string, string]): string {
  const isWord = /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name);
  return `${isWord ? name : JSON.stringify(name)}=${JSON.stringify(value)}`;
}

/** A part of many rows, and how to get to the others. */
export interface Paged<T> {
  /** Can be gone through once. */
  rows: Iterable<T>;
  /** How many there are. */
  matching: number;
  /** From 1. */
  page: number;
  pages: number;
}

/** The line below a table that is one of several. */
export function pager(paged: Paged<unknown>, path: string, query: Readonly<Record<string, string>>): Html {
  const { page, pages, matching } = paged;
  if (pages <= 1) return html``;
  const to = (target: number, word: string) =>
    target < 1 || target > pages
      ? html``
      : html` <a href="${link(path, { ...query, page: String(target) })}">${word}</a>`;
  return html`<p>${matching} in all, page ${page} of ${pages}${to(page - 1, 'back')}${to(page + 1, 'next')}</p>`;
}
