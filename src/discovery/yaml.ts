import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml';
import { formatSize, SentinelError, type TimeSlice } from '../lib/index.js';

/** Values of a file at most, aliases put in: a small file of nested aliases could otherwise fill the memory. */
const MAX_VALUES = 2_000_000;
/** What a list of target groups needs is three. */
const MAX_DEPTH = 16;

/** A longer text is parsed in portions: `yaml` takes about two seconds per MiB. */
const PORTION_CHARS = 4096;

/** The longest text that is parsed in one go, because it cannot be cut. */
const MAX_WHOLE_CHARS = 2 ** 20;

/** What only makes sense in a whole document: anchors, aliases and tags, directives, the end of a document. */
const NEEDS_WHOLE = /(?:^|[\s[{,:])[&*!]|^(?:\.\.\.|%)/m;

/** The start of an item of a list that stands at the left margin. */
const ITEM = /^(?=-(?:\s|$))/m;

/**
 * A YAML text as values. Every scalar is the text that was written (`1.10` stays so, as where Go decodes into a string), but for null. A key that is there twice is
 * an error. A long list at the left margin is parsed in portions, and others have their turn in between, by the slice. Throws SEN_DISCOVERY with the line.
 */
export async function parseYaml(text: string, slice: TimeSlice): Promise<unknown> {
  if (text.length <= PORTION_CHARS || NEEDS_WHOLE.test(text)) return detached(parseWhole(text));
  const list: unknown[] = [];
  let line = 0;
  for (const portion of portionsOf(text)) {
    const items = parsePortion(portion, line);
    // Only comments, before the first item; anything else is no list at the margin.
    if (!Array.isArray(items) && items !== null) return detached(parseWhole(text));
    for (const item of detached(items ?? []) as unknown[]) list.push(item);
    line += portion.split('\n').length - 1;
    if (slice.isUp) await slice.next();
  }
  return list;
}

function parseWhole(text: string): unknown {
  if (text.length > MAX_WHOLE_CHARS)
    throw new SentinelError(
      'SEN_LIMIT',
      `longer than ${formatSize(MAX_WHOLE_CHARS)}: give JSON, or a YAML list whose dashes stand at the left margin, without anchors and tags`,
    );
  return parsePortion(text, 0);
}

/** Strings of yaml's are slices that hold the whole text; those of JSON.parse are not. */
function detached(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null));
}

/** Whole items, put together until they are long enough. */
function* portionsOf(text: string): Generator<string> {
  let portion = '';
  for (const item of text.split(ITEM)) {
    if (portion.length > 0 && portion.length + item.length > PORTION_CHARS) {
      yield portion;
      portion = '';
    }
    portion += item;
  }
  if (portion !== '') yield portion;
}

function parsePortion(text: string, firstLine: number): unknown {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    schema: 'failsafe',
    customTags: ['null'],
    merge: true,
    uniqueKeys: false, // yaml's own search is quadratic.
    prettyErrors: false,
    logLevel: 'error',
    lineCounter: lines,
  });
  const lineOf = (offset: number) => firstLine + lines.linePos(offset).line;
  const [error] = document.errors;
  if (error?.code === 'MULTIPLE_DOCS')
    throw wrong('the file holds more than one document', lineOf(error.pos[0]));
  // The message may end in the text that was found.
  if (error !== undefined) throw wrong(error.message.replace(/: .*/s, ''), lineOf(error.pos[0]));
  const targets = text.includes('*') ? targetsOf(document) : new Map<Alias, Node>();
  return new ValueReader(targets, lineOf).read(document.contents);
}

/** What each alias stands for: the last anchor of its name before it. In one walk, because yaml's own search walks for each of them. */
function targetsOf(document: Document): Map<Alias, Node> {
  const targets = new Map<Alias, Node>();
  const anchors = new Map<string, Node>();
  visit(document, {
    Node(_key, node) {
      if (isAlias(node)) {
        const target = anchors.get(node.source);
        if (target !== undefined) targets.set(node, target);
      } else if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  return targets;
}

/** Nodes to values. */
class ValueReader {
  readonly #targets: ReadonlyMap<Alias, Node>;
  readonly #lineOf: (offset: number) => number;
  #values = 0;
  #depth = 0;

  constructor(targets: ReadonlyMap<Alias, Node>, lineOf: (offset: number) => number) {
    this.#targets = targets;
    this.#lineOf = lineOf;
  }

  read(node: unknown): unknown {
    if (++this.#values > MAX_VALUES) throw this.#wrong(node, `more than ${MAX_VALUES} values`);
    if (this.#depth > MAX_DEPTH) throw this.#wrong(node, `nested more than ${MAX_DEPTH} levels deep`);
    this.#depth++;
    const value = this.#valueOf(this.#resolve(node));
    this.#depth--;
    return value;
  }

  #resolve(node: unknown): unknown {
    if (!isAlias(node)) return node;
    const target = this.#targets.get(node);
    if (target === undefined) throw this.#wrong(node, 'this alias has no anchor before it');
    return target;
  }

  #valueOf(node: unknown): unknown {
    if (isScalar(node)) return node.value;
    if (isSeq(node)) return node.items.map((item) => this.read(item));
    return isMap(node) ? this.#map(node.items) : null;
  }

  #map(items: readonly { key: unknown; value: unknown }[]): Record<string, unknown> {
    const own = new Map<string, unknown>();
    const merged = new Map<string, unknown>();
    for (const { key, value } of items) {
      const name = this.#keyOf(key);
      if (name === '<<') {
        this.#merge(value, merged);
        continue;
      }
      if (own.has(name)) throw this.#wrong(key, `the key ${JSON.stringify(name)} is there twice`);
      own.set(name, this.read(value));
    }
    return Object.fromEntries([...merged, ...own]);
  }

  #keyOf(key: unknown): string {
    const node = this.#resolve(key);
    if (!isScalar(node) || node.value === null) throw this.#wrong(key, 'a key must be a text');
    return typeof node.value === 'symbol' ? '<<' : String(node.value);
  }

  /** `<<: *base` or a list of such; of two the first one holds. */
  #merge(value: unknown, into: Map<string, unknown>): void {
    const read = this.read(value);
    for (const base of Array.isArray(read) ? read : [read])
      for (const [key, item] of Object.entries((base ?? {}) as object))
        if (!into.has(key)) into.set(key, item);
  }

  #wrong(node: unknown, message: string): SentinelError {
    return wrong(message, this.#lineOf((node as Node | null)?.range?.[0] ?? 0));
  }
}

function wrong(message: string, line: number): SentinelError {
  return new SentinelError('SEN_DISCOVERY', `line ${line}: ${message}`);
}
