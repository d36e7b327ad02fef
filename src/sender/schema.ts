import { type Fault, field, type Output } from '../lib/index.js';
import { basicAuthEntries, httpClientEntries, httpClientRules } from '../net/schema.js';
import { relabelField } from '../relabel/schema.js';

const PROTOCOLS = ['auto', 'remote_write_1'] as const;
const ORDERS = ['fifo', 'fresh_first'] as const;
const URL_EXAMPLE = 'http://localhost:8428/api/v1/write';
const WITHOUT_EFFECT = 'Has no effect here; accepted because Prometheus has it.';

/** Keys of Prometheus's `queue_config` that are accepted and do nothing. */
export const IGNORED_QUEUE_KEYS = [
  'capacity',
  'max_shards',
  'min_shards',
  'retry_on_http_429',
  'sample_age_limit',
] as const;

/** The same of a destination itself. */
export const IGNORED_KEYS = ['round_robin_dns', 'failed_request_logging'] as const;

const MESSAGES = ['prometheus.WriteRequest', 'io.prometheus.write.v2.Request'] as const;

const noCloud =
  'is not supported; use basic_auth, authorization or oauth2, or a proxy beside the agent that signs';

/** Prometheus's ways to sign requests for a cloud. */
const REFUSED_KEYS = {
  sigv4: `the signing of AWS ${noCloud}`,
  azuread: `the login of Azure AD ${noCloud}`,
  google_iam: `the login of Google Cloud ${noCloud}`,
};

const queueConfig = field.section(
  "Prometheus's names for how this destination is fed.",
  {
    max_samples_per_send: field.integer('Samples in a request at most, in place of `sender.batch_size`.', {
      optional: true,
      example: 10000,
      min: 1,
    }),
    batch_send_deadline: field.duration('In place of `sender.flush_interval`.', {
      optional: true,
      example: '5s',
      min: 1,
    }),
    min_backoff: field.duration('In place of `sender.min_backoff`.', {
      optional: true,
      example: '500ms',
      min: 1,
    }),
    max_backoff: field.duration('In place of `sender.max_backoff`.', {
      optional: true,
      example: '1m',
      min: 1,
    }),
    capacity: field.integer(WITHOUT_EFFECT, { optional: true, example: 10000 }),
    max_shards: field.integer(WITHOUT_EFFECT, { optional: true, example: 50 }),
    min_shards: field.integer(WITHOUT_EFFECT, { optional: true, example: 1 }),
    retry_on_http_429: field.flag(WITHOUT_EFFECT, { optional: true, example: true }),
    sample_age_limit: field.duration(WITHOUT_EFFECT, { optional: true, example: '0s' }),
  },
  { optional: true },
);

const metadataConfig = field.section(
  'Types, helps and units of scraped metrics: remote write 1.0 takes them in requests of their own, which are neither kept nor repeated.',
  {
    send: field.flag('Whether they are sent. A receiver that refuses them gets its samples all the same.', {
      default: true,
    }),
    send_interval: field.duration('How often; the first time after so long.', {
      default: '1m',
      min: 1,
      max: 24 * 86_400_000,
    }),
    max_samples_per_send: field.integer('Metric families in a request at most.', { default: 2000, min: 1 }),
  },
  { default: {} },
);

const deliveryEntries = {
  protocol: field.choice('What the receiver speaks; auto finds it out.', PROTOCOLS, { default: 'auto' }),
  order: field.choice('In place of `sender.order`.', ORDERS, { optional: true, example: 'fifo' }),
  remote_timeout: field.duration('In place of `sender.timeout`.', {
    optional: true,
    example: '30s',
    min: 1,
  }),
  queue_config: queueConfig,
  send_exemplars: field.flag(
    'Whether exemplars go with the samples; without it they are dropped and counted.',
    { default: false },
  ),
  send_native_histograms: field.flag(
    'Whether native histograms are sent; without it they are dropped and counted. Those with custom buckets always are: remote write 1.0 cannot say them.',
    { default: false },
  ),
  metadata_config: metadataConfig,
  protobuf_message: field.choice('The message of remote write; so far the first one.', MESSAGES, {
    optional: true,
    example: 'prometheus.WriteRequest',
  }),
  round_robin_dns: field.flag(WITHOUT_EFFECT, { optional: true, example: false }),
  failed_request_logging: field.anything(WITHOUT_EFFECT, { optional: true, example: {} }),
  write_relabel_configs: relabelField(
    'Rules for the series of this destination alone, after those for all.',
    'write',
  ),
} as const;

/** One entry of `sender.direct`. */
export const directEntry = field.section(
  'A receiver; its name tells which queue on disk belongs to it.',
  {
    enabled: field.flag('Whether it is sent to; it is checked in any case.', { default: true }),
    url: field.url('Where remote write goes.', { example: URL_EXAMPLE }),
    batch_size: field.integer('Samples in a request at most.', {
      optional: true,
      example: 10000,
      min: 1,
      instead: 'queue_config.max_samples_per_send',
    }),
    ...deliveryEntries,
    ...httpClientEntries,
    ...basicAuthEntries,
  },
  {
    rules: (keys) => [...httpClientRules(keys), ...deliveryRules(keys), ...batchSizeRules(keys)],
    refused: REFUSED_KEYS,
  },
);

function deliveryRules({ protobuf_message: message }: Readonly<Record<string, unknown>>): Fault[] {
  if (message !== MESSAGES[1]) return [];
  const path = ['protobuf_message'];
  return [{ path, message: `remote write 2.0 is not sent yet; leave the key out, or give ${MESSAGES[0]}` }];
}

function batchSizeRules(keys: Readonly<Record<string, unknown>>): Fault[] {
  const queue = keys.queue_config as { max_samples_per_send?: unknown } | undefined;
  return keys.batch_size === undefined || queue?.max_samples_per_send === undefined
    ? []
    : [{ path: ['batch_size'], message: 'give either batch_size or queue_config.max_samples_per_send' }];
}

/** One entry of `remote_write`. */
export const remoteWriteEntry = field.section(
  'A receiver, as Prometheus writes it.',
  {
    url: field.url('Where remote write goes.', { example: URL_EXAMPLE }),
    name: field.text(
      'Tells which queue on disk belongs to it; without it the URL without user name, password and query.',
      { optional: true, example: 'central' },
    ),
    ...deliveryEntries,
    ...httpClientEntries,
  },
  { rules: (keys) => [...httpClientRules(keys), ...deliveryRules(keys)], refused: REFUSED_KEYS },
);

/** The `sender` section. */
export const senderSection = field.section(
  'How samples are sent; the defaults of every destination.',
  {
    mode: field.choice('direct: each destination is sent to by this agent.', ['direct'], {
      default: 'direct',
    }),
    batch_size: field.integer('Samples in a request at most.', { default: 10000, min: 1 }),
    flush_interval: field.duration(
      'After a pause the first samples go at once; this bounds how long later ones are collected.',
      { default: '5s', min: 1 },
    ),
    timeout: field.duration('Bounds one request.', { default: '30s', min: 1 }),
    min_backoff: field.duration('Wait after a first failed request; it doubles with each further one.', {
      default: '500ms',
      min: 1,
    }),
    max_backoff: field.duration('Longest wait after a failed request.', { default: '1m', min: 1 }),
    order: field.choice(
      'fifo: oldest first, one request in flight; Prometheus needs it. fresh_first: new samples first, the backlog beside them.',
      ORDERS,
      { default: 'fifo' },
    ),
    direct: field.map('Destinations by name.', directEntry, { default: {}, example: 'victoria_metrics' }),
  },
  { default: {} },
);

/** The `remote_write` section. */
export const remoteWriteSection = field.list("Destinations in Prometheus's own form.", remoteWriteEntry, {
  default: [],
});

/** What an entry of either form gives. */
export type DirectEntry = Output<typeof directEntry>;
export type RemoteWriteEntry = Output<typeof remoteWriteEntry>;

/** What the section gives. */
export type SenderKeys = Output<typeof senderSection>;
