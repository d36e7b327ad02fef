import type { Paged } from '../web/index.js';

/** Rows on one page: what a browser shows at once, however many there are. */
const PAGE_SIZE = 200;

/** The part of the rows that `?page=` asks for; the nearest one when there is no such page. */
export function paged<T>(all: readonly T[], query: URLSearchParams): Paged<T> {
  const pages = Math.max(1, Math.ceil(all.length / PAGE_SIZE));
  const asked = Number(query.get('page') ?? 1);
  const page = Number.isInteger(asked) ? Math.min(Math.max(asked, 1), pages) : 1;
  return { rows: all.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE), matching: all.length, page, pages };
}
