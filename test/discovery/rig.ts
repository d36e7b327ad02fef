import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { Discoveries, type DiscoveryConfig, type TargetGroup } from '../../src/discovery/index.js';
import { type Clock, Metrics, systemClock } from '../../src/lib/index.js';
import {
  createHttpClient,
  createResolver,
  type DnsResolver,
  type HttpClient,
  type HttpClientOptions,
} from '../../src/net/index.js';
import { until } from '../until.js';

/** What a test may put in place of the real thing. */
export interface RigOptions {
  clock?: Clock;
  createHttpClient?: (options: HttpClientOptions) => HttpClient;
  resolver?: DnsResolver;
}

/** The stage with everything that it told. */
export class Rig {
  readonly metrics = new Metrics();
  /** Lines of the log. */
  readonly logged: string[] = [];
  /** The targets of each call, by owner: `a:1{site="hq"}`, sorted. */
  readonly events: Record<string, string[]> = {};
  readonly groups: Record<string, readonly TargetGroup[]> = {};
  readonly discoveries: Discoveries;

  constructor(t: TestContext, options: RigOptions = {}) {
    const clock = options.clock ?? systemClock;
    const resolver = options.resolver ?? createResolver({ clock });
    this.discoveries = new Discoveries({
      clock,
      log: pino({ base: null }, { write: (line) => void this.logged.push(line) }),
      metrics: this.metrics,
      createHttpClient: options.createHttpClient ?? ((http) => createHttpClient(http, resolver)),
      resolver,
      onGroups: (owner, groups) => {
        this.groups[owner] = groups;
        this.events[owner] = [...(this.events[owner] ?? []), textOf(groups)];
      },
    });
    t.after(() => {
      this.discoveries.stop();
      resolver.close();
    });
  }

  apply(owners: Readonly<Record<string, readonly DiscoveryConfig[]>>): void {
    this.discoveries.apply(new Map(Object.entries(owners)));
  }

  /** What an owner was told last. */
  targets(owner = 'scrape/a'): string {
    return this.events[owner]?.at(-1) ?? 'nothing';
  }

  async untilTargets(want: string, owner = 'scrape/a'): Promise<void> {
    try {
      await until(`"${want}"`, () => this.targets(owner) === want);
    } catch (error) {
      throw new Error(`${owner} has "${this.targets(owner)}", not "${want}": ${this.error(owner)}`, {
        cause: error,
      });
    }
  }

  /** Until entries have asked again, and so often from start to end. */
  async askedAgain(times = 2): Promise<void> {
    const before = this.sum('sentinel_discovery_refreshes_total');
    await until(
      'entries to ask again',
      () => this.sum('sentinel_discovery_refreshes_total') >= before + times,
    );
  }

  /** The error of an owner's first entry; empty when there is none. */
  error(owner = 'scrape/a', entry = 0): string {
    return this.discoveries.statuses(owner)[entry]?.lastError ?? '';
  }

  /** A metric over all its labels. */
  sum(name: string): number {
    let sum = 0;
    for (const family of this.metrics.families())
      if (family.name === name) for (const { value } of family.samples()) sum += value;
    return sum;
  }
}

/** Targets with their labels, but for those that say where they come from. */
export function textOf(groups: readonly TargetGroup[], hidden = /^__/): string {
  const lines = groups.flatMap(({ targets, labels }) =>
    targets.map((target) => {
      const shown = Object.entries({ ...labels, ...target }).filter(([name]) => !hidden.test(name));
      const text = shown.map(([name, value]) => `${name}="${value}"`).join(',');
      return text === '' ? target.__address__! : `${target.__address__}{${text}}`;
    }),
  );
  return lines.sort().join(' ');
}

/** A folder that is gone after the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-discovery-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
