import type { Clock } from '../lib/index.js';
import type { Address } from './resolver.js';

/** What is remembered of one name. */
interface Entry {
  /** Empty: there is no such name. */
  addresses: readonly Address[];
  /** Good until then; monotonic ms. */
  freshUntilMs: number;
  /** When it was learned; monotonic ms. */
  learnedMs: number;
}

const MAX_NAMES = 10_000;
const MIN_FRESH_MS = 1000;
const MAX_FRESH_MS = 3_600_000;
const NEGATIVE_MS = 5000;
/** A last good answer is used this long (RFC 8767, section 5: one to three days). */
const MAX_STALE_MS = 86_400_000;
/** After a failure the last good answer serves this long before the servers are asked again (RFC 8767, section 5: 30 s). */
const RECHECK_MS = 30_000;

/** Answers by name and family. Bounded; the names asked for longest ago go first. */
export class NameCache {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The answer while it is fresh; an empty one says that there is no such name. */
  fresh(key: string): readonly Address[] | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.freshUntilMs <= this.#clock.monotonic()) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.addresses;
  }

  /** The last good answer, however old within bounds. */
  lastGood(key: string): readonly Address[] | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.addresses.length === 0) return undefined;
    return this.#clock.monotonic() - entry.learnedMs <= MAX_STALE_MS ? entry.addresses : undefined;
  }

  /** Keeps an answer for its time to live; an empty one briefly. */
  learn(key: string, addresses: readonly Address[], ttlSeconds: number): void {
    const now = this.#clock.monotonic();
    const ttlMs = Math.min(Math.max(ttlSeconds * 1000, MIN_FRESH_MS), MAX_FRESH_MS);
    this.#entries.delete(key);
    this.#entries.set(key, {
      addresses,
      freshUntilMs: now + (addresses.length === 0 ? NEGATIVE_MS : ttlMs),
      learnedMs: now,
    });
    if (this.#entries.size > MAX_NAMES) this.#entries.delete(this.#entries.keys().next().value!);
  }

  /** The servers failed: the last good answer is as good as fresh until they are asked again. */
  prolong(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.freshUntilMs = this.#clock.monotonic() + RECHECK_MS;
  }

  /** The servers changed: everything is to be asked again, and is kept as the last good answer. */
  expire(): void {
    for (const entry of this.#entries.values()) entry.freshUntilMs = -Infinity;
  }

  clear(): void {
    this.#entries.clear();
  }
}
