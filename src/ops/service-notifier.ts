import { type ChildProcess, spawn } from 'node:child_process';
import { type Clock, errorLine, type Logger, Throttle, type Timer } from '../lib/index.js';

/** Without a watchdog: how often the status line is looked at. */
const STATUS_PERIOD_MS = 30_000;
/** systemd-notify waits until systemd has read the message; when it is too busy for that, the next message must not wait with it. */
const SEND_TIMEOUT_MS = 10_000;
const LOG_PERIOD_MS = 600_000;

/** Tells the service manager how the agent is: sd_notify(3), by the program systemd-notify. Nothing here throws or is waited for. */
export interface ServiceNotifier {
  /** The agent runs. From now on the watchdog is fed and the status line is kept; after `reloading`, says that it is over. */
  ready(): void;
  /** A configuration is being applied; `ready` must follow. */
  reloading(): void;
  /** The agent begins to stop; the watchdog is fed until `close`. */
  stopping(): void;
  /** Nothing more is said, but `status`, when it is given: for a process that cannot end yet. */
  close(status?: string): void;
}

/** What the notifier needs. */
interface ServiceNotifierParts {
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  log: Logger;
  /** One line about the agent, for `systemctl status`. */
  status(): string;
}

/** The service manager of this process: systemd where NOTIFY_SOCKET is set, else nobody. */
export function createServiceNotifier(parts: ServiceNotifierParts): ServiceNotifier {
  return parts.env.NOTIFY_SOCKET ? new SystemdNotifier(parts) : nobody;
}

const nobody: ServiceNotifier = { ready() {}, reloading() {}, stopping() {}, close() {} };

/**
 * The watchdog is fed from a timer of the agent's own event loop and from nothing else: no disk, no receiver and no probe host is asked, so it says that the
 * loop turns, and only that. One systemd-notify runs at a time (`NotifyAccess=all`, as it is a child).
 */
class SystemdNotifier implements ServiceNotifier {
  readonly #parts: ServiceNotifierParts;
  readonly #watchdogMs: number | undefined;
  readonly #throttle: Throttle;
  readonly #waiting: string[][] = [];
  #running: ChildProcess | undefined;
  #timer: Timer | undefined;
  #lastStatus: string | undefined;
  #isStopping = false;

  constructor(parts: ServiceNotifierParts) {
    this.#parts = parts;
    this.#watchdogMs = watchdogPeriodMs(parts.env);
    this.#throttle = new Throttle(LOG_PERIOD_MS, () => parts.clock.monotonic());
  }

  ready(): void {
    this.#send(['READY=1', ...this.#newStatus()]);
    this.#timer ??= this.#nextTick();
  }

  reloading(): void {
    this.#send(['RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`]);
  }

  stopping(): void {
    this.#isStopping = true;
    this.#send(['STOPPING=1', ...this.#newStatus()]);
  }

  close(status?: string): void {
    this.#timer?.cancel();
    if (status !== undefined) this.#send([`STATUS=${status}`]);
  }

  /** Half the time that systemd waits for (sd_watchdog_enabled(3)). */
  #nextTick(): Timer {
    const delayMs = this.#watchdogMs === undefined ? STATUS_PERIOD_MS : this.#watchdogMs / 2;
    return this.#parts.clock.after(delayMs, () => {
      this.#timer = this.#nextTick();
      this.#tick();
    });
  }

  #tick(): void {
    if (this.#waiting.length > 0) return; // systemd is slow to read; a row of pings says no more than one.
    const message = [...(this.#watchdogMs === undefined ? [] : ['WATCHDOG=1']), ...this.#newStatus()];
    if (message.length > 0) this.#send(message);
  }

  #newStatus(): string[] {
    const now = this.#parts.status().replaceAll(/\s+/g, ' ');
    const status = this.#isStopping ? `stopping; ${now}` : now;
    if (status === this.#lastStatus) return [];
    this.#lastStatus = status;
    return [`STATUS=${status}`];
  }

  /** Messages keep their order: READY after RELOADING means something else than before it. */
  #send(message: string[]): void {
    this.#waiting.push(message);
    if (this.#running === undefined) this.#sendNext();
  }

  #sendNext(): void {
    const message = this.#waiting.shift();
    if (message === undefined) return;
    try {
      this.#running = this.#spawn(message);
    } catch (error) {
      this.#onEnd(errorLine(error)); // Without memory for a process spawn throws.
    }
  }

  #spawn(message: string[]): ChildProcess {
    const { NOTIFY_SOCKET, PATH } = this.#parts.env;
    const child = spawn('systemd-notify', message, { env: { NOTIFY_SOCKET, PATH }, stdio: 'ignore' });
    const late = this.#parts.clock.after(SEND_TIMEOUT_MS, () => child.kill('SIGKILL'));
    // Not both: without a start there is no `exit`, and after one an `error` is a kill that failed.
    child.on('error', (error) => {
      if (child.pid !== undefined) return;
      late.cancel();
      this.#onEnd(errorLine(error));
    });
    child.once('exit', (code, signal) => {
      late.cancel();
      this.#onEnd(code === 0 ? '' : `ended with ${signal ?? code}`);
    });
    return child;
  }

  #onEnd(fault: string): void {
    this.#running = undefined;
    if (fault !== '' && this.#throttle.pass('') !== undefined)
      this.#parts.log.error(`cannot tell systemd how the agent is (systemd-notify): ${fault}`);
    this.#sendNext();
  }
}

/** The time within which systemd wants a sign of life; `undefined` when it wants none of this process. */
function watchdogPeriodMs({ WATCHDOG_USEC, WATCHDOG_PID }: ServiceNotifierParts['env']): number | undefined {
  const periodMs = Number(WATCHDOG_USEC) / 1000;
  const isForUs = WATCHDOG_PID === undefined || WATCHDOG_PID === String(process.pid);
  return isForUs && periodMs > 0 ? periodMs : undefined;
}
