import type { Paged } from '../web/index.js';
import { lazily } from './pieces.js';

/** Rows on one page: what a browser shows at once, however many there are. */
const PAGE_SIZE = 200;

/** The part of all rows that `?page=` asks for, each made when its turn comes; of the nearest page when there is no such one. */
export function paged<T, U>(all: readonly T[], query: URLSearchParams, make: (one: T) => U): Paged<U> {
  const pages = Math.max(1, Math.ceil(all.length / PAGE_SIZE));
  const asked = Number(query.get('page') ?? 1);
  const page = Number.isInteger(asked) ? Math.min(Math.max(asked, 1), pages) : 1;
  const rows = all.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE);
  return { rows: lazily(rows, make), matching: all.length, page, pages };
}
