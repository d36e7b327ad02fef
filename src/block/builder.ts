import { compress } from 'snappyjs';
import { type Clock, type Metrics, sameValue, type Timer } from '../lib/index.js';
import { type Batch, type Block, labelsOf, type Taken } from '../model/index.js';
import { Encoder } from './encoder.js';
import { type RouteMetrics, removeRouteMetrics, routeMetrics } from './metrics.js';
import type { Route } from './route.js';

/** What holds for all routes, and may change while the agent runs. */
export interface BlockSettings {
  /** No sample waits in an open block for longer. */
  commitIntervalMs: number;
  /** Added to series that lack these labels. */
  externalLabels: Readonly<Record<string, string>>;
}

/** What a builder needs. */
export interface BlockBuilderOptions extends BlockSettings {
  route: Route;
  clock: Clock;
  metrics: Metrics;
  /** Where sealed blocks go. */
  next: (block: Block) => Taken;
}

/**
 * Turns the batches of one route into blocks. A block is sealed at the first of: samples of the route's batch size, 1 MiB, the flush
 * interval since the last block, the commit interval since its first sample. After a pause nothing is waited for, so a lone
 * result leaves at once, and of a crowd the first one.
 */
export class BlockBuilder {
  #options: BlockBuilderOptions;
  #encoder: Encoder;
  readonly #metrics: RouteMetrics;
  #lastSealMs = -Infinity;
  #bornMs = 0;
  #timer: Timer | undefined;

  constructor(options: BlockBuilderOptions) {
    this.#options = options;
    this.#encoder = new Encoder(labelsOf(options.externalLabels));
    this.#metrics = routeMetrics(options.metrics, options.route.name, () => this.#encoder.samples);
  }

  /** From now on works for this route, of the same name, and by these settings. What was given before goes as it was meant: to the destinations of then, with the labels of then. */
  set(route: Route, settings: BlockSettings): void {
    const { externalLabels } = this.#options;
    const labelled = sameValue(externalLabels, settings.externalLabels);
    if (!labelled || !sameValue(this.#options.route, route)) this.flush();
    if (!labelled) this.#encoder = new Encoder(labelsOf(settings.externalLabels));
    this.#options = { ...this.#options, ...settings, route };
    this.#rearm();
  }

  /** Seals what there is, and lets its metrics go. */
  close(): void {
    this.flush();
    removeRouteMetrics(this.#options.metrics, this.#options.route.name);
  }

  /** Encodes all of the batch before it returns. */
  push(batch: Batch): void {
    const { batchSize } = this.#options.route;
    const now = this.#options.clock.monotonic();
    this.#metrics.samplesIn.inc(batch.length);
    for (let i = 0; i < batch.length; ) {
      if (this.#encoder.samples === 0) this.#bornMs = now;
      i = this.#encoder.append(batch, i, batchSize);
      if (this.#encoder.isFull(batchSize)) this.flush();
    }
    if (this.#encoder.samples > 0) this.#sealOrWait(now);
  }

  /** Seals what there is, now. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#encoder.samples === 0) return;
    const block = this.#seal();
    this.#lastSealMs = this.#options.clock.monotonic();
    const taken = this.#options.next(block) === 'taken';
    (taken ? this.#metrics.samplesOut : this.#metrics.samplesDropped).inc(block.samples);
  }

  #sealOrWait(now: number): void {
    const { route, commitIntervalMs, clock } = this.#options;
    const dueMs = Math.min(this.#lastSealMs + route.flushIntervalMs, this.#bornMs + commitIntervalMs);
    if (dueMs <= now) this.flush();
    else this.#timer ??= clock.after(dueMs - now, () => this.flush());
  }

  /** The time to wait may have become shorter. */
  #rearm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#encoder.samples > 0) this.#sealOrWait(this.#options.clock.monotonic());
  }

  #seal(): Block {
    const { samples, minMs, maxMs } = this.#encoder;
    const encoded = this.#encoder.bytes();
    const bytes = compress(encoded);
    this.#metrics.blocks.inc();
    this.#metrics.encodedBytes.inc(encoded.length);
    this.#metrics.compressedBytes.inc(bytes.length);
    this.#encoder.clear();
    const route = this.#options.route.name;
    return {
      route,
      format: 'remote_write_1',
      codec: 'snappy',
      samples,
      minMs,
      maxMs,
      bornMs: this.#bornMs,
      bytes,
    };
  }
}
