import { type Cell, type Clock, errorLine, formatSize, type Logger, type Metrics } from '../lib/index.js';
import type { BufferOptions } from './options.js';

/** What can fail on its own: a full disk is read all the same. */
export type Operation = 'open' | 'read' | 'write' | 'remove';

/** While the disk fails, how long to wait before trying again; for a file that cannot even be opened it doubles up to the second. */
const RETRY_MS = 5000;
const MAX_RETRY_MS = 20_000;
/** A disk that has not answered for so long stalls. */
const STALL_MS = 5000;

interface DiskHealthSetUp {
  directory: string;
  options: () => BufferOptions;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  /** Called when the disk works again. */
  onRecovery: () => void;
}

/** Whether the disk works. Each change is said once, each failure counted. */
export class DiskHealth {
  readonly #setUp: DiskHealthSetUp;
  readonly #errors: Cell;
  readonly #faults = new Set<Operation>();
  #waitMs = RETRY_MS;
  #retryAtMs = -Infinity;
  #stalls = 0;
  readonly #impatient = new Set<() => void>();

  constructor(setUp: DiskHealthSetUp) {
    this.#setUp = setUp;
    this.#errors = setUp.metrics.counter(
      'sentinel_buffer_disk_errors_total',
      'Operations on the file that failed, or had no answer within 5 s.',
    );
    setUp.metrics.gaugeOf(
      'sentinel_buffer_disk_healthy',
      '1 while the file can be read and written, else 0.',
      () => (this.#faults.size > 0 || this.isStalled ? 0 : 1),
    );
  }

  /** Whether blocks could not be written the last time. */
  get isFailing(): boolean {
    return this.#faults.has('open') || this.#faults.has('write');
  }

  /** Whether the file may be opened now: not again and again while that fails. */
  get mayOpen(): boolean {
    return !this.#faults.has('open') || this.restMs === 0;
  }

  /** Whether this failed the last time. */
  hasFault(operation: Operation): boolean {
    return this.#faults.has(operation);
  }

  /** Whether anything failed the last time. */
  get hasFaults(): boolean {
    return this.#faults.size > 0;
  }

  /** Whether the disk has been silent for longer than `STALL_MS`. */
  get isStalled(): boolean {
    return this.#stalls > 0;
  }

  /** When a disk that takes no blocks is tried again, on the monotonic clock; `-Infinity` when it takes them. */
  get retryAtMs(): number {
    return this.isFailing ? this.#retryAtMs : -Infinity;
  }

  /** The same for a disk on which anything failed; `Infinity` when all works. */
  get checkAtMs(): number {
    return this.hasFaults ? this.#retryAtMs : Infinity;
  }

  /** Milliseconds until a failing disk is tried again; 0 when it may be tried now. */
  get restMs(): number {
    return Math.max(0, this.retryAtMs - this.#setUp.clock.monotonic());
  }

  failed(operation: Operation, error: unknown): void {
    const { log, clock, directory } = this.#setUp;
    this.#errors.inc();
    this.#waitMs = operation === 'open' ? Math.min(2 * this.#waitMs, MAX_RETRY_MS) : RETRY_MS;
    this.#retryAtMs = clock.monotonic() + (this.#faults.has('open') ? this.#waitMs : RETRY_MS);
    const said = this.hasFaults;
    this.#faults.add(operation);
    if (said) return;
    const verb = operation === 'read' ? 'read' : 'write';
    log.error(
      { error: errorLine(error), operation },
      `Cannot ${verb} the buffer in "${directory}": ${errorLine(error)}; ${this.#meanwhile()}`,
    );
  }

  succeeded(operation: Operation): void {
    if (!this.#faults.delete(operation)) return;
    this.#waitMs = RETRY_MS;
    if (this.hasFaults) return;
    this.#setUp.log.info('The buffer can be read and written again');
    this.#setUp.onRecovery();
  }

  /** A broken file: counted only, for whoever sets it aside says more. */
  countError(): void {
    this.#errors.inc();
  }

  /** Waits for the disk; when that takes long, says so. */
  async watch<T>(work: Promise<T>): Promise<T> {
    const { clock, log } = this.#setUp;
    const startMs = clock.monotonic();
    let stalled = false;
    const timer = clock.after(STALL_MS, () => {
      stalled = true;
      this.#stalled();
    });
    try {
      return await work;
    } finally {
      timer.cancel();
      if (stalled) {
        this.#stalls--;
        const seconds = Math.round((clock.monotonic() - startMs) / 100) / 10;
        log.info({ seconds }, `The disk answered again, after ${seconds} s`);
        this.#setUp.onRecovery();
      }
    }
  }

  /** What `work` gives, or `undefined` as soon as the disk stalls; the work goes on, with nobody who waits for it. */
  orStall<T>(work: Promise<T>, onStall?: () => void): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        onStall?.();
        resolve(undefined);
      };
      this.#impatient.add(giveUp);
      work.then(resolve, reject).finally(() => this.#impatient.delete(giveUp));
      if (this.isStalled) giveUp();
    });
  }

  #stalled(): void {
    const { log, directory } = this.#setUp;
    this.#stalls++;
    this.#errors.inc();
    log.error(
      { directory },
      `The disk under "${directory}" has not answered for ${STALL_MS / 1000} s; ${this.#meanwhile()}`,
    );
    for (const giveUp of this.#impatient) giveUp();
  }

  #meanwhile(): string {
    const memory = formatSize(this.#setUp.options().maxMemoryBytes);
    return `samples are kept in memory, at most ${memory} (buffer.max_memory), until it works again`;
  }
}
