import { type Clock, type Logger, type Metrics, redactUrl } from '../lib/index.js';
import type { Block, MetricMetadata } from '../model/index.js';
import type { HttpClient } from '../net/index.js';
import { type Answer, judgeError, judgeResponse } from './answer.js';
import type { BlockSource, PendingBlock } from './block-source.js';
import type { Destination } from './destination.js';
import { Health } from './health.js';
import { MetadataSender } from './metadata-sender.js';
import { type DestinationMetrics, destinationMetrics } from './metrics.js';
import { redactorOf } from './redactor.js';
import { isCut, postWriteRequest } from './remote-write.js';
import { Signal } from './signal.js';
import type { DestinationStatus } from './status.js';

/** What a destination's sender needs. */
interface DestinationSenderSetUp {
  destination: Destination;
  /** Where the blocks come from. */
  queue: BlockSource;
  /** What is known of metric families now. */
  metadata: () => Iterable<MetricMetadata>;
  client: HttpClient;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
}

/** A road of blocks to a receiver: one request in flight. The leader is the one that asks a receiver that failed. */
interface Lane {
  end: 'oldest' | 'fresh';
  leads: boolean;
  signal: Signal;
}

/** Data that has been pending without a 2xx for so long is late. */
const LATE_MS = 120_000;
/** Characters of what a receiver says that are shown: as many as Prometheus shows. */
const MAX_WORDS = 1024;

/** Sends the blocks of one destination until it is stopped. */
export class DestinationSender {
  readonly #setUp: DestinationSenderSetUp;
  readonly #health: Health;
  readonly #metrics: DestinationMetrics;
  readonly #redact: (text: string) => string;
  readonly #lanes: readonly Lane[];
  readonly #metadata: MetadataSender;
  readonly #abort = new AbortController();
  #done: Promise<unknown> = Promise.resolve();
  #stopping = false;
  #gaveUp = false;
  #leaderEnded = false;
  /** Since when data has been pending without a 2xx; monotonic. */
  #waitingSinceMs: number | undefined;

  constructor(setUp: DestinationSenderSetUp) {
    this.#setUp = setUp;
    const { destination, queue } = setUp;
    this.#health = new Health({ ...setUp, pendingSamples: () => queue.stats(destination.name).samples });
    this.#metrics = destinationMetrics(setUp.metrics, destination.name, () => this.#isHealthy);
    this.#redact = redactorOf(destination);
    const ends = destination.order === 'fifo' ? (['oldest'] as const) : (['fresh', 'oldest'] as const);
    this.#lanes = ends.map((end, i) => ({ end, leads: i === 0, signal: new Signal() }));
    const clean = (answer: Answer) => this.#clean(answer);
    this.#metadata = new MetadataSender({ ...setUp, isHealthy: () => this.#isHealthy, clean });
  }

  /** Begins to send, until `beginStop` or `retire`. */
  start(): void {
    if (this.#gaveUp) return;
    if (this.#pendingBlocks() > 0) this.#waitingSinceMs = this.#setUp.clock.monotonic();
    this.#done = Promise.all(this.#lanes.map((lane) => this.#run(lane)));
    this.#metadata.start();
  }

  /** Settles when every lane has ended. */
  get done(): Promise<unknown> {
    return this.#done;
  }

  /** There is something new to send. */
  wake(): void {
    if (this.#pendingBlocks() > 0) this.#waitingSinceMs ??= this.#setUp.clock.monotonic();
    for (const lane of this.#lanes) lane.signal.tell();
  }

  /** From now on ends when nothing is left or a request fails; a receiver that failed is asked once more. */
  beginStop(): void {
    this.#stopping = true;
    this.#metadata.stop();
    this.#health.hurry();
    this.wake();
  }

  /** Ends after the request that is in flight: what is pending is left to whoever comes after. */
  retire(): void {
    this.#gaveUp = true;
    this.#metadata.stop();
    this.wake();
  }

  /** Cuts what is in flight: its blocks stay pending. */
  abort(): void {
    this.#gaveUp = true;
    this.#metadata.stop();
    this.#abort.abort(new Error('the agent stopped before an answer came'));
    this.wake();
  }

  /** The last request was answered as it should be. */
  get #isHealthy(): boolean {
    return this.#health.isGood && !this.#health.isRefusing;
  }

  /** Data waits for a 2xx; that of refused blocks, which are dropped, would wait still. */
  #isWaiting(): boolean {
    return this.#pendingBlocks() > 0 || this.#health.isRefusing;
  }

  /** Milliseconds for which data has been pending, or refused, without a 2xx; 0 when neither is. */
  waitedMs(): number {
    if (this.#waitingSinceMs === undefined || !this.#isWaiting()) return 0;
    return this.#setUp.clock.monotonic() - this.#waitingSinceMs;
  }

  /** Data has been pending without a 2xx for so long that something must be done (DESIGN 6). */
  get isLate(): boolean {
    return this.waitedMs() >= LATE_MS;
  }

  /** What there is to know about it. */
  status(): DestinationStatus {
    const { destination, queue, clock } = this.#setUp;
    const { samples, blocks, bytes, oldestMs, droppedSamples } = queue.stats(destination.name);
    const waitedMs = this.waitedMs();
    return {
      name: destination.name,
      url: redactUrl(destination.url),
      state: this.isLate ? 'late' : this.#health.lastError === undefined ? 'ok' : 'failing',
      sentSamples: this.#metrics.samples.value,
      failedSamples: droppedSamples,
      pendingSamples: samples,
      pendingBlocks: blocks,
      pendingBytes: bytes,
      oldestPendingMs: oldestMs,
      lastSuccessMs: this.#health.lastSuccessMs,
      lastError: this.#health.lastError,
      pendingSinceMs: blocks === 0 ? undefined : clock.now() - waitedMs,
    };
  }

  async #run(lane: Lane): Promise<void> {
    const { destination, queue } = this.#setUp;
    while (await this.#turn(lane)) {
      lane.signal.reset();
      const lease = await queue.take(destination.name, lane.end);
      if (lease !== undefined) await this.#send(lease);
      else if (this.#stopping || this.#gaveUp) break;
      else await lane.signal.wait();
    }
    if (lane.leads) this.#leaderEnded = true;
    for (const other of this.#lanes) other.signal.tell();
  }

  /** Waits until this lane may send; false when it has to end. */
  async #turn(lane: Lane): Promise<boolean> {
    const { clock } = this.#setUp;
    while (!this.#gaveUp) {
      if (this.#health.isGood || (lane.leads && this.#health.waitMs === 0)) return true;
      if (this.#leaderEnded) return false;
      lane.signal.reset();
      const timer = lane.leads ? clock.after(this.#health.waitMs, () => lane.signal.tell()) : undefined;
      await lane.signal.wait();
      timer?.cancel();
    }
    return false;
  }

  async #send(lease: PendingBlock): Promise<void> {
    const { queue, clock } = this.#setUp;
    const askedMs = clock.monotonic();
    if (lease.attempts > 0) this.#metrics.retries.inc();
    const answer = this.#clean(await this.#ask(lease));
    // What was cut by the stop says nothing about the receiver, here and below.
    if (answer.kind !== 'accepted' && !this.#abort.signal.aborted) this.#metrics.failure(answer.reason).inc();
    if (answer.kind === 'accepted') {
      this.#accepted(lease.block, askedMs);
      await queue.ack(lease);
    } else if (answer.kind === 'refused') {
      this.#metrics.refusedSamples.inc(lease.block.samples);
      this.#health.refused(answer.words, lease.block.samples, askedMs);
      await queue.drop(lease, 'refused');
    } else {
      this.#failed(answer);
      await queue.release(lease);
    }
    if (!this.#isWaiting()) this.#waitingSinceMs = undefined;
    for (const lane of this.#lanes) lane.signal.tell();
  }

  #accepted({ samples, maxMs }: Block, askedMs: number): void {
    this.#metrics.samples.inc(samples);
    this.#metrics.highestSent.set(Math.max(this.#metrics.highestSent.value, maxMs / 1000));
    this.#waitingSinceMs = this.#setUp.clock.monotonic();
    this.#health.succeeded(askedMs);
  }

  #failed(answer: Extract<Answer, { kind: 'retry' | 'wrong' }>): void {
    if (this.#stopping) this.#gaveUp = true;
    if (!this.#abort.signal.aborted) this.#health.failed(answer);
  }

  /** One request. A connection that was kept for too long is cut as soon as it is used again: that is tried once more, at once. */
  async #ask(lease: PendingBlock): Promise<Answer> {
    const { destination, client, clock } = this.#setUp;
    const kept = this.#health.isGood && this.#health.lastSuccessMs !== undefined;
    for (let again = kept; ; again = false) {
      try {
        this.#metrics.bytes.inc(lease.block.bytes.length);
        const response = await postWriteRequest({
          destination,
          client,
          clock,
          body: lease.block.bytes,
          attempts: lease.attempts,
          signal: this.#abort.signal,
        });
        this.#metrics.request(String(response.status)).inc();
        return judgeResponse(response, clock.now());
      } catch (error) {
        if (!this.#abort.signal.aborted) this.#metrics.request('none').inc();
        if (!again || !isCut(error)) return judgeError(error);
        this.#metrics.retries.inc();
      }
    }
  }

  /** What goes to logs and pages is free of secrets, and short. */
  #clean(answer: Answer): Answer {
    if (answer.kind === 'accepted') return answer;
    const words = this.#redact(answer.words).slice(0, MAX_WORDS);
    return answer.kind === 'wrong'
      ? { ...answer, words, advice: this.#redact(answer.advice) }
      : { ...answer, words };
  }

  #pendingBlocks(): number {
    return this.#setUp.queue.stats(this.#setUp.destination.name).blocks;
  }
}
