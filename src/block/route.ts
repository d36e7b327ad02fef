import { formatDuration } from '../lib/index.js';

/** The settings of a destination that decide how its blocks look. */
export interface RouteSettings {
  name: string;
  /** Samples in a block at most. */
  batchSize: number;
  flushIntervalMs: number;
}

/** Destinations whose blocks are the same bytes: one encoder, one stream of blocks. */
export interface Route {
  /** Says what its blocks have in common; equal settings give the same name in every run. */
  name: string;
  batchSize: number;
  flushIntervalMs: number;
  /** Names. */
  destinations: readonly string[];
}

/** Groups destinations by equal settings, in the order of their first appearance. */
export function routesOf(destinations: readonly RouteSettings[]): Route[] {
  const routes = new Map<string, Route & { destinations: string[] }>();
  for (const { name: destination, batchSize, flushIntervalMs } of destinations) {
    const name = `${batchSize}/${formatDuration(flushIntervalMs)}`;
    const route = routes.get(name) ?? { name, batchSize, flushIntervalMs, destinations: [] };
    route.destinations.push(destination);
    routes.set(name, route);
  }
  return [...routes.values()];
}
