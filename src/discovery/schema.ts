import { resolve } from 'node:path';
import { type Fault, field, type Section } from '../lib/index.js';
import { httpClientEntries, httpClientOptions, httpClientRules } from '../net/schema.js';
import type { DiscoveryConfig, DnsDiscovery } from './discovery-config.js';

/** A shorter one would do nothing but ask. */
const SHORTEST_REFRESH_MS = 100;

const refreshInterval = (value: string) =>
  field.duration('Time from one time that it is asked to the next.', {
    default: value,
    min: SHORTEST_REFRESH_MS,
  });

/** Prometheus's words for an item of a list without a value. */
const nothing = (key: string) => `empty or null section in ${key}`;

const staticEntry = field.section(
  'Targets with their labels.',
  {
    targets: field.list('host:port of each.', field.text('A target.'), {
      default: [],
      example: ['localhost:9100'],
    }),
    labels: field.map(
      'Labels of all of them; `__unix_socket__` is a socket of this host to connect to in place of the address.',
      field.text('Value of the label.', { empty: true }),
      {
        default: {},
        example: { site: 'hq' },
      },
    ),
  },
  { nothing: nothing('static_configs') },
);

const fileEntry = field.section(
  'Targets that stand in files, as lists of `targets` and `labels`; a changed file is read at once.',
  {
    files: field.list(
      'Paths, relative to this file; the last part may hold `*`.',
      field.text('A path.', {
        pattern: /^(?!https?:\/\/)[^*]*(?:\*[^/]*)?\.(?:json|yml|yaml|JSON|YML|YAML)$/,
        what: 'a path that ends in .json, .yml or .yaml and holds * in its last part only (a URL belongs into http_sd_configs)',
      }),
      { example: ['targets/*.json'] },
    ),
    refresh_interval: refreshInterval('5m'),
  },
  { nothing: nothing('file_sd_configs'), rules: (keys) => emptyFaults(keys, 'files') },
);

const httpEntry = field.section(
  'Targets that a server gives, as a JSON list of `targets` and `labels`.',
  {
    url: field.url('Where they are asked for.', { example: 'http://localhost:8080/targets' }),
    refresh_interval: refreshInterval('1m'),
    ...httpClientEntries,
  },
  { nothing: nothing('http_sd_configs'), rules: httpClientRules },
);

const dnsEntry = field.section(
  'Targets that are records of DNS.',
  {
    names: field.list('Names that are asked for.', field.text('A name.'), {
      example: ['_node._tcp.example.com'],
    }),
    type: field.text('Type of the records.', {
      default: 'SRV',
      pattern: /^(?:SRV|A|AAAA|MX)$/i,
      what: 'one of SRV, A, AAAA, MX',
    }),
    port: field.integer('Port of the targets; needed for A, AAAA and MX, of no effect for SRV.', {
      optional: true,
      example: 9100,
      min: 0,
      max: 65_535,
    }),
    refresh_interval: refreshInterval('30s'),
  },
  {
    nothing: nothing('dns_sd_configs'),
    rules: (keys) => [...emptyFaults(keys, 'names'), ...portFaults(keys)],
  },
);

/** The keys that say where targets come from, for any section that has targets. */
export const discoveryEntries = {
  static_configs: field.list('Targets that stand here.', staticEntry, { default: [] }),
  file_sd_configs: field.list('Targets that stand in files.', fileEntry, { default: [] }),
  http_sd_configs: field.list('Targets that servers give.', httpEntry, { default: [] }),
  dns_sd_configs: field.list('Targets that are records of DNS.', dnsEntry, { default: [] }),
} as const;

/** Discoveries of Prometheus and vmagent that are not built here. */
const OTHERS = [
  ...[
    'aws',
    'azure',
    'consul',
    'consulagent',
    'digitalocean',
    'docker',
    'dockerswarm',
    'ec2',
    'ecs',
    'eureka',
    'gce',
  ],
  ...[
    'hetzner',
    'ionos',
    'kubernetes',
    'kuma',
    'lightsail',
    'linode',
    'marathon',
    'nerve',
    'nomad',
    'openstack',
  ],
  ...[
    'outscale',
    'ovhcloud',
    'puppetdb',
    'scaleway',
    'serverset',
    'stackit',
    'triton',
    'uyuni',
    'vultr',
    'yandexcloud',
  ],
];

const INSTEAD = `this discovery is not built in; there are ${Object.keys(discoveryEntries).join(', ')}: let a program write a file, or answer over HTTP`;

/** Keys of other discoveries with what is said of them; for the `refused` of a section with `discoveryEntries`. */
export const refusedDiscoveries: Readonly<Record<string, string>> = Object.fromEntries(
  [...OTHERS.map((name) => `${name}_sd_configs`), 'vultr_configs'].map((key) => [key, INSTEAD]),
);

function emptyFaults(keys: Readonly<Record<string, unknown>>, key: string): Fault[] {
  const list = keys[key];
  return Array.isArray(list) && list.length === 0 ? [{ path: [key], message: 'must not be empty' }] : [];
}

function portFaults({ type, port }: Readonly<Record<string, unknown>>): Fault[] {
  if (typeof type !== 'string' || !/^(?:A|AAAA|MX)$/i.test(type) || (port !== undefined && port !== 0))
    return [];
  return [{ path: ['type'], message: `records of type ${type} say no port; give port` }];
}

/** What the keys give. */
export type DiscoveryKeys = Section<typeof discoveryEntries>;

/** Compiles checked keys; files are taken relative to `directory`. All static ones are one entry, and come first. */
export function discoveryConfigs(keys: DiscoveryKeys, directory: string): DiscoveryConfig[] {
  const groups = keys.static_configs.map(({ targets, labels }, i) => ({
    source: String(i),
    targets: targets.map((target) => ({ __address__: target })),
    labels,
  }));
  return [
    ...(groups.length === 0 ? [] : [{ kind: 'static', groups } as const]),
    ...keys.file_sd_configs.map(
      (entry): DiscoveryConfig => ({
        kind: 'file',
        files: entry.files.map((file) => resolve(directory, file)),
        refreshMs: entry.refresh_interval,
      }),
    ),
    ...keys.http_sd_configs.map(
      (entry): DiscoveryConfig => ({
        kind: 'http',
        url: entry.url,
        refreshMs: entry.refresh_interval,
        http: { ...httpClientOptions(entry, directory), keepAlive: true },
      }),
    ),
    ...keys.dns_sd_configs.map(
      (entry): DiscoveryConfig => ({
        kind: 'dns',
        names: entry.names,
        type: entry.type.toUpperCase() as DnsDiscovery['type'],
        port: entry.port ?? 0,
        refreshMs: entry.refresh_interval,
      }),
    ),
  ];
}
