import { createHash } from 'node:crypto';
import { formatDuration } from '../lib/index.js';
import type { RelabelRule } from '../relabel/index.js';

/** What decides how the blocks of a destination look. */
interface BlockLook {
  /** Samples and exemplars in a block at most. */
  batchSize: number;
  flushIntervalMs: number;
  /** Rules of the destination alone, after those for all. */
  relabel: readonly RelabelRule[];
  sendExemplars: boolean;
  /** Without it native histograms are dropped and counted. */
  sendNativeHistograms: boolean;
}

/** The settings of a destination that decide how its blocks look. */
export interface RouteSettings extends BlockLook {
  name: string;
}

/** Destinations whose blocks are the same bytes: one encoder, one stream of blocks. */
export interface Route extends BlockLook {
  /** Says what its blocks have in common; equal settings give the same name in every run. */
  name: string;
  /** Names. */
  destinations: readonly string[];
}

/** Groups destinations by equal settings, in the order of their first appearance. */
export function routesOf(destinations: readonly RouteSettings[]): Route[] {
  const routes = new Map<string, Route & { destinations: string[] }>();
  for (const { name: destination, ...settings } of destinations) {
    const { batchSize, flushIntervalMs, relabel, sendExemplars, sendNativeHistograms } = settings;
    const name = nameOf(settings);
    const look = { batchSize, flushIntervalMs, relabel, sendExemplars, sendNativeHistograms };
    const route = routes.get(name) ?? { name, ...look, destinations: [] };
    route.destinations.push(destination);
    routes.set(name, route);
  }
  return [...routes.values()];
}

/** Such as `10000/5s/rules-2f9c41d07a6b`: the hash stands for the rules in one order of their keys. */
function nameOf({
  batchSize,
  flushIntervalMs,
  relabel,
  sendExemplars,
  sendNativeHistograms,
}: BlockLook): string {
  const parts = [String(batchSize), formatDuration(flushIntervalMs)];
  if (sendExemplars) parts.push('exemplars');
  if (sendNativeHistograms) parts.push('histograms');
  if (relabel.length > 0) parts.push(`rules-${hashOf(relabel)}`);
  return parts.join('/');
}

function hashOf(rules: readonly RelabelRule[]): string {
  const text = JSON.stringify(rules, (_, value: unknown) =>
    isMap(value) ? Object.entries(value).sort(byKey) : value,
  );
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
