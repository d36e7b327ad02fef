import { field } from '../lib/index.js';

const section = () =>
  field.anything("A section of Prometheus's server. Accepted, and has no effect here.", { optional: true });

/** Sections of a `prometheus.yml` that an agent has no use for: they are not looked into. */
export const serverSections = {
  alerting: section(),
  rule_files: section(),
  remote_read: section(),
  storage: section(),
  tracing: section(),
  otlp: section(),
  runtime: section(),
} as const;

/** The same among the keys of `global`. */
export const serverGlobalEntries = {
  evaluation_interval: field.duration('Has no effect here; accepted because Prometheus has it.', {
    optional: true,
    example: '1m',
  }),
  rule_query_offset: field.duration('Has no effect here; accepted because Prometheus has it.', {
    optional: true,
    example: '0s',
  }),
  query_log_file: field.text('Has no effect here; accepted because Prometheus has it.', {
    optional: true,
    empty: true,
    example: '/var/log/prometheus/queries.log',
  }),
} as const;

/** Whether a section is one that only Prometheus's server has. */
export const isServerSection = (name: unknown): boolean =>
  typeof name === 'string' && Object.hasOwn(serverSections, name);
