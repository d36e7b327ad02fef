import { type Clock, type Logger, type Metrics, redactUrl, sameValue } from '../lib/index.js';
import type { DnsResolver, HttpClient, HttpClientOptions } from '../net/index.js';
import type { DiscoveryConfig, StaticDiscovery } from './discovery-config.js';
import { DnsSource } from './dns.js';
import type { Entry } from './entry.js';
import { FileSource } from './file.js';
import { HttpSource } from './http.js';
import { LocalLabels } from './local-labels.js';
import { addOwnerMetrics, kindMetrics, removeOwnerMetrics } from './metrics.js';
import { Pace } from './pace.js';
import { Poller } from './poller.js';
import type { Source } from './source.js';
import { createStaticEntry } from './static.js';
import type { DiscoveryStatus } from './status.js';
import type { TargetGroup } from './target-group.js';

/** What the stage works with. */
export interface DiscoveriesOptions {
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  createHttpClient: (options: HttpClientOptions) => HttpClient;
  resolver: DnsResolver;
  /** All groups that an owner has now; those that it had before and that are not among them are gone. */
  onGroups: (owner: string, groups: readonly TargetGroup[]) => void;
}

type PolledConfig = Exclude<DiscoveryConfig, StaticDiscovery>;

interface Owner {
  entries: readonly Entry[];
  pace: Pace;
  onChange: (first: boolean) => void;
}

/** Pollers by what they ask; those in one list differ in how they ask. */
type Pollers = Map<string, { config: PolledConfig; poller: Poller }[]>;

/** What was followed until now: by all, and by the owner of an entry. */
interface Before {
  pollers: Pollers;
  own: readonly Entry[];
}

/** The stage: follows where targets come from, for owners such as `scrape/<job>`, and tells each owner all its groups when they change. */
export class Discoveries {
  readonly #options: DiscoveriesOptions;
  readonly #localLabels: LocalLabels;
  #owners = new Map<string, Owner>();
  #pollers: Pollers = new Map();

  constructor(options: DiscoveriesOptions) {
    this.#options = options;
    this.#localLabels = new LocalLabels(options.log);
  }

  /**
   * Replaces what is followed. Every owner is told its groups before this returns: those that stand in the configuration, and those that pollers know
   * already. Pollers whose configuration is the same go on, also when it is another owner's; those that nobody has any more are stopped. An owner that asks the
   * same place in another way starts with its own targets of before. One that is not named is forgotten without a word.
   */
  apply(owners: ReadonlyMap<string, readonly DiscoveryConfig[]>): void {
    const [before, ownersBefore] = [this.#pollers, this.#owners];
    const fresh: Poller[] = [];
    this.#forgetOwners();
    this.#pollers = new Map();
    for (const [name, configs] of owners) {
      const own = ownersBefore.get(name)?.entries ?? [];
      this.#addOwner(
        name,
        configs.map((config) => this.#entryOf(config, { pollers: before, own }, fresh)),
      );
    }
    const kept = new Set(pollersOf(this.#pollers));
    for (const poller of pollersOf(before)) if (!kept.has(poller)) poller.stop();
    for (const [name, owner] of this.#owners) this.#options.onGroups(name, this.#groupsOf(name, owner));
    for (const poller of fresh) poller.start();
  }

  /** How the entries of an owner are doing, in the order of its configuration; empty for one that is not known. */
  statuses(owner: string): readonly DiscoveryStatus[] {
    return (this.#owners.get(owner)?.entries ?? []).map((entry) => entry.status());
  }

  /** Stops all of them: no more calls of `onGroups`, no timer, watcher or request stays. */
  stop(): void {
    this.#forgetOwners();
    for (const poller of pollersOf(this.#pollers)) poller.stop();
    this.#pollers = new Map();
  }

  #forgetOwners(): void {
    for (const [name, owner] of this.#owners) {
      owner.pace.rest();
      for (const entry of owner.entries) if (entry instanceof Poller) entry.listeners.delete(owner.onChange);
      removeOwnerMetrics(this.#options.metrics, name);
    }
    this.#owners = new Map();
    this.#localLabels.forget();
  }

  #addOwner(name: string, entries: readonly Entry[]): void {
    const pace = new Pace(this.#options.clock, () =>
      this.#options.onGroups(name, this.#groupsOf(name, owner)),
    );
    const owner: Owner = { entries, pace, onChange: (first) => pace.ask(first) };
    for (const entry of entries) if (entry instanceof Poller) entry.listeners.add(owner.onChange);
    this.#owners.set(name, owner);
    addOwnerMetrics(this.#options.metrics, name, entries);
  }

  #groupsOf(name: string, { entries }: Owner): readonly TargetGroup[] {
    return entries.flatMap((entry) =>
      entry instanceof Poller ? this.#localLabels.off(name, entry) : entry.groups,
    );
  }

  #entryOf(config: DiscoveryConfig, before: Before, fresh: Poller[]): Entry {
    if (config.kind === 'static') return createStaticEntry(config, this.#options.clock);
    const key = keyOf(config);
    const shared = this.#pollers.get(key)?.find((other) => sameValue(other.config, config));
    if (shared !== undefined) return shared.poller;
    const old = before.pollers.get(key);
    // Not that of another owner: what a place says may depend on who asks it.
    const own = old?.find(({ poller }) => before.own.includes(poller));
    const known = old?.find((other) => sameValue(other.config, config)) ?? {
      config,
      poller: this.#pollerOf(config, own?.poller),
    };
    if (!old?.includes(known)) fresh.push(known.poller);
    this.#pollers.set(key, [...(this.#pollers.get(key) ?? []), known]);
    return known.poller;
  }

  #pollerOf(config: PolledConfig, before: Poller | undefined): Poller {
    const { clock, log, metrics } = this.#options;
    const { kind, refreshMs } = config;
    return new Poller({
      kind,
      what: whatOf(config),
      refreshMs,
      createSource: (onEvent) => this.#sourceOf(config, onEvent),
      before,
      clock,
      log: log.child({ kind }),
      metrics: kindMetrics(metrics, kind),
    });
  }

  #sourceOf(config: PolledConfig, onEvent: () => void): Source {
    const { clock, log, createHttpClient, resolver } = this.#options;
    if (config.kind === 'http') return new HttpSource(config, createHttpClient);
    if (config.kind === 'dns') return new DnsSource(config, resolver);
    return new FileSource(config, { clock, log, onEvent });
  }
}

function* pollersOf(pollers: Pollers): Generator<Poller> {
  for (const list of pollers.values()) for (const { poller } of list) yield poller;
}

/** What is asked, whatever the interval and the credentials. */
function keyOf(config: PolledConfig): string {
  if (config.kind === 'http') return JSON.stringify([config.kind, config.url]);
  if (config.kind === 'file') return JSON.stringify([config.kind, config.files]);
  return JSON.stringify([config.kind, config.type, config.port, config.names]);
}

function whatOf(config: PolledConfig): string {
  if (config.kind === 'http') return redactUrl(config.url);
  return config.kind === 'file' ? config.files.join(', ') : `${config.type} ${config.names.join(', ')}`;
}
