import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { type BlockStage, createBlockStage, routesOf, shiftBlock } from '../../src/block/index.js';
import { type BlockBuffer, type BufferOptions, openBuffer } from '../../src/buffer/index.js';
import { openSqliteStore } from '../../src/buffer/open-store.js';
import { type Clock, Metrics, systemClock } from '../../src/lib/index.js';
import { Batch, labelsOf, type MetricMetadata, SeriesTable } from '../../src/model/index.js';
import type { HttpClient, HttpClientOptions } from '../../src/net/index.js';
import type { RelabelRule } from '../../src/relabel/index.js';
import { createSender, type Destination, type Sender, type SenderResult } from '../../src/sender/index.js';
import { OPTIONS } from '../buffer/set-up.js';
import { metricValue } from '../metric-value.js';
import { plainHttpClient } from './http-client.js';

export function destinationOf(url: string, more: Partial<Destination> = {}): Destination {
  return {
    name: 'main',
    url,
    protocol: 'auto',
    order: 'fifo',
    timeoutMs: 5000,
    relabel: [],
    sendExemplars: false,
    sendNativeHistograms: false,
    metadata: { send: false, intervalMs: 60_000, maxPerSend: 2000 },
    minBackoffMs: 10,
    maxBackoffMs: 50,
    batchSize: 10,
    flushIntervalMs: 20,
    http: {},
    ...more,
  };
}

/** Block, buffer and sender put together as `main.ts` does, with a series whose values are unique numbers. */
export class Delivery {
  readonly logged: { level: number; msg: string }[] = [];
  readonly metrics = new Metrics();
  stage!: BlockStage;
  buffer!: BlockBuffer;
  sender!: Sender;
  #clock: Clock = systemClock;
  readonly #table = new SeriesTable();
  readonly #ref = this.#table.add('number', labelsOf({ __name__: 'number' }));
  #closed = false;

  static async start(
    t: Pick<TestContext, 'after'>,
    directory: string,
    destinations: readonly Destination[],
    more: {
      clock?: Clock;
      buffer?: Partial<BufferOptions>;
      writeRelabel?: readonly RelabelRule[];
      metadata?: () => Iterable<MetricMetadata>;
      createHttpClient?: (options: HttpClientOptions) => HttpClient;
    } = {},
  ): Promise<Delivery> {
    const delivery = new Delivery();
    const { metrics } = delivery;
    const clock = more.clock ?? systemClock;
    delivery.#clock = clock;
    const write = (line: string) =>
      void delivery.logged.push(JSON.parse(line) as { level: number; msg: string });
    const log = pino({ base: null, timestamp: false, level: 'debug' }, { write });
    const options = { ...OPTIONS, commitIntervalMs: 500, ...more.buffer };
    const routes = routesOf(destinations);
    const names = new Map(routes.map((route) => [route.name, route.destinations]));
    // With a clock that jumps, a store in a thread of its own would seem to stall.
    const store = more.clock === undefined ? {} : { openStore: openSqliteStore };
    const boot = { id: 'a boot', uptimeMs: () => clock.monotonic() };
    const parts = { clock, boot, shiftBlock, log, metrics };
    const buffer = await openBuffer({ directory, options, routes: names, ...parts, ...store });
    delivery.buffer = buffer;
    delivery.stage = createBlockStage({
      routes,
      commitIntervalMs: options.commitIntervalMs,
      externalLabels: {},
      writeRelabel: more.writeRelabel ?? [],
      clock,
      log,
      metrics,
      next: (block) => buffer.push(block),
    });
    delivery.sender = createSender({
      destinations,
      buffer,
      metadata: more.metadata ?? (() => []),
      createHttpClient: more.createHttpClient ?? plainHttpClient,
      clock,
      log,
      metrics,
    });
    t.after(() => delivery.stop(0));
    return delivery;
  }

  /** Pushes one batch of these values, stamped now. */
  push(...values: number[]): void {
    const now = Math.floor(this.#clock.now());
    const times = { plannedMs: now, startedMs: now, finishedMs: now };
    const batch = new Batch({ kind: 'task', id: 't' }, this.#table, times);
    for (const value of values) batch.add(this.#ref, value, now);
    this.stage.push(batch);
  }

  /** As `main.ts` applies other destinations. */
  apply(destinations: readonly Destination[], writeRelabel: readonly RelabelRule[] = []): void {
    const routes = routesOf(destinations);
    this.sender.apply(destinations);
    this.stage.apply(routes, { commitIntervalMs: 500, externalLabels: {}, writeRelabel });
    this.buffer.setRoutes(new Map(routes.map((route) => [route.name, route.destinations])));
  }

  /** As `main.ts` stops. */
  async stop(drainMs = 1000): Promise<SenderResult | undefined> {
    if (this.#closed) return undefined;
    this.#closed = true;
    this.stage.close();
    const result = await this.sender.stop({ drainMs });
    await this.buffer.close();
    return result;
  }

  /** Lines of at least this level: 30 info, 40 warn, 50 error. */
  lines(level = 30): string[] {
    return this.logged.filter((line) => line.level >= level).map((line) => line.msg);
  }

  metric(name: string): number {
    return metricValue(this.metrics, name);
  }
}
