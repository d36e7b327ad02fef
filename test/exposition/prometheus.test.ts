import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { parseExposition } from '../../src/exposition/index.js';
import { freePort, needServer } from '../servers.js';
import { until } from '../until.js';
import { PAGES } from './pages.js';

// Serves every page to a real Prometheus (Debian's 2.42) and compares what it stored, or that it refused the page, with what is read here.

const DEADLINE_MS = 60_000;
const NOW_MS = Math.floor(Date.now() / 1000) * 1000;

/** Pages with the marks for "now" filled in: Prometheus stores no old timestamps. */
const BODIES = PAGES.map(({ body }) =>
  Buffer.from(
    body
      .toString('latin1')
      .replaceAll('NOW', String(NOW_MS))
      .replaceAll('SECONDS', String(NOW_MS / 1000)),
    'latin1',
  ),
);

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resume) => server.listen(0, '127.0.0.1', resume));
  return (server.address() as AddressInfo).port;
}

async function get<T>(url: string): Promise<T> {
  const response = await fetch(url);
  const { data } = (await response.json()) as { data: T };
  return data;
}

interface Target {
  labels: { case: string };
  health: 'up' | 'down' | 'unknown';
  lastError: string;
}

interface Answer {
  result: { metric: Record<string, string>; values: [number, string][] }[];
}

function number(text: string): number {
  return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text);
}

/** One line per series: name, labels, value, and the timestamp where the page gives one. */
function line(labels: Record<string, string>, value: number, timestampMs: number | undefined): string {
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify(pairs)} ${value}${timestampMs === undefined ? '' : ` @${timestampMs}`}`;
}

/** What is read here; `undefined` when the page is refused. */
async function readHere(i: number): Promise<string[] | undefined> {
  try {
    const { samples } = await parseExposition(BODIES[i]!, PAGES[i]!.contentType);
    return samples.map((s) => line({ ...s.labels, __name__: s.name }, s.value, s.timestampMs)).sort();
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'SEN_EXPOSITION_INVALID');
    return undefined;
  }
}

/** What Prometheus has, by page. */
async function readThere(base: string, targets: Target[]): Promise<Map<number, string[]>> {
  const { result } = await get<Answer>(`${base}/api/v1/query?query=${encodeURIComponent('{case!=""}[5m]')}`);
  const pages = new Map<number, string[]>(targets.map(({ labels }) => [Number(labels.case), []]));
  for (const { metric, values } of result) {
    const { case: page, instance: _, job: __, ...labels } = metric;
    if (labels.__name__ === 'up' || labels.__name__?.startsWith('scrape_')) continue;
    const [seconds, value] = values[0]!;
    const stampMs = Math.round(seconds * 1000);
    const given = stampMs === NOW_MS || stampMs === NOW_MS + 500;
    pages.get(Number(page))!.push(line(labels, number(value), given ? stampMs : undefined));
  }
  for (const lines of pages.values()) lines.sort();
  return pages;
}

/** Every target, once each has been scraped; nothing before. */
async function scraped(base: string): Promise<Target[] | undefined> {
  const answer = await get<{ activeTargets: Target[] }>(`${base}/api/v1/targets`).catch(() => undefined);
  const done = answer?.activeTargets.filter(({ health }) => health !== 'unknown');
  return done?.length === PAGES.length ? done : undefined;
}

async function start(directory: string, pagesPort: number): Promise<{ child: ChildProcess; base: string }> {
  const jobs = PAGES.map((_, i) => ({
    job_name: `page-${i}`,
    metrics_path: `/${i}`,
    static_configs: [{ targets: [`127.0.0.1:${pagesPort}`], labels: { case: String(i) } }],
  }));
  const file = join(directory, 'prometheus.json');
  writeFileSync(
    file,
    JSON.stringify({ global: { scrape_interval: '2s', scrape_timeout: '2s' }, scrape_configs: jobs }),
  );
  const port = await freePort();
  const program: string = 'prometheus';
  const child = spawn(
    program,
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  );
  return { child, base: `http://127.0.0.1:${port}` };
}

test('prometheus: reads and refuses the same pages', async (t) => {
  if (!needServer('prometheus', t)) return;
  const directory = mkdtempSync(join(tmpdir(), 'sentinel-exposition-'));
  const server = createServer((request, response) => {
    const i = Number(request.url!.slice(1));
    response.writeHead(200, { 'content-type': PAGES[i]!.contentType }).end(BODIES[i]);
  });
  const { child, base } = await start(directory, await listen(server));
  try {
    const targets = await until('every page to be scraped', () => scraped(base), DEADLINE_MS);
    const there = await readThere(base, targets);
    const differences: unknown[] = [];
    for (const { labels, health, lastError } of targets) {
      const i = Number(labels.case);
      if (PAGES[i]!.newer !== undefined) continue;
      const here = (await readHere(i)) ?? 'refused';
      const other = health === 'down' ? 'refused' : there.get(i);
      const page = PAGES[i]!.body.toString('latin1');
      if (JSON.stringify(here) !== JSON.stringify(other)) differences.push({ page, here, other, lastError });
    }
    assert.deepEqual(differences, []);
  } finally {
    child.kill('SIGKILL');
    server.closeAllConnections();
    server.close();
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  }
});
