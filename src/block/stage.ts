import type { Cell } from '../lib/index.js';
import type { Batch, Taken } from '../model/index.js';
import { BlockBuilder, type BlockBuilderOptions } from './builder.js';
import type { Route } from './route.js';

/** The stage that turns batches into blocks. */
export interface BlockStage {
  /** Encodes the batch for every route before it returns. `refused` only without a route, or after `close`; the samples are then counted as dropped. */
  push(batch: Batch): Taken;
  /** Seals every open block, now. */
  flush(): void;
  /** Seals what is open, and refuses from now on. */
  close(): void;
}

/** What the stage needs. */
export type BlockStageOptions = Omit<BlockBuilderOptions, 'route'> & { routes: readonly Route[] };

/** Creates the stage: one builder per route, every batch to each. */
export function createBlockStage({ routes, ...options }: BlockStageOptions): BlockStage {
  const builders = routes.map((route) => new BlockBuilder({ ...options, route }));
  const dropped = droppedCounter(options);
  let closed = false;
  const flush = () => {
    for (const builder of builders) builder.flush();
  };
  return {
    push(batch) {
      if (closed || builders.length === 0) {
        dropped(closed ? 'stopped' : 'no_destination').inc(batch.length);
        return 'refused';
      }
      for (const builder of builders) builder.push(batch);
      return 'taken';
    },
    flush,
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
