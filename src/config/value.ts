import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, type Scalar, type YAMLMap } from 'yaml';
import type { Path } from './error.js';
import { type Environment, type Expansion, expand, expandInRule, expandLabel } from './expand.js';
import { isServerSection } from './server-only.js';
import type { ParsedYaml } from './syntax.js';

/** What cannot be read in a parsed file, and where. */
export interface ValueFault {
  offset: number;
  path: Path;
  message: string;
}

/** A scalar that holds variables. */
export interface ExpandedScalar {
  /** Variables whose own value was put in. */
  names: readonly string[];
  text: string;
  /** It was read again as YAML and is no text any more. */
  reread: boolean;
}

const MAX_DEPTH = 64;
/** Values of a file at most, aliases put in: a small file of nested aliases could otherwise fill the memory. */
const MAX_VALUES = 2_000_000;
/** Names that objects of JavaScript have; valibot drops such keys without a word. */
const UNUSABLE_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/** Keys of a relabel rule whose default is another one than the empty text. */
const RULE_TEXTS: ReadonlySet<unknown> = new Set(['regex', 'replacement', 'separator']);

/** Turns a parsed file into plain values: aliases and merge keys put in, variables expanded, a key without value `undefined`. */
export class ValueReader {
  readonly faults: ValueFault[] = [];
  readonly expanded = new Map<Scalar, ExpandedScalar>();
  /** Variables of external labels that are empty. */
  readonly emptyVariables = new Set<string>();
  readonly #yaml: ParsedYaml;
  readonly #environment: Environment;
  readonly #asText: ReadonlySet<Scalar>;
  readonly #listOf: 'rules' | 'jobs';
  readonly #path: (string | number)[] = [];
  #values = 0;
  #depth = 0;
  #stopped = false;

  /** `asText`: scalars that are a text, whatever they look like. `listOf`: what a file holds that is a list. */
  constructor(
    yaml: ParsedYaml,
    environment: Environment,
    asText: ReadonlySet<Scalar>,
    listOf: 'rules' | 'jobs' = 'rules',
  ) {
    this.#listOf = listOf;
    this.#yaml = yaml;
    this.#environment = environment;
    this.#asText = asText;
  }

  /** The value of the whole file; see `faults`. */
  read(): unknown {
    return this.#read(this.#yaml.root);
  }

  /** Whether the scalar holds variables. */
  isExpanded(scalar: Scalar | undefined): boolean {
    return scalar !== undefined && this.expanded.has(scalar);
  }

  #read(node: unknown): unknown {
    if (this.#stopped || node === null) return undefined;
    const place = node as Node;
    if (++this.#values > MAX_VALUES)
      return this.#stop(place, `the file holds more than ${MAX_VALUES} values`);
    if (this.#depth > MAX_DEPTH)
      return this.#stop(place, `nested more than ${MAX_DEPTH} levels deep, or an alias that holds itself`);
    this.#depth++;
    const value = this.#valueOf(node);
    this.#depth--;
    return value;
  }

  #valueOf(node: unknown): unknown {
    if (isAlias(node)) return this.#read(this.#yaml.targets.get(node) ?? null);
    if (isScalar(node)) return this.#scalar(node);
    if (isSeq(node)) return node.items.map((item, i) => this.#at(i, item));
    return isMap(node) ? this.#map(node) : undefined;
  }

  #at(key: string | number, node: unknown): unknown {
    this.#path.push(key);
    const value = this.#read(node);
    this.#path.pop();
    return value;
  }

  #map(map: YAMLMap): Record<string, unknown> {
    const merged: Record<string, unknown> = {};
    const own: Record<string, unknown> = {};
    const first = new Map<string, Node>();
    for (const pair of map.items) {
      const key = keyOf(pair, this.#yaml);
      const place = pair.key as Node;
      if (key === undefined) {
        this.#fault(place, 'a key must be a plain word or a text');
        continue;
      }
      const before = first.get(key);
      if (before !== undefined)
        this.#fault(place, `this key is there twice; the first one is in line ${this.#lineOf(before)}`, key);
      else if (UNUSABLE_KEYS.has(key)) this.#fault(place, 'this word cannot be used as a key', key);
      else if (isMergeKey(pair)) this.#merge(pair, merged);
      else own[key] = this.#at(key, pair.value);
      first.set(key, before ?? place);
    }
    return { ...merged, ...own };
  }

  /** `<<: *base` or `<<: [*first, *second]`; of two sources the first one holds. */
  #merge(pair: Pair, into: Record<string, unknown>): void {
    const source = resolve(pair.value, this.#yaml);
    for (const item of isSeq(source) ? source.items : [source]) {
      const base = resolve(item, this.#yaml);
      if (!isMap(base)) {
        this.#fault(pair.key as Node, 'only maps can be merged', '<<');
        continue;
      }
      // Through #read, so that depth and number of values are counted.
      const values = this.#read(base) as Record<string, unknown> | undefined;
      for (const key of Object.keys(values ?? {})) if (!Object.hasOwn(into, key)) into[key] = values?.[key];
    }
  }

  #scalar(scalar: Scalar): unknown {
    const { value } = scalar;
    if (typeof value === 'string') return /[$%]/.test(value) ? this.#text(scalar, value) : value;
    if (this.#isTextOfRule()) return this.#textOfRule(scalar);
    if (this.#asText.has(scalar)) return value === null ? '' : (scalar.source ?? String(value));
    if (value === null) return undefined;
    if (typeof value === 'number' || typeof value === 'boolean') return value;
    return this.#fault(scalar, 'expected a text, a number, true or false');
  }

  /** The key of a relabelling rule that is being read. */
  #keyOfRule(): string | number | undefined {
    const list = this.#path.findIndex((key) => typeof key === 'string' && key.endsWith('relabel_configs'));
    const isRuleOfFile = list < 0 && this.#listOf === 'rules' && typeof this.#path[0] === 'number';
    return list < 0 && !isRuleOfFile ? undefined : this.#path[list + 2];
  }

  #isTextOfRule(): boolean {
    const key = this.#keyOfRule();
    return key !== undefined && key !== 'modulus';
  }

  /** `regex: true` and `replacement: 9100` are texts to Prometheus, as they are written; `replacement:` without a value is the empty one, and not the default. */
  #textOfRule({ value, source }: Scalar): string | undefined {
    if (value === null) return RULE_TEXTS.has(this.#keyOfRule()) ? '' : undefined;
    return source ?? String(value);
  }

  #text(scalar: Scalar, written: string): unknown {
    const expansion = this.#expansionOf(written);
    if (expansion.names.length + expansion.faults.length === 0) return expansion.text;
    for (const fault of expansion.faults) this.#fault(scalar, fault);
    const plain =
      scalar.type === 'PLAIN' && scalar.tag === undefined && expansion.whole && !this.#isTextOfRule();
    const value = plain && !this.#asText.has(scalar) ? this.#readAgain(expansion.text) : expansion.text;
    this.expanded.set(scalar, {
      names: expansion.taken,
      text: expansion.text,
      reread: typeof value !== 'string',
    });
    return expansion.faults.length > 0 ? undefined : value;
  }

  #expansionOf(written: string): Expansion {
    const [section, key] = this.#path;
    if (section === 'global' && key === 'external_labels') return this.#label(written);
    // Prometheus expands nothing in a section that only its server reads.
    if (isServerSection(section)) return { text: written, names: [], taken: [], faults: [], whole: false };
    const isOfRule = this.#keyOfRule() !== undefined;
    return isOfRule ? expandInRule(written, this.#environment) : expand(written, this.#environment);
  }

  #label(written: string): Expansion {
    const expansion = expandLabel(written, this.#environment);
    for (const name of expansion.missing) this.emptyVariables.add(name);
    return expansion;
  }

  /** A number, a flag or nothing, where the text reads as one. */
  #readAgain(text: string): unknown {
    const tag = this.#yaml.schema.tags.find(
      (known) => known.default === true && known.collection === undefined && known.test?.test(text) === true,
    );
    if (tag === undefined || tag.collection !== undefined) return text;
    const value = tag.resolve(text, () => undefined, {});
    return (isScalar(value) ? value.value : value) ?? undefined;
  }

  #lineOf(node: Node): number {
    return this.#yaml.lines.linePos(node.range?.[0] ?? 0).line;
  }

  #fault(node: Node, message: string, key?: string): undefined {
    const path = key === undefined ? [...this.#path] : [...this.#path, key];
    this.faults.push({ offset: node.range?.[0] ?? 0, path, message });
  }

  /** Ends the reading; the path to a place deep inside helps nobody. */
  #stop(node: Node, message: string): undefined {
    this.#stopped = true;
    this.#path.splice(3);
    return this.#fault(node, message);
  }
}

/** What an alias stands for; any other node is itself. */
export function resolve(node: unknown, yaml: ParsedYaml): unknown {
  return isAlias(node) ? yaml.targets.get(node) : node;
}

/** The key of a pair as a text: `1: x` has the key "1". `undefined` for a map, a list or nothing. */
export function keyOf(pair: Pair, yaml: ParsedYaml): string | undefined {
  const key = resolve(pair.key, yaml);
  if (!isScalar(key) || key.value === null) return undefined;
  return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
}

/** Whether the pair is `<<: ...`, which puts another map's keys in. */
export function isMergeKey(pair: Pair): boolean {
  return isScalar(pair.key) && pair.key.value === '<<' && pair.key.type === 'PLAIN';
}

/** Maps without the keys that have no value, at every depth: they must not cross to the probe host as given. */
export function withoutAbsent<T>(value: T): T {
  if (Array.isArray(value)) return value.map((item: unknown) => withoutAbsent(item)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const given = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(given.map(([key, item]) => [key, withoutAbsent(item)])) as T;
}
