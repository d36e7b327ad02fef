import Database from 'better-sqlite3';
import { openSqliteStore } from '../../src/buffer/open-store.js';
import type { OpenStore, Store } from '../../src/buffer/store.js';

/** A store whose methods go through `around`, which may wait, throw, or do what was asked. */
function wrapped(store: Store, around: (name: keyof Store, work: () => Promise<unknown>) => unknown): Store {
  return new Proxy(store, {
    get(target, name: keyof Store) {
      const method = target[name] as ((...args: unknown[]) => Promise<unknown>) | undefined;
      if (method === undefined) return undefined; // `then`, which `await` looks for.
      return (...args: unknown[]) => around(name, () => method.apply(target, args));
    },
  });
}

/** A store that fails while `fault` is set. */
export function faultyStore() {
  const state = {
    fault: undefined as string | undefined,
    /** The fault comes after the work was done. */
    isTooLate: false,
    operations: ['write', 'remove', 'dropOlder', 'countAttempt', 'probe'] as (keyof Store)[],
    openStore: (async (options) =>
      wrapped(await openSqliteStore(options), async (name, work) => {
        if (state.fault === undefined || !state.operations.includes(name)) return work();
        if (state.isTooLate) await work();
        throw new Database.SqliteError('disk fault', state.fault);
      })) satisfies OpenStore,
  };
  return state;
}

/** A store whose every operation takes a few turns of the loop, before and after. */
export const slowStore: OpenStore = async (options) => {
  const store = await openSqliteStore(options);
  let last: Promise<unknown> = Promise.resolve();
  const turns = async (count: number) => {
    for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  return wrapped(store, (_, work) => {
    const result = last.then(async () => {
      await turns(2);
      const given = await work();
      await turns(3);
      return given;
    });
    last = result.catch(() => undefined);
    return result;
  });
};

/** A store that does nothing while `isStalled` is set, and then all that it was asked. */
export function stallingStore() {
  const waiting: (() => void)[] = [];
  const state = {
    isStalled: false,
    openStore: (async (options) =>
      wrapped(await openSqliteStore(options), async (_, work) => {
        if (state.isStalled) await new Promise<void>((resolve) => waiting.push(resolve));
        return work();
      })) satisfies OpenStore,
    goOn: () => {
      state.isStalled = false;
      for (const resolve of waiting.splice(0)) resolve();
    },
  };
  return state;
}
