import type { Answer } from './page-server.js';

/** One target, scraped by Debian's Prometheus and by Sentinel, each getting the same row of pages. */
export interface ParityCase {
  /** Job, path and label `parity_case`. */
  name: string;
  /** `baseMs` is a time about now, for pages with timestamps. */
  pages: (baseMs: number) => readonly Answer[];
  /** More keys of the job, YAML, not indented. */
  config?: string;
  /** Labels of the target. */
  labels?: Readonly<Record<string, string>>;
  /** Addresses in place of the server's own. */
  targets?: (port: number) => readonly string[];
  /** What Prometheus 3 gives where the 2.42 of Debian gives something else: its lines, edited. */
  differs?: { why: string; edit: (lines: readonly string[]) => readonly string[] };
}

/** A case whose pages hold no timestamps. */
export function pageCase(
  name: string,
  pages: readonly Answer[],
  more: Omit<ParityCase, 'name' | 'pages'> = {},
): ParityCase {
  return { name, pages: () => pages, ...more };
}
