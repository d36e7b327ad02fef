import { type Cell, type Clock, type Logger, Throttle } from '../lib/index.js';
import { type Batch, type Labels, labelsToMap, type Taken } from '../model/index.js';
import { BlockBuilder, type BlockBuilderOptions, type BlockSettings } from './builder.js';
import { type Labelling, Labellings, type NameWatch } from './labelling.js';
import type { Route } from './route.js';

/** The stage that turns batches into blocks. */
export interface BlockStage {
  /** Encodes the batch for every route before it returns. `refused` only without a route, or after `close`; the samples are then counted as dropped. */
  push(batch: Batch): Taken;
  /** Seals every open block, now. */
  flush(): void;
  /**
   * From now on makes blocks for these routes. A route that stays keeps its open block, unless its destinations, the labels or the rules change: then, and
   * for a route that goes, the block is sealed and given on before this returns. The next stage must know the new routes before the next `push`, and the
   * old ones until now. Throws SEN_CONFIG_INVALID, and changes nothing, for a rule that does not compile.
   */
  apply(routes: readonly Route[], settings: BlockSettings): void;
  /** Seals what is open, and refuses from now on. */
  close(): void;
}

/** What the stage needs. */
export type BlockStageOptions = Omit<BlockBuilderOptions, 'route' | 'labelling'> & {
  routes: readonly Route[];
  log: Logger;
};

/** Of equal log lines at most one in this time. */
const LOG_PERIOD_MS = 60_000;

/** Creates the stage: one builder per route, every batch to each. */
export function createBlockStage({ routes, log, ...options }: BlockStageOptions): BlockStage {
  const labellings = new Labellings(nameLines(log, options.clock));
  let builders = new Map<string, BlockBuilder>();
  const dropped = droppedCounter(options);
  let closed = false;
  const flush = () => {
    for (const builder of builders.values()) builder.flush();
  };
  const apply = (routes: readonly Route[], settings: BlockSettings) => {
    const labelled = labelledRoutes(routes, settings, labellings);
    const names = new Set(routes.map(({ name }) => name));
    for (const [name, builder] of builders) if (!names.has(name)) builder.close();
    builders = new Map(
      [...labelled].map(([route, labelling]) => {
        const builder = builders.get(route.name);
        builder?.set(route, settings, labelling);
        return [route.name, builder ?? new BlockBuilder({ ...options, ...settings, route, labelling })];
      }),
    );
    labellings.keep(new Set(labelled.values()));
  };
  apply(routes, options);
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
    apply,
    close() {
      flush();
      closed = true;
    },
  };
}

/** How the series of each route are labelled; routes with equal rules share what is remembered per series. */
function labelledRoutes(
  routes: readonly Route[],
  { externalLabels, writeRelabel }: BlockSettings,
  labellings: Labellings,
): Map<Route, Labelling> {
  return new Map(
    routes.map((route) => {
      const rules = [...writeRelabel, ...route.relabel];
      return [route, labellings.get({ externalLabels, rules })];
    }),
  );
}

/** Tells of names in the log: of many series only some, because one rule or external label may concern all there are. */
function nameLines(log: Logger, clock: Clock): NameWatch {
  const throttle = new Throttle(LOG_PERIOD_MS, () => clock.monotonic());
  const say = (level: 'info' | 'warn', line: string) => (labels: Labels) => {
    const suppressed = throttle.pass(line);
    if (suppressed !== undefined) log[level]({ labels: labelsToMap(labels), suppressed }, line);
  };
  return {
    unnamed: say(
      'warn',
      'A series is not sent: it has no metric name, or a label without a name; write_relabel_configs can give it names',
    ),
    beyondLegacy: say(
      'info',
      'Series with names beyond [a-zA-Z0-9_:] are sent. A Prometheus 2 may answer 204 and store none of them; `metric_name_validation_scheme: legacy` asks targets to escape them',
    ),
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
