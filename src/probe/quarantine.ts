import type { Clock } from '../lib/index.js';
import type { HostLimits } from './host-limits.js';

/** Deaths within the window after which the plugins of a shared host are told apart. */
const SHARED_DEATHS = 2;
const MAX_DOUBLINGS = 4;

/** What is done after a probe host died. */
export type Verdict =
  | { kind: 'go_on' }
  /** Each of these plugins gets a host of its own. */
  | { kind: 'part'; plugins: readonly string[] }
  /** The plugin is left out for a while. */
  | { kind: 'set_aside'; plugin: string; forMs: number };

/** The host of a lane that died by its own doing. */
export interface Death {
  lane: string;
  /** Plugins that have tasks in it. */
  plugins: readonly string[];
  /** Those of them that ran when it died. */
  running: readonly string[];
}

/**
 * Decides what happens when probe hosts keep dying. A host that has one plugin needs no detective: after some deaths the plugin is set aside, and
 * tried again later, each time with less patience. A host that several plugins share says nothing certain: after its second death those that ran get
 * hosts of their own (all, when none ran), where the next death has one culprit and the others go on.
 */
export class Quarantine {
  readonly #clock: Clock;
  readonly #limits: HostLimits;
  readonly #deaths = new Map<string, number[]>();
  /** How often a plugin was set aside, and when it came back last. */
  readonly #record = new Map<string, { times: number; backMs: number }>();

  constructor(clock: Clock, limits: HostLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** What is to be done now. */
  judge({ lane, plugins, running }: Death): Verdict {
    const [only] = plugins;
    if (only === undefined) return { kind: 'go_on' };
    if (plugins.length === 1) return this.#judgeAlone(only);
    if (this.#count(`lane ${lane}`) < SHARED_DEATHS) return { kind: 'go_on' };
    this.#deaths.delete(`lane ${lane}`);
    return { kind: 'part', plugins: running.length > 0 ? running : plugins };
  }

  #judgeAlone(plugin: string): Verdict {
    const { deaths, windowMs, setAsideMs } = this.#limits;
    const now = this.#clock.monotonic();
    const record = this.#record.get(plugin);
    const onProbation = record !== undefined && now - record.backMs <= windowMs;
    if (this.#count(`plugin ${plugin}`) < (onProbation ? 1 : deaths)) return { kind: 'go_on' };
    this.#deaths.delete(`plugin ${plugin}`);
    const times = onProbation ? record.times + 1 : 0;
    const forMs = setAsideMs * 2 ** Math.min(times, MAX_DOUBLINGS);
    this.#record.set(plugin, { times, backMs: now + forMs });
    return { kind: 'set_aside', plugin, forMs };
  }

  /** Notes a death, and gives how many there were within the window. */
  #count(key: string): number {
    const now = this.#clock.monotonic();
    const recent = (this.#deaths.get(key) ?? []).filter((ms) => now - ms <= this.#limits.windowMs);
    recent.push(now);
    this.#deaths.set(key, recent);
    return recent.length;
  }
}
