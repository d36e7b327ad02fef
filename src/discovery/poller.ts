import {
  type Clock,
  errorLine,
  formatDuration,
  type Logger,
  SentinelError,
  sameValue,
  Throttle,
  type Timer,
} from '../lib/index.js';
import { countTargets, type Entry } from './entry.js';
import type { KindMetrics } from './metrics.js';
import type { Answer, Source } from './source.js';
import type { DiscoveryStatus } from './status.js';
import type { TargetGroup } from './target-group.js';

/** Equal log lines are this far apart. */
const QUIET_MS = 300_000;

/** Errors of one reading that are shown; a folder may hold thousands of broken files. */
const SHOWN_ERRORS = 3;

type Parts = ReadonlyMap<string, readonly TargetGroup[]>;

/** What a poller is made of. */
export interface PollerOptions {
  kind: DiscoveryStatus['kind'];
  /** What it asks, for people: without secrets. */
  what: string;
  refreshMs: number;
  /** Makes the source; `onEvent` tells that an answer would be another one now. */
  createSource: (onEvent: () => void) => Source;
  /** Asked the same with other options, and stops now: what it knows is the last good answer of this one. */
  before: Poller | undefined;
  clock: Clock;
  log: Logger;
  metrics: KindMetrics;
}

/** An entry that asks its source at once and then every `refreshMs`, keeps the last good answer of each part, and tells when targets have changed. */
export class Poller implements Entry {
  /** Told when the groups are others; `first` with those of the first answer that is good at least in parts. */
  readonly listeners = new Set<(first: boolean) => void>();
  groups: readonly TargetGroup[] = [];
  readonly #options: Omit<PollerOptions, 'before' | 'createSource'>;
  readonly #source: Source;
  readonly #throttle: Throttle;
  #parts: Parts;
  #lastSuccessMs: number | undefined;
  #lastError: string | undefined;
  #answered = false;
  #timer: Timer | undefined;
  #reading: AbortController | undefined;
  /** Something happened while it was being read. */
  #again = false;
  #stopped = false;

  constructor({ before, createSource, ...options }: PollerOptions) {
    this.#options = options;
    this.#throttle = new Throttle(QUIET_MS, () => options.clock.monotonic());
    this.#parts = before?.parts ?? new Map();
    this.groups = before?.groups ?? [];
    this.#lastSuccessMs = before?.status().lastSuccessMs;
    this.#source = createSource(() => this.#refresh());
  }

  /** The last good groups of each part. */
  get parts(): Parts {
    return this.#parts;
  }

  /** Asks for the first time. */
  start(): void {
    this.#refresh();
  }

  /** Ends what is under way; listeners hear nothing more. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#timer?.cancel();
    this.#reading?.abort(new SentinelError('SEN_NET', 'this discovery is no longer configured'));
    this.#source.close();
  }

  status(): DiscoveryStatus {
    const { kind, what } = this.#options;
    const targets = countTargets(this.groups);
    return { kind, what, targets, lastSuccessMs: this.#lastSuccessMs, lastError: this.#lastError };
  }

  #refresh(): void {
    if (this.#stopped) return;
    this.#again = this.#reading !== undefined;
    if (this.#again) return;
    this.#timer?.cancel();
    void this.#read();
  }

  /** One reading, and the timer for the next: planned by the start of this one, as a ticker does. */
  async #read(): Promise<void> {
    const { clock, metrics, refreshMs } = this.#options;
    const startedMs = clock.monotonic();
    const outcome = await this.#ask();
    this.#reading = undefined;
    if (this.#stopped) return;
    metrics.refreshes.inc();
    metrics.seconds.inc((clock.monotonic() - startedMs) / 1000);
    this.#take(outcome instanceof Error ? this.#failed(outcome) : outcome);
    if (this.#stopped) return;
    const waitMs = this.#again ? 0 : Math.max(0, startedMs + refreshMs - clock.monotonic());
    this.#again = false;
    this.#timer = clock.after(waitMs, () => this.#refresh());
  }

  async #ask(): Promise<Answer | Error> {
    const { timeoutMs } = this.#source;
    const reading = new AbortController();
    this.#reading = reading;
    const late = () =>
      new SentinelError(
        'SEN_NET',
        `no whole answer of ${this.#options.what} within ${formatDuration(timeoutMs!)}`,
      );
    const timer = timeoutMs && this.#options.clock.after(timeoutMs, () => reading.abort(late()));
    try {
      return await this.#source.read(reading.signal);
    } catch (error) {
      return error as Error;
    } finally {
      if (timer) timer.cancel();
    }
  }

  /** All of it failed: each part keeps what it has. */
  #failed(error: Error): Answer {
    const known = new SentinelError(
      error instanceof SentinelError ? error.code : 'SEN_DISCOVERY',
      error.message,
      error.cause === undefined ? {} : { cause: error.cause },
    );
    return new Map<string, readonly TargetGroup[] | SentinelError>([
      ...this.#parts,
      [this.#options.what, known],
    ]);
  }

  #take(answer: Answer): void {
    const errors: SentinelError[] = [];
    const parts = new Map<string, readonly TargetGroup[]>();
    for (const [part, outcome] of answer) {
      const before = this.#parts.get(part);
      if (outcome instanceof SentinelError) errors.push(outcome);
      else if (before === undefined || !sameValue(before, outcome)) parts.set(part, outcome);
      if (before !== undefined && !parts.has(part)) parts.set(part, before);
    }
    this.#judge(errors);
    const changed =
      parts.size !== this.#parts.size ||
      [...parts].some(([part, groups]) => this.#parts.get(part) !== groups);
    const first = !this.#answered;
    this.#answered ||= changed || errors.length === 0;
    if (!changed) return;
    this.#parts = parts;
    this.groups = [...parts.values()].flat();
    for (const listener of this.listeners) listener(first);
  }

  /** Remembers, counts and logs how it went. */
  #judge(errors: readonly SentinelError[]): void {
    const { clock, log, metrics, what } = this.#options;
    const [worst] = errors;
    if (worst === undefined) {
      if (this.#lastError !== undefined) log.info({ what }, 'discovery works again');
      this.#throttle.forget('failed');
      this.#lastSuccessMs = clock.now();
      this.#lastError = undefined;
      return;
    }
    for (const error of errors) metrics.failure(error.code).inc();
    const lines = errors.slice(0, SHOWN_ERRORS).map(errorLine);
    if (errors.length > lines.length) lines.push(`and ${errors.length - lines.length} more`);
    this.#lastError = lines.join('; ');
    const held = this.#throttle.pass('failed');
    if (held !== undefined)
      log.warn({ what, error: this.#lastError, held }, 'discovery fails; the last good targets stay');
  }
}
