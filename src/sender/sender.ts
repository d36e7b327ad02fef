import { type Clock, type Logger, type Metrics, sameValue } from '../lib/index.js';
import type { MetricMetadata } from '../model/index.js';
import type { HttpClient, HttpClientOptions } from '../net/index.js';
import type { BlockSource } from './block-source.js';
import type { Destination } from './destination.js';
import { DestinationSender } from './destination-sender.js';
import { removeDestinationMetrics } from './metrics.js';
import type { DestinationStatus } from './status.js';

/** What a sender needs. */
export interface SenderSetUp {
  destinations: readonly Destination[];
  buffer: BlockSource;
  /** What is known of metric families now; the same family may come many times. */
  metadata: () => Iterable<MetricMetadata>;
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
  /**
   * From now on sends to these destinations and no others. One that is equal to the one of its name goes on with its connection and its waiting time;
   * one that changed or goes finishes the request in flight, for at most 5 s. What is pending stays in the buffer, by name.
   */
  apply(destinations: readonly Destination[]): void;
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

/** A removed or changed destination may finish the request that is in flight, for so long. */
const RETIRE_MS = 5000;

/** Creates the sender of these destinations, and begins to send. */
export function createSender(setUp: SenderSetUp): Sender {
  return new ReplicatingSender(setUp);
}

/** A destination at work. */
interface Outlet {
  destination: Destination;
  client: HttpClient;
  sender: DestinationSender;
  /** Settles when it has ended. */
  done: Promise<unknown>;
}

class ReplicatingSender implements Sender {
  readonly #setUp: SenderSetUp;
  #outlets = new Map<string, Outlet>();
  /** By name, those before that have a last request in flight. */
  readonly #retiring = new Map<string, Promise<void>>();
  readonly #goneNames = new Set<string>();
  /** What the destinations that are gone had come to, in samples. */
  readonly #gone = { sent: 0, failed: 0 };

  constructor(setUp: SenderSetUp) {
    this.#setUp = setUp;
    this.apply(setUp.destinations);
    setUp.buffer.onPush(() => {
      for (const { sender } of this.#outlets.values()) sender.wake();
    });
  }

  status(): DestinationStatus[] {
    return [...this.#outlets.values()].map(({ sender }) => sender.status());
  }

  ready(): { ready: boolean; reasons: readonly string[] } {
    const late = [...this.#outlets.values()].filter(({ sender }) => sender.isLate);
    return {
      ready: late.length === 0,
      reasons: late.map(({ sender }) => whyLate(sender.status(), sender.waitedMs())),
    };
  }

  apply(destinations: readonly Destination[]): void {
    const wanted = new Map(destinations.map((destination) => [destination.name, destination]));
    const before = this.#outlets;
    this.#outlets = new Map();
    const isKept = ({ destination }: Outlet) => sameReceiver(destination, wanted.get(destination.name));
    for (const outlet of before.values()) if (!isKept(outlet)) this.#retire(outlet);
    for (const [name, destination] of wanted) {
      const outlet = before.get(name);
      this.#outlets.set(name, outlet !== undefined && isKept(outlet) ? outlet : this.#open(destination));
    }
  }

  async stop({ drainMs }: { drainMs: number }): Promise<SenderResult> {
    const { clock, buffer } = this.#setUp;
    const outlets = [...this.#outlets.values()];
    for (const { sender } of outlets) sender.beginStop();
    const ended = Promise.all([...outlets.map(({ done }) => done), ...this.#retiring.values()]);
    await settledWithin(clock, drainMs, ended);
    await buffer.commit();
    const deadlines = outlets.map(({ destination, sender }) =>
      clock.after(Math.min(destination.timeoutMs, MAX_LAST_SENDING_MS), () => sender.abort()),
    );
    await ended;
    for (const deadline of deadlines) deadline.cancel();
    for (const { client } of outlets) client.close();
    return this.#result();
  }

  /** Begins to send to a destination, once the last request of the one before it of its name has ended: fifo means one at a time. */
  #open(destination: Destination): Outlet {
    const { buffer, createHttpClient } = this.#setUp;
    const { name } = destination;
    const client = createHttpClient({ ...destination.http, keepAlive: true });
    const sender = new DestinationSender({ ...this.#setUp, destination, client, queue: buffer });
    if (this.#goneNames.delete(name)) this.#gone.failed -= buffer.stats(name).droppedSamples;
    const start = () => {
      sender.start();
      return sender.done;
    };
    return { destination, client, sender, done: this.#retiring.get(name)?.then(start) ?? start() };
  }

  #retire({ destination: { name }, client, sender, done }: Outlet): void {
    sender.retire();
    const late = this.#setUp.clock.after(RETIRE_MS, () => sender.abort());
    const retired = done.then(() => {
      late.cancel();
      client.close();
      if (this.#retiring.get(name) === retired) this.#retiring.delete(name);
      if (!this.#outlets.has(name)) this.#forget(name, sender.status());
    });
    this.#retiring.set(name, retired);
  }

  #forget(name: string, { sentSamples, failedSamples }: DestinationStatus): void {
    this.#gone.sent += sentSamples;
    this.#gone.failed += failedSamples;
    this.#goneNames.add(name);
    removeDestinationMetrics(this.#setUp.metrics, name);
  }

  #result(): SenderResult {
    const status = this.status();
    const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
    const left = [...this.#goneNames].map((name) => this.#setUp.buffer.stats(name).samples);
    return {
      successCount: this.#gone.sent + sum(status.map(({ sentSamples }) => sentSamples)),
      failedCount: this.#gone.failed + sum(status.map(({ failedSamples }) => failedSamples)),
      pendingCount: sum([...left, ...status.map(({ pendingSamples }) => pendingSamples)]),
    };
  }
}

/** Whether requests go to the same place in the same way. How blocks are made is the block stage's. */
function sameReceiver(a: Destination, b: Destination | undefined): boolean {
  return b !== undefined && sameValue(asSent(a), asSent(b));
}

function asSent(destination: Destination): Partial<Destination> {
  const { batchSize, flushIntervalMs, relabel, sendExemplars, sendNativeHistograms, ...rest } = destination;
  return rest;
}

function whyLate({ name, url, pendingSamples, lastError }: DestinationStatus, waitedMs: number): string {
  const since = `${pendingSamples} samples pending, nothing accepted for ${Math.round(waitedMs / 1000)} s`;
  return `destination ${name} (${url}): ${since}; last error: ${lastError ?? 'none'}`;
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
