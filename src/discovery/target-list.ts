import { createHash } from 'node:crypto';
import { SentinelError, TimeSlice } from '../lib/index.js';
import type { TargetGroup } from './target-group.js';

/** A list of target groups, as a server or a file gives it, has at most so many bytes: several times as many are needed while it is read. */
export const MAX_LIST_BYTES = 16 * 2 ** 20;

/** Commas and opening brackets of a list at most: 16 MiB of `{},{},` would take 500 MiB and hold the loop for seconds. A group of three labels has about seven. */
const MAX_MARKS = 1_000_000;
const MARKS: readonly number[] = [...Buffer.from(',[{')];

/** Groups between two looks at the time. */
const SLICE_GROUPS = 500;

/** What all groups of one list have in common. */
export interface ListOrigin {
  /** The first part of each group's `source`; the index follows. */
  source: string;
  /** A label that says where the list is from, in place of one of that name. */
  label: Readonly<Record<string, string>>;
}

/**
 * Reads a list again and again. One with the bytes of the last good one gives the same groups, and is not looked into. Keeps a hash, not the bytes.
 */
export class TargetList {
  readonly #origin: ListOrigin;
  #hash = '';
  #groups: readonly TargetGroup[] = [];

  constructor(origin: ListOrigin) {
    this.#origin = origin;
  }

  /** The groups of a body, made into values by `parse`. Throws SEN_LIMIT, or SEN_DISCOVERY, which says what is wrong and in which group. */
  async read(body: Buffer, parse: (text: string) => unknown): Promise<readonly TargetGroup[]> {
    const hash = createHash('sha1').update(body).digest('base64');
    if (hash === this.#hash) return this.#groups;
    requireFewMarks(body);
    this.#groups = await groupsOf(await parse(body.toString('utf8')), this.#origin);
    this.#hash = hash;
    return this.#groups;
  }
}

function requireFewMarks(body: Buffer): void {
  const [comma, list, map] = MARKS;
  let marks = 0;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i];
    if (byte === comma || byte === list || byte === map) marks++;
  }
  if (marks > MAX_MARKS)
    throw new SentinelError('SEN_LIMIT', `it holds more than ${MAX_MARKS} commas and brackets`);
}

/** A JSON text as values. Throws SEN_DISCOVERY. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // V8's message shows a part of the text, which may hold a secret.
    const { message } = error as Error;
    const where = /end of JSON input/.test(message) ? 'it ends too early' : /position \d+/.exec(message)?.[0];
    throw wrong(`this is not JSON${where === undefined ? '' : ` (${where})`}`);
  }
}

async function groupsOf(list: unknown, origin: ListOrigin): Promise<readonly TargetGroup[]> {
  if (!Array.isArray(list)) throw wrong(`expected a list of target groups, got ${kindOf(list)}`);
  const slice = new TimeSlice();
  const groups: TargetGroup[] = [];
  for (let i = 0; i < list.length; i++) {
    const group = groupOf(list[i], i, origin);
    if (group.targets.length > 0) groups.push(group);
    if (i % SLICE_GROUPS === SLICE_GROUPS - 1 && slice.isUp) await slice.next();
  }
  return groups;
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
  return Object.entries(labels).map(([name, value]) => {
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
