import { type Clock, errorLine, type Logger } from '../lib/index.js';
import type { ToAgent } from './frames.js';

type LogFrame = Extract<ToAgent, { kind: 'log' }>;

/** Lines that a host may log in one second; more are counted and not sent. */
const LINES_PER_SECOND = 100;
/** Longer texts are cut. */
const MAX_TEXT = 4096;

/** What the plugins of a probe host log: goes to the agent, which writes it. A plugin that logs without end costs neither of them much. */
export class HostLog {
  readonly logger: Logger;
  readonly #clock: Clock;
  readonly #send: (frame: LogFrame) => void;
  #secondMs = -Infinity;
  #lines = 0;
  #dropped = 0;

  constructor(clock: Clock, send: (frame: LogFrame) => void) {
    this.#clock = clock;
    this.#send = send;
    this.logger = this.#loggerWith({});
  }

  /** Lines that were not sent since the last call. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  #loggerWith(bound: Record<string, unknown>): Logger {
    const line = (level: LogFrame['level']) => (first: string | object, second?: string) => {
      if (!this.#mayLog()) return;
      const fields = typeof first === 'string' ? bound : { ...bound, ...first };
      const message = String((typeof first === 'string' ? first : second) ?? '').slice(0, MAX_TEXT);
      this.#send({ kind: 'log', level, fields: plain(fields), message });
    };
    return {
      debug: line('debug'),
      info: line('info'),
      warn: line('warn'),
      error: line('error'),
      child: (fields) => this.#loggerWith({ ...bound, ...fields }),
    };
  }

  #mayLog(): boolean {
    const now = this.#clock.monotonic();
    if (now - this.#secondMs >= 1000) {
      this.#secondMs = now;
      this.#lines = 0;
    }
    if (this.#lines < LINES_PER_SECOND) {
      this.#lines++;
      return true;
    }
    this.#dropped++;
    return false;
  }
}

/** Fields as plain data: what a plugin logs may hold anything, and as much as it likes. */
function plain(fields: object): Record<string, unknown> {
  try {
    const text = JSON.stringify(fields);
    if (text.length <= MAX_TEXT) return JSON.parse(text) as Record<string, unknown>;
    return { fields: text.slice(0, MAX_TEXT) };
  } catch (error) {
    return { fields: `not loggable: ${errorLine(error)}` };
  }
}
