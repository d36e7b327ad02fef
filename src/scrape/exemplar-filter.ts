import type { PageExemplar } from '../exposition/index.js';
import { compareBytes, type Exemplar, type SeriesRef } from '../model/index.js';

/** Characters of names and values together. */
const MAX_CHARACTERS = 128;

/** An accepted one, and whether the time was the page's. */
interface Last {
  exemplar: Exemplar;
  isTimed: boolean;
}

/** Which exemplars of a target go on: an exact repeat of a series' last one does not, so that an unchanged one is sent once. */
export class ExemplarFilter {
  readonly #last = new Map<SeriesRef, Last>();

  /** Those of one sample that go on, sorted by time, value and labels. Without a time of its own one has the sample's; a native histogram's must have one. */
  take(
    ref: SeriesRef,
    exposed: readonly PageExemplar[],
    sample: { timestampMs: number; isHistogram: boolean },
  ): Exemplar[] {
    const taken: Exemplar[] = [];
    const timed = exposed.filter(({ timestampMs }) => timestampMs !== undefined || !sample.isHistogram);
    const all = timed.map((exemplar): Last => {
      const { labels, value, timestampMs = sample.timestampMs } = exemplar;
      return {
        exemplar: { labels: labelsOf(labels), value, timestampMs },
        isTimed: exemplar.timestampMs !== undefined,
      };
    });
    for (const next of all.sort((a, b) => compare(a.exemplar, b.exemplar))) {
      if (!isGood(next.exemplar.labels) || isRepeat(this.#last.get(ref), next)) continue;
      this.#last.set(ref, next);
      taken.push(next.exemplar);
    }
    return taken;
  }

  /** A series has gone. */
  forget(ref: SeriesRef): void {
    this.#last.delete(ref);
  }
}

function isRepeat(last: Last | undefined, next: Last): boolean {
  if (last === undefined || !Object.is(last.exemplar.value, next.exemplar.value)) return false;
  const isTimed = last.isTimed || next.isTimed;
  if (isTimed && last.exemplar.timestampMs !== next.exemplar.timestampMs) return false;
  return compareLabels(last.exemplar.labels, next.exemplar.labels) === 0;
}

function compare(a: Exemplar, b: Exemplar): number {
  return a.timestampMs - b.timestampMs || a.value - b.value || compareLabels(a.labels, b.labels);
}

function compareLabels(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const order = compareBytes(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** Sorted, and without empty values. */
function labelsOf(exposed: readonly string[]): string[] {
  const pairs: [string, string][] = [];
  for (let i = 0; i < exposed.length; i += 2)
    if (exposed[i + 1] !== '') pairs.push([exposed[i]!, exposed[i + 1]!]);
  return pairs.sort(([a], [b]) => compareBytes(a, b)).flat();
}

/** Whether no name stands twice, and all is short enough. */
function isGood(labels: readonly string[]): boolean {
  for (let i = 2; i < labels.length; i += 2) if (labels[i] === labels[i - 2]) return false;
  let characters = 0;
  for (const text of labels) for (const _ of text) characters++;
  return characters <= MAX_CHARACTERS;
}
