import { field, type Output, type Schema } from '../lib/index.js';
import { taskSection } from '../probe/schema.js';
import { type ScrapeKeys, scrapeConfigEntry } from '../scrape/schema.js';
import {
  type DirectEntry,
  directEntry,
  type RemoteWriteEntry,
  remoteWriteEntry,
  type SenderKeys,
} from '../sender/schema.js';
import { type configSchema, SECTIONS } from './schema.js';
import type { serverSections } from './server-only.js';

type Whole = Omit<Output<typeof configSchema>, keyof typeof serverSections>;

/** A configuration as the schema gives it, or what is right of it: then keys of tasks and destinations that are wrong are absent. */
export interface Readable extends Omit<Whole, 'tasks' | 'scrape_configs' | 'sender' | 'remote_write'> {
  tasks: readonly Partially<Output<typeof taskSection>>[];
  scrape_configs: readonly Partially<ScrapeKeys>[];
  sender: Omit<SenderKeys, 'direct'> & { readonly direct: Readonly<Record<string, Partially<DirectEntry>>> };
  remote_write: readonly Partially<RemoteWriteEntry>[];
}

/** Keys of a section that has faults: those that are wrong are absent. */
export type Partially<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** What is right of a file that the schema refuses, with defaults for the rest: so that what is wrong beyond the schema is found in the same go. */
export function salvage(written: unknown): Readable {
  const sections = asMap(written);
  const direct = Object.entries(asMap(asMap(sections.sender).direct)).map(
    ([name, entry]) => [name, field.checkKeys(directEntry, entry ?? {}).value] as const,
  );
  return {
    sentinel: keysOf(SECTIONS.sentinel, sections.sentinel),
    global: keysOf(SECTIONS.global, sections.global),
    tasks: asList(sections.tasks).map(taskOf),
    plugins: keysOf(SECTIONS.plugins, sections.plugins),
    scrape_configs: asList(sections.scrape_configs).map(salvageScrapeConfig),
    scrape_config_files: listOf(SECTIONS.scrape_config_files, sections.scrape_config_files),
    cluster: keysOf(SECTIONS.cluster, sections.cluster),
    http: keysOf(SECTIONS.http, sections.http),
    write_relabel_configs: listOf(SECTIONS.write_relabel_configs, sections.write_relabel_configs),
    buffer: keysOf(SECTIONS.buffer, sections.buffer),
    sender: { ...keysOf(SECTIONS.sender, sections.sender), direct: Object.fromEntries(direct) },
    remote_write: asList(sections.remote_write).map((e) => field.checkKeys(remoteWriteEntry, e).value),
    logging: keysOf(SECTIONS.logging, sections.logging),
  };
}

/** With a wrong timeout the interval goes too: nothing may be fitted to a timeout that is not the one that was meant. */
function taskOf(written: unknown): Readable['tasks'][number] {
  const { value, issues } = field.checkKeys(taskSection, written);
  return issues.some((issue) => issue.path[0] === 'timeout') ? { ...value, interval: undefined } : value;
}

/** What is right of a scrape config. With a wrong interval the timeout goes too, for the same reason. */
export function salvageScrapeConfig(written: unknown): Partially<ScrapeKeys> {
  const { value, issues } = field.checkKeys(scrapeConfigEntry, written);
  return issues.some((issue) => issue.path[0] === 'scrape_interval')
    ? { ...value, scrape_timeout: undefined }
    : value;
}

/** A list that is right, or none. */
const listOf = <T>(schema: Schema<readonly T[]>, written: unknown): readonly T[] =>
  field.check(schema, written).value ?? [];

/** The keys of a section that are right, and the defaults of the others; for sections whose keys may all be absent. */
function keysOf<T extends object>(schema: Schema<T>, written: unknown): T {
  const defaults = field.check(schema, {}).value as T;
  return { ...defaults, ...field.checkKeys(schema, written ?? {}).value };
}

const asMap = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};

/** A list as it is; anything else is an empty one. */
export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
