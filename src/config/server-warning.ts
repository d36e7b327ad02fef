import type { Report } from './report.js';
import { isServerSection, serverGlobalEntries } from './server-only.js';

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
