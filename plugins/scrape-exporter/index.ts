import type {
  ExpositionReader,
  HttpClient,
  HttpResponse,
  PluginHost,
  Reason,
  Result,
  Run,
  Sample,
  Sdk,
} from '../../src/sdk/index.js';
import { type Config, clientOptions, configSchema, conflictOf, fallbackFormat } from './config.js';
import { reasonOf } from './reason.js';

/** What Prometheus 3 asks for, in its order; without protobuf, which is not read here. */
const ACCEPT = [
  'application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.6',
  'application/openmetrics-text;version=0.0.1;q=0.5',
  'text/plain;version=1.0.0;escaping=underscores;q=0.4',
  'text/plain;version=0.0.4;q=0.3',
  '*/*;q=0.2',
].join(',');

/** Metrics that this plugin or its host gives of each run. A metric of the page that has such a name would be taken for it, and becomes `exported_<name>`. */
const OWN = new Set([
  'probe_success',
  'probe_duration_seconds',
  'probe_failure_info',
  'scrape_samples_scraped',
  'scrape_response_size_bytes',
]);

/** A task: one page. */
interface Prepared {
  config: Config;
  client: HttpClient;
  /** Request headers, without those that the user gives. */
  headers: Readonly<Record<string, string>>;
  reader: ExpositionReader;
}

/** The plugin; see README.md. */
export default (sdk: Sdk) =>
  sdk.define<Config, PluginHost, Prepared, unknown>({
    name: 'scrape-exporter',
    version: '1.0.0',
    description: 'Fetches a page of metrics (Prometheus text or OpenMetrics) and passes its samples on.',
    config: configSchema(sdk),
    target: 'url',
    metrics: 'dynamic',
    open: async (host) => host,
    prepare(config, host, task) {
      const conflict = conflictOf(config);
      if (conflict !== undefined) throw new sdk.OptionError(conflict.key, conflict.message);
      return {
        config,
        client: host.createHttpClient(clientOptions(config)),
        headers: requestHeaders(config, task.timeoutMs),
        reader: sdk.createExpositionReader({
          fallback: fallbackFormat(config),
          honorTimestamps: config.honor_timestamps,
          sampleLimit: config.sample_limit,
        }),
      };
    },
    collect,
    release: (prepared) => prepared.client.close(),
  });

function requestHeaders(config: Config, timeoutMs: number): Record<string, string> {
  const headers: Record<string, string> = {
    accept: ACCEPT,
    'x-prometheus-scrape-timeout-seconds': String(timeoutMs / 1000),
  };
  for (const name of Object.keys(config.headers)) delete headers[name.toLowerCase()];
  return headers;
}

async function collect(prepared: Prepared, run: Run): Promise<Result> {
  let response: HttpResponse | undefined;
  try {
    response = await prepared.client.request({
      method: 'GET',
      url: prepared.config.url,
      headers: prepared.headers,
      signal: run.signal,
      maxBodyBytes: prepared.config.body_size_limit,
    });
    if (response.status !== 200)
      return failure('status', `server returned HTTP status ${statusLine(response)}`, response);
    return await read(prepared, response, run.signal);
  } catch (error) {
    if (run.signal.aborted) return failure('timeout', `no page within ${run.timeoutMs}ms`, response);
    const reason = reasonOf(error);
    if (reason === undefined) throw error;
    return failure(reason, chain(error), response);
  }
}

async function read(prepared: Prepared, response: HttpResponse, signal: AbortSignal): Promise<Result> {
  const contentType = response.headers['content-type'] ?? '';
  const page = await prepared.reader.read(response.body, contentType, signal);
  const samples: Sample[] = page.samples;
  for (const sample of samples) if (OWN.has(sample.name)) sample.name = `exported_${sample.name}`;
  samples.push(...ownSamples(page.scraped, response));
  const repeated = page.repeated === 0 ? '' : `, ${page.repeated} repeated and left out`;
  return {
    ok: true,
    samples,
    evidence: `${page.scraped} samples in ${response.body.length} bytes${repeated}`,
  };
}

/** What the page was, whether or not it could be read. */
function ownSamples(scraped: number, response: HttpResponse | undefined): Sample[] {
  const samples: Sample[] = [{ name: 'scrape_samples_scraped', value: scraped }];
  if (response !== undefined)
    samples.push({ name: 'scrape_response_size_bytes', value: response.body.length });
  return samples;
}

/** With these nothing was measured, so that there is nothing to say about a page. */
const UNMEASURED: readonly Reason[] = ['resolve', 'bind', 'permission'];

function failure(reason: Reason, evidence: string, response: HttpResponse | undefined): Result {
  const samples = UNMEASURED.includes(reason) ? [] : ownSamples(0, response);
  return { ok: false, reason, samples, evidence };
}

/** `404 Not Found`, in printable characters. */
function statusLine(response: HttpResponse): string {
  const text = response.statusText.replace(/[^\x20-\x7e]/g, '?').slice(0, 100);
  return text === '' ? String(response.status) : `${response.status} ${text}`;
}

/** The messages of an error and its causes on one line. */
function chain(error: unknown): string {
  const parts: string[] = [];
  for (let e = error; e instanceof Error && parts.length < 8; e = e.cause) parts.push(e.message);
  return parts.join(': ').replace(/[^\x20-\x7e]/g, '?');
}
