import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import protobuf from 'protobufjs';
import { uncompress } from 'snappyjs';

const PROTO = `syntax = "proto3";
message Label { string name = 1; string value = 2; }
message Sample { double value = 1; int64 timestamp = 2; }
message Exemplar { repeated Label labels = 1; double value = 2; int64 timestamp = 3; }
message BucketSpan { sint32 offset = 1; uint32 length = 2; }
message Histogram {
  oneof count { uint64 count_int = 1; double count_float = 2; }
  double sum = 3; sint32 schema = 4; double zero_threshold = 5;
  oneof zero_count { uint64 zero_count_int = 6; double zero_count_float = 7; }
  repeated BucketSpan negative_spans = 8; repeated sint64 negative_deltas = 9; repeated double negative_counts = 10;
  repeated BucketSpan positive_spans = 11; repeated sint64 positive_deltas = 12; repeated double positive_counts = 13;
  int32 reset_hint = 14; int64 timestamp = 15;
}
message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; repeated Exemplar exemplars = 3; repeated Histogram histograms = 4; }
message MetricMetadata { int32 type = 1; string metric_family_name = 2; string help = 4; string unit = 5; }
message WriteRequest { repeated TimeSeries timeseries = 1; repeated MetricMetadata metadata = 3; }`;

const WriteRequest = protobuf.parse(PROTO).root.lookupType('WriteRequest');

/** A sample as a receiver sees it. */
export interface ReceivedSample {
  labels: Readonly<Record<string, string>>;
  /** Names in the order in which they came. */
  names: readonly string[];
  value: number;
  /** The bits of the value, hexadecimal: a stale marker cannot be told from another NaN by its value. */
  bits: string;
  timestampMs: number;
}

type Labels = Readonly<Record<string, string>>;

/** An exemplar as a receiver sees it. */
export interface ReceivedExemplar {
  series: Labels;
  labels: Labels;
  value: number;
  timestampMs: number;
}

/** A native histogram as a receiver sees it; `fields` as protobufjs turns them to plain values. */
export interface ReceivedHistogram {
  labels: Labels;
  timestampMs: number;
  fields: Readonly<Record<string, unknown>>;
}

/** What a receiver is told of a metric family; the type by its number. */
export interface ReceivedMetadata {
  type: number;
  metricFamilyName: string;
  help: string;
  unit: string;
}

type WireLabels = { name: string; value: string }[];
type WireInt64 = { toString(): string };

interface DecodedRequest {
  timeseries: {
    labels: WireLabels;
    samples: { value: number; timestamp: WireInt64 }[];
    exemplars: { labels: WireLabels; value: number; timestamp: WireInt64 }[];
    histograms: protobuf.Message[];
  }[];
  metadata: ReceivedMetadata[];
}

const Histogram = WriteRequest.root.lookupType('Histogram');
const mapOf = (labels: WireLabels): Labels =>
  Object.fromEntries(labels.map(({ name, value }) => [name, value]));

function decode(body: Uint8Array): DecodedRequest {
  const bytes = uncompress(new Uint8Array(body), 2 ** 26);
  return WriteRequest.decode(bytes) as unknown as DecodedRequest;
}

/** What a request has beside its samples. */
interface Beside {
  exemplars: ReceivedExemplar[];
  histograms: ReceivedHistogram[];
  metadata: ReceivedMetadata[];
}

/** The exemplars, native histograms and metadata of a remote-write 1.0 request. */
export const decodeBeside = (body: Uint8Array): Beside => besideOf(decode(body));

function besideOf({ timeseries, metadata }: DecodedRequest): Beside {
  const exemplars = timeseries.flatMap((one) =>
    one.exemplars.map(({ labels, value, timestamp }) => ({
      series: mapOf(one.labels),
      labels: mapOf(labels),
      value,
      timestampMs: Number(timestamp.toString()),
    })),
  );
  const histograms = timeseries.flatMap((one) =>
    one.histograms.map((message) => {
      const { timestamp, ...fields } = Histogram.toObject(message, { longs: Number });
      return { labels: mapOf(one.labels), timestampMs: Number(timestamp), fields };
    }),
  );
  return { exemplars, histograms, metadata };
}

/** Decodes the body of a remote-write 1.0 request with protobufjs and snappyjs, by the published schema. */
export const decodeWriteRequest = (body: Uint8Array): ReceivedSample[] => samplesOf(decode(body));

function samplesOf({ timeseries }: DecodedRequest): ReceivedSample[] {
  const double = new DataView(new ArrayBuffer(8));
  return timeseries.flatMap(({ labels, samples }) =>
    samples.map(({ value, timestamp }) => {
      double.setFloat64(0, value);
      return {
        labels: mapOf(labels),
        names: labels.map((label) => label.name),
        value,
        bits: double.getBigUint64(0).toString(16).padStart(16, '0'),
        timestampMs: Number(timestamp.toString()),
      };
    }),
  );
}

/** What the receiver does with a request. `hold`: answers ok when told to. `answer lost`: stores the samples and resets the connection. */
export type Behaviour =
  | { kind: 'ok' }
  | { kind: 'status'; status: number; body?: string; headers?: Readonly<Record<string, string>> }
  | { kind: 'hold' }
  | { kind: 'hang' }
  | { kind: 'reset' }
  | { kind: 'answer lost' };

/** The answers of real servers that a test needs by name. */
export const ANSWERS = {
  prometheusWithoutReceiver: {
    kind: 'status',
    status: 404,
    body: 'remote write receiver needs to be enabled with --enable-feature=remote-write-receiver\n',
    headers: { 'content-type': 'text/plain; charset=utf-8' },
  },
  portalPage: {
    kind: 'status',
    status: 200,
    body: '<!DOCTYPE html><html><body>Please log in</body></html>',
    headers: { 'content-type': 'text/html' },
  },
} as const satisfies Record<string, Behaviour>;

/** One request as it came. */
interface ReceivedRequest {
  headers: IncomingMessage['headers'];
  body: Buffer;
  /** When the last of it had come, ms since 1970. */
  receivedMs: number;
}

/** A receiver of remote write that does what a test says, and remembers what it accepted. */
export class FakeReceiver {
  /** What it does with the next requests. */
  behaviour: Behaviour = { kind: 'ok' };
  /** Does what this says with a request, before `behaviour` counts again. */
  readonly script: Behaviour[] = [];
  /** Samples of the requests that were accepted (or stored before the answer was lost). */
  readonly samples: ReceivedSample[] = [];
  /** Beside them. */
  readonly exemplars: ReceivedExemplar[] = [];
  readonly histograms: ReceivedHistogram[] = [];
  readonly metadata: ReceivedMetadata[] = [];
  /** Of each request whose samples were stored: how many there were before. */
  readonly stored: number[] = [];
  /** Samples whose answer was lost. */
  readonly unanswered: ReceivedSample[] = [];
  /** Every request, whatever was done with it. */
  readonly requests: ReceivedRequest[] = [];
  readonly #held: (() => void)[] = [];
  /** Requests that have no answer yet. */
  inFlight = 0;
  maxInFlight = 0;
  /** Connections that were made so far. */
  connections = 0;
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  #port = 0;

  constructor() {
    this.#server.on('connection', () => this.connections++);
    // Longer than any pause of a test: who counts connections must not count those that only were idle.
    this.#server.keepAliveTimeout = 120_000;
  }

  /** Listens on a free port of 127.0.0.1. */
  static async start(): Promise<FakeReceiver> {
    const receiver = new FakeReceiver();
    await receiver.listen();
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/api/v1/write`;
  }

  /** Listens, on the port of last time when there was one. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Stops listening and cuts every connection. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  /** Number of requests that wait for `answerHeld`. */
  get held(): number {
    return this.#held.length;
  }

  /** Answers everything that is held. */
  answerHeld(): void {
    for (const answer of this.#held.splice(0)) answer();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.inFlight++;
    this.maxInFlight = Math.max(this.maxInFlight, this.inFlight);
    response.once('close', () => this.inFlight--);
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return; // The sender went away in the middle of its request, as some tests make it do.
    }
    const body = Buffer.concat(chunks);
    this.requests.push({ headers: request.headers, body, receivedMs: Date.now() });
    this.#answer(this.script.shift() ?? this.behaviour, body, response);
  }

  #answer(behaviour: Behaviour, body: Buffer, response: ServerResponse): void {
    const accept = () => {
      const decoded = decode(body);
      this.stored.push(this.samples.length);
      this.samples.push(...samplesOf(decoded));
      const { exemplars, histograms, metadata } = besideOf(decoded);
      this.exemplars.push(...exemplars);
      this.histograms.push(...histograms);
      this.metadata.push(...metadata);
      response.writeHead(204).end();
    };
    if (behaviour.kind === 'ok') accept();
    if (behaviour.kind === 'hold') this.#held.push(accept);
    if (behaviour.kind === 'answer lost') {
      const samples = decodeWriteRequest(body);
      this.stored.push(this.samples.length);
      this.samples.push(...samples);
      this.unanswered.push(...samples);
    }
    if (behaviour.kind === 'reset' || behaviour.kind === 'answer lost') response.socket?.resetAndDestroy();
    if (behaviour.kind === 'status')
      response.writeHead(behaviour.status, behaviour.headers).end(behaviour.body ?? '');
  }
}
