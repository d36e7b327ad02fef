import type { Cell } from '../lib/index.js';
import type { Batch, Taken } from '../model/index.js';
import { BlockBuilder, type BlockBuilderOptions, type BlockSettings } from './builder.js';
import type { Route } from './route.js';

/** The stage that turns batches into blocks. */
export interface BlockStage {
  /** Encodes the batch for every route before it returns. `refused` only without a route, or after `close`; the samples are then counted as dropped. */
  push(batch: Batch): Taken;
  /** Seals every open block, now. */
  flush(): void;
  /**
   * From now on makes blocks for these routes. A route that stays keeps its open block, unless its destinations or the labels change: then, and for a
   * route that goes, the block is sealed and given on before this returns. The next stage must know the new routes before the next `push`, and the
   * old ones until now.
   */
  apply(routes: readonly Route[], settings: BlockSettings): void;
  /** Seals what is open, and refuses from now on. */
  close(): void;
}

/** What the stage needs. */
export type BlockStageOptions = Omit<BlockBuilderOptions, 'route'> & { routes: readonly Route[] };

/** Creates the stage: one builder per route, every batch to each. */
export function createBlockStage({ routes, ...options }: BlockStageOptions): BlockStage {
  let builders = new Map(routes.map((route) => [route.name, new BlockBuilder({ ...options, route })]));
  const dropped = droppedCounter(options);
  let closed = false;
  const flush = () => {
    for (const builder of builders.values()) builder.flush();
  };
  return {
    push(batch) {
      if (closed || builders.size === 0) {
        dropped(closed ? 'stopped' : 'no_destination').inc(batch.length);
        return 'refused';
      }
      for (const builder of builders.values()) builder.push(batch);
      return 'taken';
    },
    flush,
    apply(routes, settings) {
      const names = new Set(routes.map(({ name }) => name));
      for (const [name, builder] of builders) if (!names.has(name)) builder.close();
      builders = new Map(
        routes.map((route) => {
          const builder = builders.get(route.name);
          builder?.set(route, settings);
          return [route.name, builder ?? new BlockBuilder({ ...options, ...settings, route })];
        }),
      );
    },
    close() {
      flush();
      closed = true;
    },
  };
}

function droppedCounter({ metrics }: Pick<BlockBuilderOptions, 'metrics'>): (reason: string) => Cell {
  const family = metrics.family(
    'counter',
    'sentinel_block_samples_refused_total',
    'Samples that were not taken for any route, by reason.',
  );
  return (reason) => family.with({ reason });
}
