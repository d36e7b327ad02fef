import { discoveryEntries, refusedDiscoveries } from '../discovery/schema.js';
import { type Fault, field, type Output, Secret, type Section } from '../lib/index.js';
import { headerFault, httpClientEntries, httpClientRules } from '../net/schema.js';
import { relabelField } from '../relabel/schema.js';
import type { EscapingScheme, ScrapeProtocol } from './scrape-config.js';

/** Intervals beyond this do not fit a timer of Node (2^31 ms). */
const LONGEST_INTERVAL_MS = 24 * 86_400_000;

const PROTOCOLS = [
  'PrometheusProto',
  'OpenMetricsText0.0.1',
  'OpenMetricsText1.0.0',
  'PrometheusText0.0.4',
  'PrometheusText1.0.0',
] as const satisfies readonly ScrapeProtocol[];

const ESCAPINGS = [
  'allow-utf-8',
  'underscores',
  'dots',
  'values',
] as const satisfies readonly EscapingScheme[];

/** The keys of a section; those that are wrong by themselves are as written. */
type Written = Readonly<Record<string, unknown>>;

const SCHEMES = ['utf8', 'legacy'] as const;

const limit = (description: string) => field.integer(`${description} 0 = no limit.`, { default: 0, min: 0 });

/** Keys that a scrape config has and `global` has too: what is 0, empty or absent in the scrape config is taken from there. */
const sharedEntries = {
  body_size_limit: field.size(
    'A page of so many bytes, decompressed, fails. 0 = 16MiB, see `max_scrape_size`.',
    {
      default: 0,
    },
  ),
  sample_limit: limit('A page of more samples fails.'),
  label_limit: limit('A page with a series of more labels fails.'),
  label_name_length_limit: limit('A page with a longer name of a label, in bytes, fails.'),
  label_value_length_limit: limit('A page with a longer value of a label, in bytes, fails.'),
  target_limit: limit('With more targets every target of the job fails.'),
  keep_dropped_targets: field.integer('Dropped targets that are kept for people; 0 = all.', {
    default: 0,
    min: 0,
  }),
  scrape_protocols: field.list(
    'Formats that are asked for, the best one first; without it OpenMetrics and then text, with `scrape_native_histograms` protobuf before them.',
    field.choice('A format.', PROTOCOLS),
    { optional: true, example: ['OpenMetricsText1.0.0', 'PrometheusText0.0.4'] },
  ),
  metric_name_validation_scheme: field.choice('Which names are good ones.', SCHEMES, {
    optional: true,
    example: 'utf8',
  }),
  metric_name_escaping_scheme: field.choice(
    'How other names are asked for; without it by the validation scheme.',
    ESCAPINGS,
    { optional: true, example: 'allow-utf-8' },
  ),
  scrape_native_histograms: field.flag('Whether native histograms are read.', {
    optional: true,
    example: false,
  }),
  always_scrape_classic_histograms: field.flag(
    'Whether classic histograms are kept where native ones are there.',
    { optional: true, example: false },
  ),
  convert_classic_histograms_to_nhcb: field.flag(
    'Has no effect yet: classic histograms are sent as they are, because custom buckets need remote write 2.0.',
    { optional: true, example: false },
  ),
  extra_scrape_metrics: field.flag('Whether each scrape gives three more series about itself.', {
    optional: true,
    example: false,
  }),
  scrape_failure_log_file: field.text('Where failed scrapes are logged, relative to this file.', {
    optional: true,
    empty: true,
    example: '/var/log/sentinel/scrapes.log',
  }),
} as const;

const globalRelabelEntries = {
  relabel_configs: relabelField(
    'Rules for the labels of the targets of every job, before its own ones. (vmagent)',
    'target',
  ),
  metric_relabel_configs: relabelField(
    'Rules for the series of every job, before its own ones. (vmagent)',
    'metric',
  ),
} as const;

/** The keys of `global` that concern scraping. */
export const globalScrapeEntries = {
  scrape_interval: field.duration('Time from one scrape of a target to the next.', {
    default: '1m',
    max: LONGEST_INTERVAL_MS,
  }),
  scrape_timeout: field.duration(
    'Bounds one scrape, connect to the end of the page; without it 10s, or the interval where that is shorter.',
    { optional: true, example: '10s' },
  ),
  ...sharedEntries,
  ...globalRelabelEntries,
} as const;

/** Keys that other versions or programs take: why they are not taken here. */
const REFUSED_KEYS = {
  ...refusedDiscoveries,
  scrape_classic_histograms: 'since Prometheus 3.0 this key is called always_scrape_classic_histograms',
  stream_parse: 'pages of any size are parsed in slices here; leave the key out',
};

/** What is wrong with those keys together. */
export function globalScrapeRules(keys: Written): Fault[] {
  return [
    ...protocolFaults(keys.scrape_protocols),
    ...escapingFaults(keys, keys.metric_name_validation_scheme),
  ];
}

/** What is wrong with how names are asked for, where `scheme` says which ones are good. */
export function escapingFaults({ metric_name_escaping_scheme: escaping }: Written, scheme: unknown): Fault[] {
  if (escaping !== 'allow-utf-8' || scheme !== 'legacy') return [];
  const others = ESCAPINGS.filter((word) => word !== 'allow-utf-8').join(', ');
  const message = `allow-utf-8 does not fit metric_name_validation_scheme legacy; give one of ${others}`;
  return [{ path: ['metric_name_escaping_scheme'], message }];
}

/** One entry of `scrape_configs`. */
export const scrapeConfigEntry = field.section(
  'A job: targets that are scraped alike.',
  {
    job_name: field.text('Name of the job, unique; label `job`.', { example: 'node' }),
    scrape_interval: field.duration('In place of `global.scrape_interval`.', {
      optional: true,
      example: '15s',
      max: LONGEST_INTERVAL_MS,
    }),
    scrape_timeout: field.duration('In place of `global.scrape_timeout`.', {
      optional: true,
      example: '10s',
    }),
    scheme: field.choice('How targets are spoken with.', ['http', 'https'], { default: 'http' }),
    metrics_path: field.text('Path of the page.', { default: '/metrics', empty: true }),
    params: field.map(
      'Parameters of the URL.',
      field.list('Values of the parameter.', field.text('A value.', { empty: true })),
      { default: {}, example: { module: ['http_2xx'] } },
    ),
    honor_labels: field.flag(
      "Whether a page's label stays where the target has one of that name; else it becomes `exported_<name>`.",
      { default: false },
    ),
    honor_timestamps: field.flag('Whether the timestamps of a page are taken.', { default: true }),
    track_timestamps_staleness: field.flag(
      'Whether series with timestamps of their own get stale markers too.',
      { default: false },
    ),
    fallback_scrape_protocol: field.choice(
      'What a page is taken for whose Content-Type says nothing that is known.',
      PROTOCOLS,
      { optional: true, example: 'PrometheusText0.0.4' },
    ),
    enable_compression: field.flag('Whether gzip is asked for.', { default: true }),
    native_histogram_bucket_limit: limit('Native histograms with more buckets are made coarser.'),
    native_histogram_min_bucket_factor: field.number(
      'Native histograms whose buckets grow by less are made coarser. 0 = none are.',
      { default: 0, min: 0 },
    ),
    ...sharedEntries,
    relabel_configs: relabelField('Rules for the labels of targets.', 'target'),
    metric_relabel_configs: relabelField('Rules for the series of a page.', 'metric'),
    max_scrape_size: field.size(
      'A page of more bytes, decompressed, fails; 256MiB at most. 0 = 16MiB, or where `body_size_limit` is set as much as that says. (vmagent)',
      { default: 0 },
    ),
    series_limit: limit(
      'Series of a target within 24 hours; what goes beyond is dropped and counted. (vmagent)',
    ),
    scrape_align_interval: field.duration('Scrapes lie at multiples of it. (vmagent)', {
      optional: true,
      example: '1m',
      max: LONGEST_INTERVAL_MS,
    }),
    scrape_offset: field.duration(
      'Exact place of scrapes in their interval; without it each target has its own. (vmagent)',
      { optional: true, example: '5s', max: LONGEST_INTERVAL_MS },
    ),
    no_stale_markers: field.flag('Whether series that end get no stale markers. (vmagent)', {
      default: false,
    }),
    disable_compression: field.flag('Whether gzip is not asked for. (vmagent)', {
      optional: true,
      example: true,
      instead: 'enable_compression',
    }),
    disable_keepalive: field.flag('Whether each scrape opens a connection of its own. (vmagent)', {
      default: false,
    }),
    ...httpClientEntries,
    headers: field.list(
      'Headers of every request, in the form `Name: value`. (vmagent)',
      field.secret('Name and value of a header.', { example: 'X-Scope-OrgID: network' }),
      { default: [], example: ['X-Scope-OrgID: network'] },
    ),
    ...discoveryEntries,
  },
  { rules: (keys) => [...httpClientRules(keys), ...scrapeRules(keys)], refused: REFUSED_KEYS },
);

/** The `scrape_configs` section. */
export const scrapeConfigsSection = field.list('What to scrape.', scrapeConfigEntry, { default: [] });

/** The `scrape_config_files` section. */
export const scrapeConfigFilesSection = field.list(
  'Files with more of `scrape_configs`, relative to this file; the last part of a path may hold *.',
  field.text('A path.'),
  { default: [], example: ['scrape.d/*.yml'] },
);

/** The `cluster` section. */
export const clusterSection = field.section(
  'Several agents share the targets: each scrapes its part of them.',
  {
    members: field.integer('Agents with this configuration.', { default: 1, min: 1, max: 10_000 }),
    member: field.integer('Which of them this one is, counted from 0.', { default: 0, min: 0 }),
    replication_factor: field.integer('Agents that scrape the same target.', { default: 1, min: 1 }),
  },
  { default: {}, rules: clusterRules },
);

function clusterRules({ members, member, replication_factor: factor }: Written): Fault[] {
  if (typeof members !== 'number') return [];
  const faults: Fault[] = [];
  if (typeof member === 'number' && member >= members)
    faults.push({
      path: ['member'],
      message: `counts from 0, so with ${members} members it is at most ${members - 1}`,
    });
  if (typeof factor === 'number' && factor > members)
    faults.push({ path: ['replication_factor'], message: `is more than the ${members} members there are` });
  return faults;
}

/** What is wrong with the keys of a scrape config together, as far as it can be told without `global`. */
function scrapeRules(keys: Written): Fault[] {
  const faults = [
    ...protocolFaults(keys.scrape_protocols),
    ...headerFaults(keys.headers),
    ...targetFaults(keys),
  ];
  if (keys.disable_compression !== undefined && keys.enable_compression === false)
    faults.push({
      path: ['disable_compression'],
      message: 'give either enable_compression or disable_compression',
    });
  return faults;
}

/** vmagent's form of a header: one line. */
function headerFaults(headers: unknown): Fault[] {
  if (!Array.isArray(headers)) return [];
  return headers.flatMap((line: unknown, i) => {
    if (!(line instanceof Secret)) return [];
    const [, name] = /^([^:]*):/.exec(line.reveal()) ?? [];
    const message = name === undefined ? 'expected `Name: value`' : headerFault(name.trim());
    return message === undefined ? [] : [{ path: ['headers', i], message }];
  });
}

/** A target is no URL. Rules may make one of it, so that with rules it is looked at when it is a target (Prometheus). */
function targetFaults({ static_configs: configs, relabel_configs: rules }: Written): Fault[] {
  if (!Array.isArray(configs) || (Array.isArray(rules) && rules.length > 0)) return [];
  return configs.flatMap((config: { targets?: unknown } | undefined, i) =>
    (Array.isArray(config?.targets) ? config.targets : []).flatMap((target: unknown, j) =>
      typeof target === 'string' && target.includes('/')
        ? [{ path: ['static_configs', i, 'targets', j], message: URL_TARGET }]
        : [],
    ),
  );
}

const URL_TARGET =
  'expected host:port; of a URL the scheme belongs into `scheme`, the path into `metrics_path`, the query into `params`';

function protocolFaults(protocols: unknown): Fault[] {
  if (!Array.isArray(protocols)) return [];
  const path = ['scrape_protocols'];
  if (protocols.length === 0) return [{ path, message: 'must not be empty; leave it out for the default' }];
  return protocols.flatMap((protocol, i) =>
    protocols.indexOf(protocol) < i ? [{ path: [...path, i], message: `${protocol} is there twice` }] : [],
  );
}

/** The keys of `global` that concern scraping; keys of one that has faults may be absent. */
export type GlobalScrapeKeys = Section<typeof globalScrapeEntries>;

/** What an entry gives. */
export type ScrapeKeys = Output<typeof scrapeConfigEntry>;
