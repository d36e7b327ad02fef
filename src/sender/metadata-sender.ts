import { type Clock, type Logger, type Metrics, type Timer, TimeSlice } from '../lib/index.js';
import type { MetricMetadata } from '../model/index.js';
import type { HttpClient } from '../net/index.js';
import { type Answer, judgeError, judgeResponse } from './answer.js';
import type { Destination } from './destination.js';
import { encodeMetadata } from './metadata-request.js';
import { type MetadataMetrics, metadataMetrics } from './metrics.js';
import { postWriteRequest } from './remote-write.js';

/** What it needs. */
interface MetadataSenderSetUp {
  destination: Destination;
  /** What is known of metric families now; the same family may come many times. */
  metadata: () => Iterable<MetricMetadata>;
  client: HttpClient;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  /** Whether the destination takes samples: only then it is told of metadata. */
  isHealthy: () => boolean;
  /** Takes secrets out of what a receiver says. */
  clean: (answer: Answer) => Answer;
}

/**
 * Tells a destination once in an interval the types, helps and units of all metric families, in requests of their own, as Prometheus does for remote
 * write 1.0. They are no evidence: nothing of them is kept, a failure is counted and forgotten until the next interval, and says nothing about
 * how the destination takes samples.
 */
export class MetadataSender {
  readonly #setUp: MetadataSenderSetUp;
  readonly #metrics: MetadataMetrics;
  readonly #abort = new AbortController();
  #timer: Timer | undefined;
  #isFailing = false;

  constructor(setUp: MetadataSenderSetUp) {
    this.#setUp = setUp;
    this.#metrics = metadataMetrics(setUp.metrics, setUp.destination.name);
  }

  /** Begins: the first request goes after an interval. */
  start(): void {
    const { clock, destination } = this.#setUp;
    if (!destination.metadata.send || this.#abort.signal.aborted) return;
    this.#timer = clock.after(destination.metadata.intervalMs, () => {
      void this.#round().then(() => this.start());
    });
  }

  /** Ends, and cuts what is in flight. */
  stop(): void {
    this.#timer?.cancel();
    this.#abort.abort(new Error('the agent stopped before an answer came'));
  }

  async #round(): Promise<void> {
    const { destination, metadata, isHealthy } = this.#setUp;
    const { maxPerSend } = destination.metadata;
    if (!isHealthy()) return;
    const families = await distinct(metadata());
    for (let i = 0; i < families.length; i += maxPerSend) {
      if (!isHealthy()) return;
      const answer = await this.#ask(families.slice(i, i + maxPerSend));
      if (this.#abort.signal.aborted || answer.kind !== 'accepted') return;
    }
  }

  async #ask(families: readonly MetricMetadata[]): Promise<Answer> {
    const answer = this.#setUp.clean(await this.#post(encodeMetadata(families)));
    if (answer.kind === 'accepted') {
      this.#isFailing = false;
      this.#metrics.families.inc(families.length);
    } else if (!this.#abort.signal.aborted) this.#failed(answer);
    return answer;
  }

  async #post(body: Uint8Array): Promise<Answer> {
    const { destination, client, clock } = this.#setUp;
    const { signal } = this.#abort;
    try {
      const response = await postWriteRequest({ destination, client, clock, body, attempts: 0, signal });
      return judgeResponse(response, clock.now());
    } catch (error) {
      return judgeError(error);
    }
  }

  /** Said once, until it works again: with a receiver that does not know metadata it would be said for ever. */
  #failed(answer: Exclude<Answer, { kind: 'accepted' }>): void {
    this.#metrics.failure(answer.reason).inc();
    if (this.#isFailing) return;
    this.#isFailing = true;
    const { destination, log } = this.#setUp;
    log.info(
      { destination: destination.name, answer: answer.words },
      `"${destination.name}" did not take metadata (types and helps of metrics): ${answer.words}; samples are sent all the same. It is tried again at each interval; metadata_config.send: false turns it off`,
    );
  }
}

/** Each family once; several times where targets say different things of it. Yields: a thousand targets have half a million. */
async function distinct(metadata: Iterable<MetricMetadata>): Promise<MetricMetadata[]> {
  const byFamily = new Map<string, MetricMetadata[]>();
  const slice = new TimeSlice();
  for (const one of metadata) {
    const known = byFamily.get(one.family);
    if (known === undefined) byFamily.set(one.family, [one]);
    else if (!known.some((other) => saysTheSame(one, other))) known.push(one);
    if (slice.isUp) await slice.next();
  }
  return [...byFamily.values()].flat();
}

function saysTheSame(a: MetricMetadata, b: MetricMetadata): boolean {
  return a.type === b.type && a.help === b.help && a.unit === b.unit;
}
