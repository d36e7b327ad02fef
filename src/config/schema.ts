import { bufferSection } from '../buffer/schema.js';
import { httpSection } from '../http/schema.js';
import { type Fault, field } from '../lib/index.js';
import { labelsField, pluginsSection, tasksSection } from '../probe/schema.js';
import { relabelField } from '../relabel/schema.js';
import {
  clusterSection,
  globalScrapeEntries,
  globalScrapeRules,
  scrapeConfigFilesSection,
  scrapeConfigsSection,
} from '../scrape/schema.js';
import { remoteWriteSection, senderSection } from '../sender/schema.js';
import { serverGlobalEntries, serverSections } from './server-only.js';

const sentinelSection = field.section(
  'Who this agent is, and where it keeps its data.',
  {
    name: field.text("Label `sentinel` on probe samples; without it the host's name.", {
      optional: true,
      example: 'sentinel-1',
    }),
    region: field.text('Label `region` on probe samples, when it is not empty.', {
      default: '',
      empty: true,
    }),
    labels: labelsField(
      'Labels added to probe samples.',
      ['sentinel', 'region', 'device_id', 'task', 'plugin', 'target'],
      {
        site: 'hq',
      },
    ),
    data_dir: field.text(
      'Where undelivered samples are kept, relative to the working directory; without it $STATE_DIRECTORY, else ./data.',
      { optional: true, example: '/var/lib/sentinel' },
    ),
    self_metrics_interval: field.duration(
      "How often the agent's own metrics are sent like any other samples; 0s = they are on /metrics only.",
      { default: '60s', max: 24 * 86_400_000 },
    ),
  },
  { default: {} },
);

const globalSection = field.section(
  "Prometheus's section of this name.",
  {
    external_labels: field.map(
      'Labels for every sample that lacks them. $NAME and ${NAME} are taken from the environment as Prometheus does it.',
      field.text('Value of the label.', { empty: true }),
      { default: {}, example: { datacenter: 'fra1' } },
    ),
    ...globalScrapeEntries,
    ...serverGlobalEntries,
  },
  { default: {}, rules: (keys) => [...externalLabelFaults(keys), ...globalScrapeRules(keys)] },
);

/** As Prometheus: any name is a good one, unless only the old ones are wanted. */
function externalLabelFaults(keys: Readonly<Record<string, unknown>>): Fault[] {
  const { external_labels: labels, metric_name_validation_scheme: scheme } = keys;
  if (typeof labels !== 'object' || labels === null) return [];
  return Object.keys(labels).flatMap((name) => {
    const isOld = /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name);
    const message =
      name === '__name__'
        ? 'the name of a metric cannot be set as a label'
        : name === '' || (scheme === 'legacy' && !isOld)
          ? 'expected a label name: letters, digits and _, not starting with a digit'
          : undefined;
    return message === undefined ? [] : [{ path: ['external_labels', name], message }];
  });
}

const loggingSection = field.section(
  'What the agent says, and where.',
  {
    level: field.choice('The least important lines that are kept.', ['debug', 'info', 'warn', 'error'], {
      default: 'info',
    }),
    format: field.choice('auto: pretty on a terminal, else json.', ['auto', 'pretty', 'json'], {
      default: 'auto',
    }),
    output: field.choice('auto: stdout under systemd, else both.', ['auto', 'stdout', 'file', 'both'], {
      default: 'auto',
    }),
    file_path: field.text(
      'The file, relative to the working directory; without it sentinel.log in $LOGS_DIRECTORY, else in ./logs.',
      { optional: true, example: '/var/log/sentinel/sentinel.log' },
    ),
    max_size: field.size('Size at which the file is moved aside and a new one begun; 0 = never.', {
      default: '10MiB',
    }),
    max_files: field.integer('Files kept, the one that is written included.', {
      default: 5,
      min: 1,
      max: 1000,
    }),
  },
  { default: {} },
);

const writeRelabelSection = relabelField('Rules for every sample before it is sent.', 'write');

/** The sections of a configuration file, in the order of the documentation. */
export const SECTIONS = {
  sentinel: sentinelSection,
  global: globalSection,
  tasks: tasksSection,
  plugins: pluginsSection,
  scrape_configs: scrapeConfigsSection,
  scrape_config_files: scrapeConfigFilesSection,
  cluster: clusterSection,
  http: httpSection,
  write_relabel_configs: writeRelabelSection,
  buffer: bufferSection,
  sender: senderSection,
  remote_write: remoteWriteSection,
  logging: loggingSection,
} as const;

/** A whole configuration file. */
export const configSchema = field.section('The configuration of Sentinel.', {
  ...SECTIONS,
  ...serverSections,
});

/** Sections that Prometheus has too. Where they want a text it takes a number or a flag as it is written, and so do we. */
const PROMETHEUS_SECTIONS: readonly unknown[] = [
  'global',
  'scrape_configs',
  'scrape_config_files',
  'remote_write',
  'write_relabel_configs',
];

/** Whether a path lies in one of Prometheus's sections. */
export const isPrometheusText = (path: readonly (string | number)[]): boolean =>
  PROMETHEUS_SECTIONS.includes(path[0]);
