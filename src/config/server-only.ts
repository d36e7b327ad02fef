import { field } from '../lib/index.js';
import type { Report } from './report.js';

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

/** Names all that is written and does nothing, in one line. */
export function warnOfServerKeys(written: unknown, report: Report): void {
  const sections = Object.keys(mapOf(written)).filter(isServerSection);
  const keys = Object.keys(mapOf(mapOf(written).global))
    .filter((key) => Object.hasOwn(serverGlobalEntries, key))
    .map((key) => ['global', key]);
  const places = [...sections.map((name) => [name]), ...keys];
  if (places[0] === undefined) return;
  const names = places.map((path) => path.join('.')).join(', ');
  report.warn(places[0], `for Prometheus's server, no effect here: ${names}`);
}

const mapOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
