import { SentinelError } from '../lib/index.js';
import type { Labels, MetricMetadata } from '../model/index.js';
import { parseSelector } from '../relabel/index.js';
import type { TargetMetadata } from '../scrape/index.js';
import { jsonList, type Pieces } from './pieces.js';
import { shownLabels } from './shown.js';

/**
 * What `/api/v1/targets/metadata` shows: `?match_target={job="x"}&metric=name&limit=n`. As in Prometheus, no target is begun when there are `limit` rows, and the name that was asked
 * for is left out. Throws SEN_USAGE for a parameter that cannot be read.
 */
export function targetMetadataJson(targets: Iterable<TargetMetadata>, query: URLSearchParams): Pieces {
  const limit = readLimit(query, 'limit') ?? Infinity;
  const fits = readMatch(query.get('match_target') ?? '');
  const metric = query.get('metric') ?? '';
  return jsonList(targetRows(targets, { limit, fits, metric }));
}

function* targetRows(
  targets: Iterable<TargetMetadata>,
  { limit, fits, metric }: { limit: number; fits: (target: Labels) => boolean; metric: string },
): Generator<object | undefined> {
  let count = 0;
  for (const { target, families } of targets) {
    if (count >= limit) return;
    const found = fits(target) ? asked(families, metric) : [];
    yield undefined;
    if (found.length === 0) continue;
    const labels = shownLabels(target);
    for (const { family, type, help, unit } of found)
      yield { target: labels, ...(metric === '' && { metric: family }), type, help, unit };
    count += found.length;
  }
}

/** What `/api/v1/metadata` shows: what all targets say of a family, each of it once; `?metric=name&limit=n&limit_per_metric=n`. Throws SEN_USAGE for a parameter that cannot be read. */
export function metadataJson(targets: Iterable<TargetMetadata>, query: URLSearchParams): Pieces {
  const limit = readLimit(query, 'limit') ?? Infinity;
  const perMetric = readLimit(query, 'limit_per_metric') || Infinity;
  const metric = query.get('metric') ?? '';
  return familiesPieces(targets, { limit, perMetric, metric });
}

function* familiesPieces(
  targets: Iterable<TargetMetadata>,
  { limit, perMetric, metric }: { limit: number; perMetric: number; metric: string },
): Generator<string> {
  const found = new Map<string, Said[]>();
  // What targets say alike is mostly one object.
  const seen = new Set<MetricMetadata>();
  for (const { families } of targets) {
    for (const one of asked(families, metric)) {
      if (seen.has(one)) continue;
      seen.add(one);
      const { family, type, help, unit } = one;
      const said = found.get(family) ?? [];
      if (said.length === 0 && found.size >= limit) continue;
      found.set(family, said);
      const isKnown = said.some((other) => other.type === type && other.help === help && other.unit === unit);
      if (!isKnown && said.length < perMetric) said.push({ type, help, unit });
    }
    yield '';
  }
  let mark = '{';
  for (const [family, said] of found) {
    yield `${mark}${JSON.stringify(family)}:${JSON.stringify(said)}`;
    mark = ',';
  }
  yield found.size === 0 ? '{}' : '}';
}

type Said = Omit<MetricMetadata, 'family'>;

function asked(families: readonly MetricMetadata[], metric: string): readonly MetricMetadata[] {
  return metric === '' ? families : families.filter(({ family }) => family === metric);
}

/** A limit below zero is none, as in Prometheus. */
function readLimit(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name) ?? '';
  if (text === '') return undefined;
  if (!/^[+-]?\d+$/.test(text)) throw new SentinelError('SEN_USAGE', `${name} must be a number`);
  return Number(text) < 0 ? undefined : Number(text);
}

function readMatch(text: string): (target: Labels) => boolean {
  if (text === '') return () => true;
  try {
    const selector = parseSelector(text);
    return (target) => selector.matches(target);
  } catch (error) {
    throw new SentinelError('SEN_USAGE', 'invalid parameter "match_target"', { cause: error });
  }
}
