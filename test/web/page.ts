import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import type { HttpView } from '../../src/http/index.js';
import { ask, viewWith, withEdge } from '../http/kit.js';
import { ManualClock } from '../manual-clock.js';

export const TEXT_BROWSER = 'w3m';
/** The agent's time when a page is asked for. */
export const NOW = Date.UTC(2026, 0, 1, 0, 1);
/** A text that would become markup if it were not escaped. */
export const EVIL = `<script>alert(1)</script>" onload='x' &amp; </style><!--`;

/** The page at this path, of an agent that looks so; it keeps to its policy. */
export async function pageAt(path: string, view: Partial<HttpView>): Promise<string> {
  let body = '';
  await withEdge({ view: viewWith(view), clock: new ManualClock(NOW) }, async (edge) => {
    const reply = await ask(edge, path);
    assert.equal(reply.status, 200);
    assert.equal(reply.headers['content-type'], 'text/html; charset=utf-8');
    const style = /<style>(.*)<\/style>/s.exec(reply.body)![1]!;
    const hash = createHash('sha256').update(style).digest('base64');
    assert.equal(
      reply.headers['content-security-policy'],
      `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
    );
    body = reply.body;
  });
  return body;
}

/** The text of a page as a person reads it, but for entities. */
export const textOf = (page: string): string =>
  page
    .replace(/<style>.*<\/style>/s, '')
    .replace(/<wbr>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');

/** What a text browser makes of it; no line is longer than its screen. */
export function readAt80Columns(page: string): string {
  const { stdout } = spawnSync(TEXT_BROWSER, ['-dump', '-cols', '80', '-T', 'text/html'], {
    input: page,
    encoding: 'utf8',
  });
  for (const line of stdout.split('\n')) assert.ok(line.length <= 80, `${line}\nin\n${stdout}`);
  return stdout;
}
