import { field } from '../lib/index.js';
import { httpClientOptions } from '../net/schema.js';
import { relabelFaults, relabelRules } from '../relabel/schema.js';
import type { Destination } from '../sender/index.js';
import {
  type DirectEntry,
  IGNORED_KEYS,
  IGNORED_QUEUE_KEYS,
  type RemoteWriteEntry,
} from '../sender/schema.js';
import { formatPath, type Path } from './error.js';
import type { Report } from './report.js';
import type { Readable } from './salvage.js';

interface Placed {
  destination: Destination;
  path: Path;
}

interface Entry {
  path: Path;
  name: string;
  enabled: boolean;
  keys: DirectEntry | RemoteWriteEntry;
}

/** Compiles both forms of destinations to one list: those of `sender.direct` first, and only the enabled ones. Secret files are read relative to `directory`. */
export function compileDestinations(
  keys: Pick<Readable, 'sender' | 'remote_write' | 'global'>,
  directory: string,
  report: Report,
): Destination[] {
  const { sender, remote_write: remoteWrite } = keys;
  const scheme = keys.global.metric_name_validation_scheme ?? 'utf8';
  const placed: Placed[] = [];
  if (sender.min_backoff > sender.max_backoff)
    report.add(['sender', 'min_backoff'], 'min_backoff is longer than max_backoff');
  const entries = entriesOf(sender, remoteWrite);
  for (const entry of entries) {
    report.addIssues(entry.path, field.readSecretFiles(entry.keys, directory));
    const destination = destinationOf(entry, sender, directory);
    for (const { path, message } of relabelFaults(destination.relabel, scheme))
      report.add([...entry.path, 'write_relabel_configs', ...path], message);
    const { min_backoff, max_backoff } = entry.keys.queue_config ?? {};
    const isOwn = min_backoff !== undefined || max_backoff !== undefined;
    if (isOwn && destination.minBackoffMs > destination.maxBackoffMs)
      report.add([...entry.path, 'queue_config'], 'min_backoff is longer than max_backoff');
    if (entry.enabled) placed.push({ destination, path: entry.path });
  }
  refuseClashes(placed, report);
  warnOfIgnoredKeys(entries, report);
  return placed.map(({ destination }) => destination);
}

/** The entries with a URL. One that lacks other keys is in the report already: what is compiled of it is thrown away. */
function entriesOf(sender: Readable['sender'], remoteWrite: Readable['remote_write']): Entry[] {
  const direct = Object.entries(sender.direct).map(([name, keys]) => ({
    path: ['sender', 'direct', name],
    name,
    enabled: keys.enabled !== false,
    keys: keys as DirectEntry,
  }));
  const prometheus = remoteWrite.map((keys, i) => ({
    path: ['remote_write', i],
    name: keys.name ?? (keys.url === undefined ? '' : nameOfUrl(keys.url)),
    enabled: true,
    keys: keys as RemoteWriteEntry,
  }));
  return [...direct, ...prometheus].filter(({ keys }) => keys.url !== undefined);
}

function destinationOf({ name, keys }: Entry, sender: Readable['sender'], directory: string): Destination {
  // Absent only when they are wrong: see `entriesOf`.
  const { write_relabel_configs: rules = [], metadata_config: metadata }: Partial<typeof keys> = keys;
  const queue = keys.queue_config;
  const ownBatchSize = 'batch_size' in keys ? keys.batch_size : undefined;
  return {
    name,
    url: keys.url,
    protocol: keys.protocol,
    order: keys.order ?? sender.order,
    timeoutMs: keys.remote_timeout ?? sender.timeout,
    minBackoffMs: queue?.min_backoff ?? sender.min_backoff,
    maxBackoffMs: queue?.max_backoff ?? sender.max_backoff,
    batchSize: ownBatchSize ?? queue?.max_samples_per_send ?? sender.batch_size,
    flushIntervalMs: queue?.batch_send_deadline ?? sender.flush_interval,
    relabel: relabelRules(rules),
    sendExemplars: keys.send_exemplars,
    sendNativeHistograms: keys.send_native_histograms,
    metadata: {
      send: metadata?.send ?? false,
      intervalMs: metadata?.send_interval ?? 0,
      maxPerSend: metadata?.max_samples_per_send ?? 0,
    },
    http: httpClientOptions(keys, directory),
  };
}

/** The URL without user name, password and query: they may be secrets, and they may change without the queue on disk losing its owner. */
function nameOfUrl(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

/** The name is what a queue on disk belongs to, so no two destinations may share it. Said at each of them. */
function refuseClashes(placed: readonly Placed[], report: Report): void {
  const byName = new Map<string, Placed[]>();
  for (const one of placed)
    byName.set(one.destination.name, [...(byName.get(one.destination.name) ?? []), one]);
  for (const same of byName.values()) {
    if (same.length < 2) continue;
    for (const { path } of same) {
      const others = same.filter((other) => other.path !== path);
      const places = others.map((other) => `${formatPath(other.path)} in line ${report.lineOf(other.path)}`);
      report.add(
        path,
        `its name is also that of ${places.join(' and ')}; give each destination a name of its own`,
      );
    }
  }
}

/** Names once all that is written and does nothing. */
function warnOfIgnoredKeys(entries: readonly Entry[], report: Report): void {
  const places = entries.flatMap(({ path, keys }) => [
    ...IGNORED_KEYS.filter((key) => keys[key] !== undefined).map((key) => [...path, key]),
    ...IGNORED_QUEUE_KEYS.filter((key) => keys.queue_config?.[key] !== undefined).map((key) => [
      ...path,
      'queue_config',
      key,
    ]),
  ]);
  const names = new Set(places.map((path) => path.at(-1)));
  if (places[0] !== undefined) report.warn(places[0], `no effect here: ${[...names].join(', ')}`);
}
