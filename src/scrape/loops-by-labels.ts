import type { Labels } from '../model/index.js';
import { sameLabels } from './exposed-series.js';
import { hashTexts } from './hash-index.js';
import type { TargetLoop } from './loop.js';

const NONE: readonly TargetLoop[] = [];

/** The loops of a pool that go on, to be found by the labels of their target, of which several may have the same. The labels of a loop do not change. */
export class LoopsByLabels {
  readonly #byHash = new Map<number, TargetLoop[]>();

  /** Takes in a loop. */
  add(loop: TargetLoop): void {
    const hash = hashTexts(loop.target.labels);
    const alike = this.#byHash.get(hash);
    if (alike === undefined) this.#byHash.set(hash, [loop]);
    else alike.push(loop);
  }

  /** Lets a loop go. */
  remove(loop: TargetLoop): void {
    const hash = hashTexts(loop.target.labels);
    const alike = this.#byHash.get(hash) ?? [];
    const at = alike.indexOf(loop);
    if (at >= 0) alike.splice(at, 1);
    if (alike.length === 0) this.#byHash.delete(hash);
  }

  /** Those whose target has these labels. */
  of(labels: Labels): readonly TargetLoop[] {
    const alike = this.#byHash.get(hashTexts(labels)) ?? NONE;
    return alike.filter(({ target }) => sameLabels(target.labels, labels));
  }
}
