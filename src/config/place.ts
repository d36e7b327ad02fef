import { isMap, isScalar, isSeq, type Node, type Pair, type Scalar, type YAMLMap } from 'yaml';
import type { Path } from './error.js';
import type { ParsedYaml } from './syntax.js';
import { isMergeKey, keyOf, resolve } from './value.js';

/** Where something stands. */
export interface Place {
  offset: number;
  /** The value itself, when the place is one. */
  scalar: Scalar | undefined;
}

/** Finds the places of paths in a parsed file; each map is looked through once. */
export class Places {
  readonly #yaml: ParsedYaml;
  readonly #pairs = new Map<YAMLMap, Map<string, Pair>>();

  constructor(yaml: ParsedYaml) {
    this.#yaml = yaml;
  }

  /**
   * The value at the path, behind aliases where the anchor is; the key when `atKey`, or when it has no value. What is not there is at the
   * section that lacks it: at its key, in a list at its start.
   */
  find(path: Path, atKey = false): Place {
    let node = this.#yaml.root as unknown;
    let key: unknown;
    for (const step of path) {
      const next = this.#step(node, step);
      if (next === undefined) return { offset: offsetOf(key ?? node), scalar: undefined };
      key = next.key;
      node = resolve(next.value, this.#yaml);
    }
    const isEmpty = node === null || node === undefined || (isScalar(node) && node.value === null);
    if (key !== undefined && (atKey || isEmpty)) return { offset: offsetOf(key), scalar: undefined };
    return { offset: offsetOf(node), scalar: isScalar(node) ? node : undefined };
  }

  /** The line of a path, from 1. */
  lineOf(path: Path): number {
    return this.position(this.find(path).offset).line;
  }

  /** Line and column of an offset, both from 1. */
  position(offset: number): { line: number; column: number } {
    const { line, col } = this.#yaml.lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  #step(node: unknown, step: string | number): { key: unknown; value: unknown } | undefined {
    if (isSeq(node) && typeof step === 'number')
      return step < node.items.length ? { key: undefined, value: node.items[step] } : undefined;
    return isMap(node) ? this.#pairsOf(node).get(String(step)) : undefined;
  }

  #pairsOf(map: YAMLMap): Map<string, Pair> {
    const known = this.#pairs.get(map);
    if (known !== undefined) return known;
    const pairs = new Map<string, Pair>();
    this.#pairs.set(map, pairs);
    for (const pair of map.items) {
      const key = keyOf(pair, this.#yaml);
      if (key !== undefined && !isMergeKey(pair) && !pairs.has(key)) pairs.set(key, pair);
    }
    for (const pair of map.items.filter(isMergeKey)) {
      const source = resolve(pair.value, this.#yaml);
      for (const item of isSeq(source) ? source.items : [source]) {
        const base = resolve(item, this.#yaml);
        if (!isMap(base)) continue;
        for (const [key, inherited] of this.#pairsOf(base)) if (!pairs.has(key)) pairs.set(key, inherited);
      }
    }
    return pairs;
  }
}

function offsetOf(node: unknown): number {
  return (node as Node | null | undefined)?.range?.[0] ?? 0;
}
