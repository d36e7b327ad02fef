import { type DropCounter, Encoder } from '../../src/block/encoder.js';
import { type BlockSettings, createBlockStage, routesOf } from '../../src/block/index.js';
import { Labellings } from '../../src/block/labelling.js';
import { silentLog } from '../../src/cli/command-log.js';
import { Metrics } from '../../src/lib/index.js';
import { Batch, type Block, labelsOf, SeriesTable } from '../../src/model/index.js';
import { ManualClock } from '../manual-clock.js';
import { metricValue } from '../metric-value.js';

type RouteSettings = Parameters<typeof routesOf>[0][number];

/** What a route does with samples. */
export type RouteLook = Pick<RouteSettings, 'relabel' | 'sendExemplars' | 'sendNativeHistograms'>;

/** A route without rules that takes plain samples only. */
export const PLAIN: RouteLook = { relabel: [], sendExemplars: false, sendNativeHistograms: false };

/** For an encoder that must not leave anything out. */
export const NO_DROPS: DropCounter = {
  sample: (reason) => {
    throw new Error(`a sample is dropped: ${reason}`);
  },
  exemplars: (reason) => {
    throw new Error(`exemplars are dropped: ${reason}`);
  },
};

const labellings = new Labellings({ unnamed: () => NO_DROPS.sample('name'), beyondLegacy: () => {} });

/** An encoder without rules, for plain samples; its columns are those of every other one with these labels. */
export function plainEncoder(externalLabels: Readonly<Record<string, string>> = {}): Encoder {
  const beside = { exemplars: false, histograms: false };
  return new Encoder(labellings.get({ externalLabels, rules: [] }), beside, NO_DROPS);
}

/** A stage whose blocks are kept, and a table with series by their names. */
export function stageOf(destinations: readonly RouteSettings[], settings: Partial<BlockSettings> = {}) {
  const clock = new ManualClock();
  const metrics = new Metrics();
  const blocks: Block[] = [];
  const warnings: object[] = [];
  const notes: object[] = [];
  const log = {
    ...silentLog,
    warn: (fields: object | string) => void warnings.push(Object(fields)),
    info: (fields: object | string) => void notes.push(Object(fields)),
  };
  const stage = createBlockStage({
    routes: routesOf(destinations),
    commitIntervalMs: 60_000,
    externalLabels: {},
    writeRelabel: [],
    ...settings,
    clock,
    metrics,
    log,
    next: (block) => {
      blocks.push(block);
      return 'taken';
    },
  });
  const table = new SeriesTable();
  const refOf = (name: string) =>
    table.find(name) ?? table.add(name, labelsOf({ __name__: name, job: 'node', instance: 'i1' }));
  /** Pushes one batch with these values, by the name of their series. */
  const push = (values: Readonly<Record<string, number>>, more: (batch: Batch) => void = () => {}) => {
    const batch = new Batch({ kind: 'scrape', id: 't' }, table, {
      plannedMs: 0,
      startedMs: 0,
      finishedMs: 0,
    });
    for (const [name, value] of Object.entries(values)) batch.add(refOf(name), value, clock.now());
    more(batch);
    return stage.push(batch);
  };
  /** The value of a line of the metrics page, 0 without it. */
  const metric = (name: string) => metricValue(metrics, name);
  return { clock, metrics, metric, blocks, warnings, notes, stage, table, push };
}
