/** Service discoveries of Prometheus and vmagent that are not built here. */
const DISCOVERIES = [
  'aws',
  'azure',
  'consul',
  'consulagent',
  'digitalocean',
  'docker',
  'dockerswarm',
  'ec2',
  'eureka',
  'gce',
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
  'ovhcloud',
  'puppetdb',
  'scaleway',
  'serverset',
  'stackit',
  'triton',
  'uyuni',
  'vultr',
  'yandexcloud',
] as const;

const INSTEAD =
  'there are static_configs, file_sd_configs, http_sd_configs and dns_sd_configs; let a program write a file, or answer over HTTP';

/** Keys of a scrape config that other versions or programs take: why they are not taken here. */
export const REFUSED_KEYS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    DISCOVERIES.map((name) => [`${name}_sd_configs`, `this discovery is not built: ${INSTEAD}`]),
  ),
  scrape_classic_histograms: 'since Prometheus 3.0 this key is called always_scrape_classic_histograms',
  stream_parse: 'pages of any size are parsed in slices here; leave the key out',
};
