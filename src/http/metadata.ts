import { SentinelError } from '../lib/index.js';
import type { Labels, MetricMetadata } from '../model/index.js';
import { parseSelector } from '../relabel/index.js';
import type { TargetMetadata } from '../scrape/index.js';
import { shownLabels } from './shown.js';

/**
 * What `/api/v1/targets/metadata` shows: `?match_target={job="x"}&metric=name&limit=n`. As in Prometheus, no target is begun when there are `limit` rows, and the name that was asked
 * for is left out. Throws SEN_USAGE for a parameter that cannot be read.
 */
export function targetMetadataJson(targets: readonly TargetMetadata[], query: URLSearchParams) {
  const limit = readLimit(query, 'limit') ?? Infinity;
  const fits = readMatch(query.get('match_target') ?? '');
  const metric = query.get('metric') ?? '';
  const found: object[] = [];
  for (const { target, families } of targets) {
    if (found.length >= limit) break;
    if (!fits(target)) continue;
    const labels = shownLabels(target);
    for (const { family, type, help, unit } of asked(families, metric))
      found.push({ target: labels, ...(metric === '' && { metric: family }), type, help, unit });
  }
  return found;
}

/** What `/api/v1/metadata` shows: what all targets say of a family, each of it once; `?metric=name&limit=n&limit_per_metric=n`. Throws SEN_USAGE for a parameter that cannot be read. */
export function metadataJson(
  targets: readonly TargetMetadata[],
  query: URLSearchParams,
): Record<string, Said[]> {
  const limit = readLimit(query, 'limit') ?? Infinity;
  const perMetric = readLimit(query, 'limit_per_metric') || Infinity;
  const metric = query.get('metric') ?? '';
  const found = new Map<string, Said[]>();
  for (const { families } of targets)
    for (const { family, type, help, unit } of asked(families, metric)) {
      const said = found.get(family) ?? [];
      if (said.length === 0 && found.size >= limit) continue;
      found.set(family, said);
      const isKnown = said.some((one) => one.type === type && one.help === help && one.unit === unit);
      if (!isKnown && said.length < perMetric) said.push({ type, help, unit });
    }
  return Object.fromEntries(found);
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
