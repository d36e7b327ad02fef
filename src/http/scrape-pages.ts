import { errorLine, shownUrl } from '../lib/index.js';
import { labelsToMap } from '../model/index.js';
import { parseSeries } from '../relabel/index.js';
import type { ActiveTarget, DroppedTarget, PoolStatus, TargetStatus } from '../scrape/index.js';
import type {
  DiscoveredRow,
  DiscoveryPage,
  Paged,
  RelabelPage,
  TargetRow,
  TargetsPage,
} from '../web/index.js';
import type { RouteParts } from './endpoint.js';
import { healthCounts } from './jobs.js';
import { paged } from './paged.js';
import { shownDiscovered, shownLabels } from './shown.js';
import { askedPools, matchingTargets, readTargetFilter } from './targets.js';

/** What the page of the targets is made of, for a query such as `?scrapePool=node&health=down&q=core&page=2`. */
export function* targetsPage(
  { view, clock }: RouteParts,
  query: URLSearchParams,
): Generator<string, TargetsPage> {
  const pools = view.pools().map((pool) => ({ ...pool, active: pool.active() }));
  const jobs = pools.map(({ job, active, droppedCount }) => ({
    job,
    dropped: droppedCount,
    ...healthCounts(active),
  }));
  const filter = readTargetFilter(query);
  const active = askedPools(pools, filter).flatMap((pool) => pool.active);
  const found: Record<TargetStatus['health'], ActiveTarget[]> = { down: [], unknown: [], up: [] };
  for (const target of matchingTargets(active, filter)) {
    if (target !== undefined) found[target.health].push(target);
    yield '';
  }
  const worstFirst = [...found.down, ...found.unknown, ...found.up];
  const targets = paged(worstFirst, query, (target) => targetRow(target.status()));
  return { name: view.runtime().name, nowMs: clock.now(), jobs, filter, targets };
}

function targetRow(target: TargetStatus): TargetRow {
  const { pool, health, lastError, lastScrapeMs, lastDurationMs, lastSamples: samples, series } = target;
  const labels = shownLabels(target.labels);
  const url = shownUrl(target.url);
  return { pool, url, labels, health, lastError, lastScrapeMs, lastDurationMs, samples, series };
}

/** What the page of the discovery is made of; `?scrapePool=node` shows the targets of that job, and so does a single job. */
export function discoveryPage({ view, clock }: RouteParts, query: URLSearchParams): DiscoveryPage {
  const pools = view.pools();
  const asked = query.get('scrapePool') ?? (pools.length === 1 ? pools[0]!.job : '');
  const pool = pools.find(({ job }) => job === asked);
  return {
    name: view.runtime().name,
    nowMs: clock.now(),
    jobs: pools.map(({ job, active, droppedCount, discovery }) => ({
      job,
      active: active().length,
      dropped: droppedCount,
      discoveries: discovery(),
    })),
    shown: pool && { job: pool.job, targets: discoveredRows(pool, query) },
  };
}

/** Those that are not scraped come first: they are looked for. */
function discoveredRows({ active, dropped }: PoolStatus, query: URLSearchParams): Paged<DiscoveredRow> {
  const rows = [...dropped, ...active()];
  return paged(rows, query, (one) => ('reason' in one ? droppedRow(one) : activeRow(one.status())));
}

function activeRow({ discoveredLabels, labels }: TargetStatus): DiscoveredRow {
  return { discovered: shownDiscovered(discoveredLabels), labels: shownLabels(labels), dropped: undefined };
}

function droppedRow({ discoveredLabels, reason, detail }: DroppedTarget): DiscoveredRow {
  const dropped = detail === '' ? reason : `${reason}: ${detail}`;
  return { discovered: shownDiscovered(discoveredLabels), labels: undefined, dropped };
}

/** What the page of the relabelling is made of, for `?scrapePool=node&subject=target&labels={...}`. */
export function relabelPage({ view }: RouteParts, query: URLSearchParams): RelabelPage {
  const jobs = view.pools().map(({ job }) => job);
  const job = query.get('scrapePool') ?? jobs[0] ?? '';
  const subject = query.get('subject') === 'metric' ? 'metric' : 'target';
  const labels = query.get('labels') ?? '';
  const page = { name: view.runtime().name, jobs, job, subject, labels, result: undefined } as const;
  if (labels.trim() === '') return page;
  try {
    const steps = view.explain(subject, job, parseSeries(labels));
    if (steps === undefined) return { ...page, result: `there is no job "${job}"` };
    return {
      ...page,
      result: steps.map(({ rule, applied, before, after }) => ({
        rule,
        applied,
        before: labelsToMap(before),
        after: after && labelsToMap(after),
      })),
    };
  } catch (error) {
    return { ...page, result: errorLine(error) };
  }
}
