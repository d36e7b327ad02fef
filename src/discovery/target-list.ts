import { createHash } from 'node:crypto';
import { SentinelError, sameValue, TimeSlice } from '../lib/index.js';
import type { TargetGroup } from './target-group.js';

/** A list of target groups, as a server or a file gives it, has at most so many bytes: several times as many are needed while it is read. */
export const MAX_LIST_BYTES = 16 * 2 ** 20;

/** Commas and opening brackets of a list at most: 16 MiB of `{},{},` would take 500 MiB and hold the loop for seconds. A group of three labels has about seven. */
const MAX_MARKS = 1_000_000;
const MARKS: readonly number[] = [...Buffer.from(',[{')];

/** Labels of a group at most: they are put in order for each of its targets. */
const MAX_GROUP_LABELS = 1000;
/** Labels of all targets of a list at most, those of a group counted for each of its targets: a small list can stand for many millions, and one takes about 40 bytes. */
const MAX_LABELS = 10_000_000;

/** Bytes, or groups, between two looks at the time: a short list is read in one go. */
const SLICE_BYTES = 2 ** 18;
const SLICE_GROUPS = 64;

/** Makes a value of a body, and gives way to others by the slice. Throws SEN_DISCOVERY or SEN_LIMIT. */
type ParseList = (body: Buffer, slice: TimeSlice) => Promise<unknown>;

/** What all groups of one list have in common. */
export interface ListOrigin {
  /** The first part of each group's `source`; the index follows. */
  source: string;
  /** A label that says where the list is from, in place of one of that name. */
  label: Readonly<Record<string, string>>;
}

/**
 * Reads a list again and again. One with the bytes of the last good one gives the same groups, and is not looked into. Of another one, what a group had before is the very same when it
 * has not changed (its targets, its labels): who knows them need not look again. Keeps a hash, not the bytes. Gives way to others while it reads.
 */
export class TargetList {
  readonly #origin: ListOrigin;
  #hash = '';
  #groups: readonly TargetGroup[] = [];

  constructor(origin: ListOrigin) {
    this.#origin = origin;
  }

  /** The groups of a body, made into values by `parse`. Throws SEN_LIMIT, or SEN_DISCOVERY, which says what is wrong and in which group. */
  async read(body: Buffer, parse: ParseList): Promise<readonly TargetGroup[]> {
    const slice = new TimeSlice();
    // What follows input and what follows it in the first slice would be one turn of the loop.
    if (body.length > SLICE_BYTES) await slice.next();
    const hash = await hashOf(body, slice);
    if (hash === this.#hash) return this.#groups;
    const list = await parse(body, slice);
    if (!Array.isArray(list)) throw wrong(`expected a list of target groups, got ${kindOf(list)}`);
    this.#groups = await this.#groupsOf(list, slice);
    this.#hash = hash;
    return this.#groups;
  }

  async #groupsOf(list: readonly unknown[], slice: TimeSlice): Promise<readonly TargetGroup[]> {
    const before = new Map<string, TargetGroup>();
    for (const [i, group] of this.#groups.entries()) {
      if (i % SLICE_GROUPS === SLICE_GROUPS - 1 && slice.isUp) await slice.next();
      before.set(keyOf(group), group);
    }
    const groups: TargetGroup[] = [];
    let labels = 0;
    for (const [i, item] of list.entries()) {
      if (i % SLICE_GROUPS === SLICE_GROUPS - 1 && slice.isUp) await slice.next();
      const group = groupOf(item, i, this.#origin);
      labels += group.targets.length * Object.keys(group.labels).length;
      if (labels > MAX_LABELS)
        throw new SentinelError(
          'SEN_LIMIT',
          `its targets have more than ${MAX_LABELS} labels, those of a group counted for each of its targets`,
        );
      if (group.targets.length > 0) groups.push(unchanged(group, before.get(keyOf(group))));
    }
    return groups;
  }
}

/** Finds a group in the list of before. Its labels belong to it: for a prober, thousands of groups have one address. */
const keyOf = ({ targets, labels }: TargetGroup) => JSON.stringify([targets[0]?.__address__, labels]);

/** The group, with the targets and labels of before where they are the same. */
function unchanged(group: TargetGroup, before: TargetGroup | undefined): TargetGroup {
  if (before === undefined) return group;
  const { source } = group;
  const { targets, labels } = before;
  if (!sameValue(targets, group.targets) || !sameValue(labels, group.labels)) return group;
  return source === before.source ? before : { source, targets, labels };
}

/** Throws SEN_LIMIT for a body that would take too much memory. */
async function hashOf(body: Buffer, slice: TimeSlice): Promise<string> {
  const hash = createHash('sha1');
  let marks = 0;
  for (let i = 0; i < body.length; i += SLICE_BYTES) {
    if (i > 0 && slice.isUp) await slice.next();
    const part = body.subarray(i, i + SLICE_BYTES);
    hash.update(part);
    marks += marksIn(part);
  }
  if (marks > MAX_MARKS)
    throw new SentinelError('SEN_LIMIT', `it holds more than ${MAX_MARKS} commas and brackets`);
  return hash.digest('base64');
}

function marksIn(bytes: Buffer): number {
  const [comma, list, map] = MARKS;
  let marks = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === comma || byte === list || byte === map) marks++;
  }
  return marks;
}

/** As Prometheus reads it: no other keys, each of both may be absent or null. */
function groupOf(item: unknown, i: number, { source, label }: ListOrigin): TargetGroup {
  if (!isMap(item)) throw wrong(`group ${i}: expected a map with targets and labels, got ${kindOf(item)}`);
  const unknown = Object.keys(item).find((key) => key !== 'targets' && key !== 'labels');
  if (unknown !== undefined)
    throw wrong(`group ${i}: unknown key ${JSON.stringify(unknown)}; there are targets and labels`);
  const { targets, labels } = item;
  return {
    source: `${source}:${i}`,
    targets: targetsOf(targets ?? [], i),
    labels: Object.fromEntries([...labelsOf(labels ?? {}, i), ...Object.entries(label)]),
  };
}

function targetsOf(targets: unknown, i: number): TargetGroup['targets'] {
  if (!Array.isArray(targets)) throw wrong(`group ${i}: targets: expected a list, got ${kindOf(targets)}`);
  return targets.map((target: unknown) => ({ __address__: textOf(target, () => `group ${i}: targets`) }));
}

function labelsOf(labels: unknown, i: number): [string, string][] {
  if (!isMap(labels)) throw wrong(`group ${i}: labels: expected a map, got ${kindOf(labels)}`);
  const entries = Object.entries(labels);
  if (entries.length > MAX_GROUP_LABELS)
    throw new SentinelError(
      'SEN_LIMIT',
      `group ${i}: it has ${entries.length} labels; at most ${MAX_GROUP_LABELS} are taken`,
    );
  return entries.map(([name, value]) => {
    if (name === '') throw wrong(`group ${i}: labels: a label needs a name`);
    return [name, textOf(value, () => `group ${i}: label ${JSON.stringify(name)}`)];
  });
}

/** A null is an empty text to Go's decoders: an absent label, a target without an address. */
function textOf(value: unknown, where: () => string): string {
  if (typeof value === 'string') return value;
  if (value === null) return '';
  throw wrong(`${where()}: expected a text, got ${kindOf(value)}`);
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  return typeof value === 'string' ? 'a text' : String(value);
}

function wrong(message: string): SentinelError {
  return new SentinelError('SEN_DISCOVERY', message);
}
