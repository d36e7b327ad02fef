import { type Clock, errorLine, type Logger, type Metrics, SentinelError } from '../lib/index.js';
import type { ReadConfig } from './transfer.js';

/** What came of a reload; when it failed, all that is wrong, a line each. */
export type ReloadResult = { ok: true } | { ok: false; lines: readonly string[] };

/** What a reloader needs. */
export interface ReloaderParts {
  /** Reads and checks the file. Throws a ConfigError with all that is wrong. */
  read(signal: AbortSignal): Promise<ReadConfig>;
  /** Makes the agent run it. Throws SEN_CONFIG_INVALID, before anything has changed, when it asks for what cannot change while the agent runs. */
  apply(loaded: ReadConfig): Promise<void>;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
}

/** Of the faults of a file, so many stand in the log. */
const LOGGED_LINES = 50;

/** Reads the configuration again and has it applied, one reload at a time. A file that is wrong changes nothing. */
export class Reloader {
  readonly #parts: ReloaderParts;
  readonly #metrics: ReturnType<typeof reloadMetrics>;
  readonly #closed = new AbortController();
  #running: Promise<ReloadResult> | undefined;
  #next: Promise<ReloadResult> | undefined;

  constructor(parts: ReloaderParts) {
    this.#parts = parts;
    this.#metrics = reloadMetrics(parts.metrics, parts.clock);
  }

  /** Reloads. Asked for while a reload is going on, it begins after that one; all who ask meanwhile share it: it reads the file after the last of them. Never rejects. */
  reload(): Promise<ReloadResult> {
    if (this.#running === undefined) return this.#begin();
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.#begin();
    });
    return this.#next;
  }

  /** No more reloads: one that is reading is broken off, one that is being applied is waited for. */
  async close(): Promise<void> {
    this.#closed.abort(new SentinelError('SEN_CONFIG_INVALID', 'the agent stops'));
    await this.#next;
    await this.#running;
  }

  #begin(): Promise<ReloadResult> {
    this.#running = this.#once().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #once(): Promise<ReloadResult> {
    const { read, apply, clock } = this.#parts;
    const startedMs = clock.monotonic();
    try {
      this.#closed.signal.throwIfAborted();
      const loaded = await read(this.#closed.signal);
      this.#closed.signal.throwIfAborted();
      await apply(loaded);
      this.#succeeded(loaded, clock.monotonic() - startedMs);
      return { ok: true };
    } catch (error) {
      return this.#failed(error);
    }
  }

  #succeeded({ config }: ReadConfig, tookMs: number): void {
    const { log, clock } = this.#parts;
    this.#metrics.succeeded(clock);
    const { tasks, destinations, file } = config;
    const counts = { tasks: tasks.length, destinations: destinations.length };
    log.info({ config: file, ...counts, duration_ms: Math.round(tookMs) }, 'Configuration reloaded');
    for (const warning of config.warnings) log.warn(warning);
  }

  #failed(error: unknown): ReloadResult {
    const { log } = this.#parts;
    if (this.#closed.signal.aborted) return { ok: false, lines: ['the agent stops'] };
    this.#metrics.failed();
    const known = error instanceof SentinelError && error.code !== 'SEN_BUG';
    const lines = known ? linesOf(error) : [`internal error: ${errorLine(error)}`];
    if (!known)
      log.error({ err: error instanceof Error ? error.stack : error }, 'internal error in a reload');
    log.error({ faults: lines.length }, 'Configuration not reloaded, the old one goes on');
    for (const line of lines.slice(0, LOGGED_LINES)) log.error(line);
    if (lines.length > LOGGED_LINES)
      log.error(`${lines.length - LOGGED_LINES} more faults; sentinel check names them`);
    return { ok: false, lines };
  }
}

const linesOf = (error: SentinelError): readonly string[] =>
  'lines' in error && Array.isArray(error.lines) ? error.lines.map(String) : [errorLine(error)];

function reloadMetrics(metrics: Metrics, clock: Clock) {
  const successful = metrics.gauge(
    'sentinel_config_last_reload_successful',
    '1 when the last reload of the configuration was applied, or none was asked for; 0 when it was refused.',
  );
  const lastSuccess = metrics.gauge(
    'sentinel_config_last_reload_success_timestamp_seconds',
    'When the present configuration was applied, seconds since 1970.',
  );
  const reloads = metrics.family('counter', 'sentinel_config_reloads_total', 'Reloads, by result.');
  const [good, bad] = [reloads.with({ result: 'success' }), reloads.with({ result: 'failure' })];
  successful.set(1);
  lastSuccess.set(clock.now() / 1000);
  return {
    succeeded(now: Clock): void {
      good.inc();
      successful.set(1);
      lastSuccess.set(now.now() / 1000);
    },
    failed(): void {
      bad.inc();
      successful.set(0);
    },
  };
}
