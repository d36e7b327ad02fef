import { readdirSync } from 'node:fs';
import { until } from '../until.js';

/** What an agent holds at rest. */
export interface Held {
  descriptors: number;
  /** The fewest that were seen: scrapes and requests under way have some too. */
  timers: number;
  /** Series of its own metrics. */
  series: ReadonlySet<string>;
}

const SETTLED_POLLS = 100;
/** What the worker of the buffer holds, which comes and goes as data have to wait, and a few connections. */
const MORE_DESCRIPTORS = 9;
const MORE_TIMERS = 5;
/** Series of a part of the configuration go with it; others (by reason, result, status, plugin, and the exemplars of a route) come when something happens for the first time, and are few. */
const PART = /(?<=[{,])(?:job|destination|route|lane|task)="[^"]*"/g;
const MORE_SERIES = 20;

/** The own metrics of an agent: value by name and labels. */
export async function metricsOf(url: string): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

/**
 * What an agent holds once nothing of a former configuration closes any more: its descriptors are the same for a hundred polls. To be compared under one
 * configuration only.
 */
export async function heldBy(pid: number, url: string): Promise<Held> {
  let held: Held = { descriptors: 0, timers: 0, series: new Set() };
  let polls = 0;
  await until(
    () => `descriptors that stay the same: ${held.descriptors} for ${polls} polls`,
    async () => {
      const metrics = await metricsOf(url);
      const descriptors = readdirSync(`/proc/${pid}/fd`).length;
      polls = descriptors === held.descriptors ? polls + 1 : 0;
      const timers = Math.min(metrics.get('nodejs_active_timers')!, polls === 0 ? Infinity : held.timers);
      held = {
        descriptors,
        timers,
        series: new Set(metrics.keys()),
      };
      return polls >= SETTLED_POLLS;
    },
    60_000,
  );
  return held;
}

/** What grew from one look to a later one, in words; empty when nothing did. */
export function growth(before: Held, after: Held): string[] {
  const series = [...after.series].filter((key) => !before.series.has(key));
  const known = partsOf(before.series);
  const parts = [...partsOf(series)].filter((part) => !known.has(part));
  return [
    ...(after.descriptors <= before.descriptors + MORE_DESCRIPTORS
      ? []
      : [`descriptors ${before.descriptors} -> ${after.descriptors}`]),
    ...(after.timers <= before.timers + MORE_TIMERS ? [] : [`timers ${before.timers} -> ${after.timers}`]),
    ...parts.map((part) => `new: ${part}`),
    ...series.slice(MORE_SERIES).map((key) => `new: ${key}`),
  ];
}

const partsOf = (series: Iterable<string>) => new Set([...series].flatMap((key) => key.match(PART) ?? []));
