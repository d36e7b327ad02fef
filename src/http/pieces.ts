/**
 * A long text as it is made, in pieces of a few kilobytes: others have their turn between two of them. A piece may be empty, where much was looked at and nothing is to be said of it.
 */
export type Pieces = Iterable<string>;

/** Pieces between two texts. */
export function* enclosed(before: string, pieces: Pieces, after: string): Generator<string> {
  yield before;
  yield* pieces;
  yield after;
}

/** A JSON list; `undefined` is no value, and lets others have their turn. */
export function* jsonList(values: Iterable<object | undefined>): Generator<string> {
  let mark = '[';
  for (const value of values) {
    yield value === undefined ? '' : mark + JSON.stringify(value);
    if (value !== undefined) mark = ',';
  }
  yield mark === '[' ? '[]' : ']';
}

/** Each of the items made into something when its turn has come. */
export function* lazily<T, U>(items: Iterable<T>, make: (item: T) => U): Generator<U> {
  for (const item of items) yield make(item);
}
