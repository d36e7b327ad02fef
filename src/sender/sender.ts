import type { Clock, Logger, Metrics } from '../lib/index.js';
import type { HttpClient, HttpClientOptions } from '../net/index.js';
import type { BlockSource } from './block-source.js';
import type { Destination } from './destination.js';
import { DestinationSender } from './destination-sender.js';
import type { DestinationStatus } from './status.js';

/** What a sender needs. */
export interface SenderSetUp {
  destinations: readonly Destination[];
  buffer: BlockSource;
  createHttpClient: (options: HttpClientOptions) => HttpClient;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
}

/** How a sender ended, in samples over all destinations. */
export interface SenderResult {
  /** Accepted by their receiver since start. */
  successCount: number;
  /** Refused, or dropped by a limit, since start. */
  failedCount: number;
  /** Still in the buffer. */
  pendingCount: number;
}

/** Sends what the buffer holds to the destinations, from the moment it is created. */
export interface Sender {
  /** What there is to know of each destination, in the order of the configuration. */
  status(): DestinationStatus[];
  /** Not ready while a destination has had data pending and no 2xx for two minutes; a sentence for each. */
  ready(): { ready: boolean; reasons: readonly string[] };
  /**
   * Sends for `drainMs` more, has the buffer commit what is left, then goes on for at most the request timeout, and 10 s. Ends sooner when nothing is
   * left, or when what is left cannot be sent: a receiver that failed is asked once more. What the block stage still holds must be flushed before;
   * the buffer stays open.
   */
  stop(options: { drainMs: number }): Promise<SenderResult>;
}

const MAX_LAST_SENDING_MS = 10_000;

/** Creates the sender of these destinations, and begins to send. */
export function createSender(setUp: SenderSetUp): Sender {
  const { destinations, buffer, clock, createHttpClient } = setUp;
  const outlets = destinations.map((destination) => {
    const client = createHttpClient({ ...destination.http, keepAlive: true, followRedirects: true });
    return {
      destination,
      client,
      sender: new DestinationSender({ ...setUp, destination, client, queue: buffer }),
    };
  });
  for (const { sender } of outlets) sender.start();
  buffer.onPush(() => {
    for (const { sender } of outlets) sender.wake();
  });
  const status = () => outlets.map(({ sender }) => sender.status());
  return {
    status,
    ready() {
      const late = outlets.filter(({ sender }) => sender.isLate);
      return {
        ready: late.length === 0,
        reasons: late.map(({ sender }) => whyLate(sender.status(), sender.waitedMs())),
      };
    },
    async stop({ drainMs }) {
      for (const { sender } of outlets) sender.beginStop();
      const ended = Promise.all(outlets.map(({ sender }) => sender.done));
      await settledWithin(clock, drainMs, ended);
      await buffer.commit();
      const deadlines = outlets.map(({ destination, sender }) =>
        clock.after(Math.min(destination.timeoutMs, MAX_LAST_SENDING_MS), () => sender.abort()),
      );
      await ended;
      for (const deadline of deadlines) deadline.cancel();
      for (const { client } of outlets) client.close();
      return resultOf(status());
    },
  };
}

function whyLate({ name, url, pendingSamples, lastError }: DestinationStatus, waitedMs: number): string {
  const since = `${pendingSamples} samples pending, nothing accepted for ${Math.round(waitedMs / 1000)} s`;
  return `destination ${name} (${url}): ${since}; last error: ${lastError ?? 'none'}`;
}

function resultOf(status: readonly DestinationStatus[]): SenderResult {
  const sum = (of: (destination: DestinationStatus) => number) =>
    status.reduce((total, destination) => total + of(destination), 0);
  return {
    successCount: sum(({ sentSamples }) => sentSamples),
    failedCount: sum(({ failedSamples }) => failedSamples),
    pendingCount: sum(({ pendingSamples }) => pendingSamples),
  };
}

/** Waits for the promise, at most for so long. */
function settledWithin(clock: Clock, ms: number, promise: Promise<unknown>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, resolve);
    promise.then(() => {
      timer.cancel();
      resolve();
    }, reject);
  });
}
