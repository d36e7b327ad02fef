import { compress } from 'snappyjs';
import { type Clock, type Metrics, sameValue, type Timer } from '../lib/index.js';
import type { Batch, Block, Taken } from '../model/index.js';
import type { RelabelRule } from '../relabel/index.js';
import { Encoder } from './encoder.js';
import type { Labelling } from './labelling.js';
import { RouteMetrics } from './metrics.js';
import type { Route } from './route.js';

/** What holds for all routes, and may change while the agent runs. */
export interface BlockSettings {
  /** No sample waits in an open block for longer. */
  commitIntervalMs: number;
  /** Added to series that lack these labels. */
  externalLabels: Readonly<Record<string, string>>;
  /** What is done with every series after that, before the rules of its routes. */
  writeRelabel: readonly RelabelRule[];
}

/** What a builder needs. */
export interface BlockBuilderOptions extends BlockSettings {
  route: Route;
  /** By the settings and the rules of the route. */
  labelling: Labelling;
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
  readonly #metrics: RouteMetrics;
  #encoder: Encoder;
  #lastSealMs = -Infinity;
  #bornMs = 0;
  #timer: Timer | undefined;

  constructor(options: BlockBuilderOptions) {
    this.#options = options;
    this.#metrics = new RouteMetrics(options.metrics, options.route.name, () => this.#encoder);
    this.#encoder = this.#createEncoder();
  }

  /** From now on works for this route, of the same name, and by these settings. What was given before goes as it was meant: to the destinations of then, with the labels of then. */
  set(route: Route, settings: BlockSettings, labelling: Labelling): void {
    const isLabelledAnew = labelling !== this.#options.labelling;
    if (isLabelledAnew || !sameValue(this.#options.route, route)) this.flush();
    this.#options = { ...this.#options, ...settings, route, labelling };
    if (isLabelledAnew) this.#encoder = this.#createEncoder();
    this.#rearm();
  }

  /** Seals what there is, and lets its metrics go. */
  close(): void {
    this.flush();
    this.#metrics.remove();
  }

  /** Encodes all of the batch before it returns. */
  push(batch: Batch): void {
    const { batchSize, sendExemplars } = this.#options.route;
    const now = this.#options.clock.monotonic();
    this.#metrics.samplesIn.inc(batch.length);
    if (batch.exemplars !== undefined) this.#metrics.exemplarsIn(batch.exemplars, sendExemplars);
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
    const { exemplars } = this.#encoder;
    const block = this.#seal();
    this.#lastSealMs = this.#options.clock.monotonic();
    this.#metrics.given(block.samples, exemplars, this.#options.next(block));
  }

  #createEncoder(): Encoder {
    const { labelling, route } = this.#options;
    const beside = { exemplars: route.sendExemplars, histograms: route.sendNativeHistograms };
    return new Encoder(labelling, beside, this.#metrics);
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
