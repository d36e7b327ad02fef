import { type Clock, formatDuration, VERSION } from '../lib/index.js';
import type { HttpClient, HttpResponse } from '../net/index.js';
import { TimeoutError } from './answer.js';
import type { Destination } from './destination.js';

/** Receivers answer with nothing or a line; what is longer is no answer of theirs. */
const MAX_ANSWER_BYTES = 2 ** 20;

/** Prometheus remote write 1.0 (https://prometheus.io/docs/specs/prw/remote_write_spec/). */
const HEADERS = {
  'content-encoding': 'snappy',
  'content-type': 'application/x-protobuf',
  'x-prometheus-remote-write-version': '0.1.0',
  'user-agent': `Sentinel/${VERSION}`,
};

/** Codes of the system for a connection that the other side had closed while it was idle. */
const CUT = new Set(['ECONNRESET', 'EPIPE']);

/** One request. */
interface WriteRequest {
  destination: Destination;
  client: HttpClient;
  clock: Clock;
  /** Compressed. */
  body: Uint8Array;
  /** Requests with this body that failed before. */
  attempts: number;
  /** Ends it early. */
  signal: AbortSignal;
}

/** Sends a body as it is; gives the answer, whatever it is. Throws what the client throws, and TimeoutError. */
export async function postWriteRequest(request: WriteRequest): Promise<HttpResponse> {
  const { destination, client, clock, body, attempts, signal } = request;
  // Not AbortSignal.any: the signal that outlives all requests would remember every one of them.
  const ends = new AbortController();
  const cut = () => ends.abort(signal.reason);
  signal.addEventListener('abort', cut);
  if (signal.aborted) cut();
  const timer = clock.after(destination.timeoutMs, () =>
    ends.abort(new TimeoutError(`no answer within ${formatDuration(destination.timeoutMs)}`)),
  );
  try {
    return await client.request({
      method: 'POST',
      url: destination.url,
      headers: attempts === 0 ? HEADERS : { ...HEADERS, 'retry-attempt': String(attempts) },
      body,
      signal: ends.signal,
      maxBodyBytes: MAX_ANSWER_BYTES,
    });
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', cut);
  }
}

/** Whether a connection was cut: the usual end of one that was kept for the next request for too long. */
export function isCut(error: unknown): boolean {
  for (let e = error; e instanceof Error; e = e.cause) {
    if (CUT.has((e as NodeJS.ErrnoException).code ?? '')) return true;
  }
  return false;
}
