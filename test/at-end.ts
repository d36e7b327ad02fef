import type { TestContext } from 'node:test';

type Undo = () => unknown;

const undos = new WeakMap<object, Undo[]>();

/**
 * Does this when the test ends, however it ends; what was asked for last is done first, one after the other. `t.after` does the oldest first: there a
 * folder goes before the process that still writes in it, and its removal fails.
 */
export function atEnd(t: Pick<TestContext, 'after'>, undo: Undo): void {
  const known = undos.get(t);
  if (known !== undefined) return void known.push(undo);
  const list = [undo];
  undos.set(t, list);
  t.after(() => undoAll(list));
}

async function undoAll(list: Undo[]): Promise<void> {
  const errors: unknown[] = [];
  for (let undo = list.pop(); undo !== undefined; undo = list.pop()) {
    try {
      await undo();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}
